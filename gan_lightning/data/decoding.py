"""Image files as bytes: upright, opaque, 8-bit, of one size."""

from collections.abc import Iterator

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from gan_lightning.data.identity import identity_of
from gan_lightning.data.image_files import MAX_PIXELS, ImageFile, Limit, read_image

STRIP = 2**20
"""Pixels of a large image that are converted together."""


def decode(file: ImageFile, image_shape: tuple[int, int, int], max_pixels: int = MAX_PIXELS) -> Tensor:
    """Decodes an image file to uint8 (C, H, W): upright, opaque, 8-bit, resized to cover the shape and cropped to it.

    Raises:
        UserError: The file cannot be read as an image; the message names it.
    """
    return read_image(file, lambda image: fitted(image, image_shape), limit_of(max_pixels))


def decode_and_name(file: ImageFile, image_shape: tuple[int, int, int], max_pixels: int) -> tuple[Tensor, int]:
    """Decodes an image file, and returns the identity of all its pixels, too."""

    def use(image: Image.Image) -> tuple[Tensor, int]:
        ImageOps.exif_transpose(image, in_place=True)
        image = opaque(image)
        return fitted(image, image_shape), identity_of(strips(image))

    return read_image(file, use, limit_of(max_pixels))


def limit_of(max_pixels: int) -> Limit:
    return Limit(
        max_pixels,
        f"data.max_pixels is {max_pixels:,}",
        "remove it, or skip unreadable files with data.skip_corrupt true",
    )


def fitted(image: Image.Image, image_shape: tuple[int, int, int]) -> Tensor:
    """Converts an image, in place, to uint8 (C, H, W), as `decode` says."""
    channels, height, width = image_shape
    ImageOps.exif_transpose(image, in_place=True)
    image = in_channels(image, channels)
    image = ImageOps.fit(image, (width, height), method=Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).view(height, width, channels).permute(2, 0, 1).contiguous()


def strips(image: Image.Image) -> Iterator[np.ndarray]:
    """Yields the pixels in colour, (h, W, 3), in parts: as a whole, they would be in memory once more."""
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        part = image.crop((0, top, image.width, min(top + rows, image.height)))
        yield np.asarray(part if part.mode == "RGB" else part.convert("RGB"))


def in_channels(image: Image.Image, channels: int) -> Image.Image:
    """Converts an image to an opaque one with 8 bits per channel: grey for one channel, else colour."""
    image, mode = opaque(image), "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def opaque(image: Image.Image) -> Image.Image:
    """Converts an image that is transparent, has more than 8 bits, or has no direct way to grey."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(in_bytes(np.asarray(image)))
    if image.mode == "LAB":
        return image.convert("RGB")
    return on_white(image) if image.has_transparency_data else image


def on_white(image: Image.Image) -> Image.Image:
    """Lays a transparent image on white, in strips: as a whole, it would be in memory four times."""
    result = Image.new("RGB", image.size)
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        strip = (strip.convert("LA") if strip.mode == "La" else strip).convert("RGBA")
        white = Image.new("RGBA", strip.size, "white")
        result.paste(Image.alpha_composite(white, strip).convert("RGB"), (0, top))
    return result


def in_bytes(values: np.ndarray) -> np.ndarray:
    """Scales the values of a picture with more than 8 bits, (H, W), to uint8.

    Floats are in [0, 1] or, rarely, in [0, 255]. Of integers, 65535 is white, unless they are of 32 bits and below 256.
    """
    top = values.max()
    times = 255 if values.dtype.kind == "f" and top <= 1 else 1
    over = 257 if values.dtype.kind != "f" and (values.itemsize == 2 or top > 255) else 1
    result = np.empty(values.size, dtype=np.uint8)
    for start in range(0, values.size, 2**20):  # in parts: as float64, an image would need eight times its memory
        part = values.reshape(-1)[start : start + 2**20].astype(np.float64) * times / over
        result[start : start + 2**20] = np.nan_to_num(part.round().clip(0, 255))
    return result.reshape(values.shape)
