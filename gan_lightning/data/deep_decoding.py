"""Image files as numbers of their own depth: 16 bits where the file has them, else 8."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from gan_lightning.core.images import ImageShape
from gan_lightning.data.decoding import STRIP, in_channels, limit_of
from gan_lightning.data.identity import identity_of
from gan_lightning.data.image_files import MAX_PIXELS, ImageFile, read_image
from gan_lightning.data.own_pixels import own_pixels, raw_mode, upright

LUMA_OF_PILLOW = np.array([19595, 38470, 7471], np.float32) / 2**16
"""The weights of red, green and blue in grey, as Pillow has them: ITU-R BT.601."""

DEEPER = 257
"""65535 over 255."""


def is_deep(image: Image.Image) -> bool:
    """Whether an image that is not decoded yet has whole numbers of 16 bits."""
    return image.mode.startswith("I;16") or any(";16" in raw_mode(tile) for tile in getattr(image, "tile", []))


def values_of(image: Image.Image, channels: int) -> np.ndarray:
    """Returns an image upright and opaque, (H, W, channels), uint16 if it has 16 bits, else uint8.

    Args:
        image: The image.
        channels: 1 for grey, 3 for colour.
    """
    if is_deep(image):
        return deep_values(own_pixels(image), channels)
    pixels = np.asarray(in_channels(upright(image), channels))
    return pixels.reshape(*pixels.shape[:2], channels)


def decode_deep(file: ImageFile, image_shape: ImageShape, max_pixels: int = MAX_PIXELS) -> tuple[Tensor, int]:
    """Decodes an image file to uint16 (C, H, W), resized and cropped as by `decode`; and the identity of its pixels."""

    def use(image: Image.Image) -> tuple[Tensor, int]:
        channels, height, width = image_shape
        values = values_of(image, channels)
        return deepened(fitted_values(values, height, width)), identity_of(colour_strips(values))

    return read_image(file, use, limit_of(max_pixels))


def deep_values(pixels: np.ndarray, channels: int) -> np.ndarray:
    """Returns pixels uint16 (H, W, C), with alpha as the last of two or four, as grey or colour on white."""
    colours = 3 if pixels.shape[2] > 2 else 1
    found = pixels[:, :, :colours]
    if pixels.shape[2] > colours:
        share = pixels[:, :, colours:] / np.float32(65535)
        found = (found * share + 65535 * (1 - share)).round().astype(np.uint16)
    if colours > channels:
        return (found @ LUMA_OF_PILLOW).round().astype(np.uint16)[:, :, None]
    return found if colours == channels else np.repeat(found, channels, axis=2)


def fitted_values(values: np.ndarray, height: int, width: int) -> Tensor:
    """Returns values (H, W, C) resized to cover a size and cropped to it around the centre, (C, height, width)."""
    kind = values.dtype if values.dtype == np.uint8 else np.float32  # Pillow resizes numbers of 16 bits as floats
    planes = [Image.fromarray(plane.astype(kind)) for plane in values.transpose(2, 0, 1)]
    fits = [np.asarray(ImageOps.fit(plane, (width, height), method=Image.Resampling.LANCZOS)) for plane in planes]
    return torch.from_numpy(np.stack(fits).round().clip(0, np.iinfo(values.dtype).max).astype(values.dtype))


def colour_strips(values: np.ndarray) -> Iterator[np.ndarray]:
    """Yields values (H, W, C) in colour, (h, W, 3), in parts."""
    rows = max(1, STRIP // values.shape[1])
    for top in range(0, len(values), rows):
        part = values[top : top + rows]
        yield part if part.shape[2] == 3 else np.repeat(part, 3, axis=2)


def alike(images: Sequence[Tensor]) -> list[Tensor]:
    """Returns images of bytes as they are; if some have 16 bits, all with 16 bits."""
    deep = any(image.dtype == torch.uint16 for image in images)
    return [deepened(image) if deep else image for image in images]


def deepened(image: Tensor) -> Tensor:
    """Returns an image with 16 bits."""
    if image.dtype == torch.uint16:
        return image
    values = image.numpy().astype(np.uint16)
    values *= DEEPER
    return torch.from_numpy(values)
