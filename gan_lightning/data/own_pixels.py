"""Pictures as they are: their own size, depth and transparency."""

import sys
from collections.abc import Callable
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from gan_lightning.core.deep_files import deep_png, deep_tiff
from gan_lightning.data.decoding import in_bytes

ENDINGS_OF = {
    "PNG": (".png",),
    "TIFF": (".tif", ".tiff"),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
}
"""The formats in which pictures come back, with the endings of their files, the usual one first."""

OPTIONS: dict[str, dict] = {
    "TIFF": {"compression": "tiff_adobe_deflate"},
    "JPEG": {"quality": 95, "subsampling": 0},
    "WEBP": {"quality": 95},
}

MOST_SIDE = {"JPEG": 65_535, "WEBP": 16_383}
"""Pixels of a side of the largest picture that a format holds."""


class OwnPicture(NamedTuple):
    """A picture as it is.

    Args:
        pixels: (H, W, 1) if it is grey, else (H, W, 3); uint8 or uint16. Whatever is transparent has its colour, too.
        alpha: (H, W, 1), of the same kind, 0 where it is transparent; None if it is opaque.
        format: The name that Pillow has for the format of its file.
        profile: What its colours mean, an ICC profile; None if it does not say.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None = None
    format: str = "PNG"
    profile: bytes | None = None

    @property
    def highest(self) -> int:
        """The value of white."""
        return int(np.iinfo(self.pixels.dtype).max)

    def written(self) -> bytes:
        """Returns a file of it: JPEG and WebP of high quality, all else without loss."""
        pixels = self.pixels if self.alpha is None else np.concatenate([self.pixels, self.alpha], axis=2)
        if pixels.dtype == np.uint16:
            return (deep_tiff if self.format == "TIFF" else deep_png)(pixels, self.profile)
        buffer, image = BytesIO(), Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        image.save(buffer, format=self.format, icc_profile=self.profile, **OPTIONS.get(self.format, {}))
        return buffer.getvalue()


def written_format(own: str, side: int) -> str:
    """Returns the format in which a picture is written that came in one: the same, if it is kept and holds its size.

    Args:
        own: Pillow's name of the format that it came in.
        side: Its longer side in pixels.
    """
    own = "JPEG" if own == "MPO" else own
    return own if own in ENDINGS_OF and side <= MOST_SIDE.get(own, sys.maxsize) else "PNG"


def own_picture(image: Image.Image) -> OwnPicture:
    """Returns a picture as it is, turned upright by its EXIF tag. Palettes and other kinds of colour become RGB."""
    values, kind = own_pixels(image), image.format or "PNG"
    channels = 3 if values.shape[2] > 2 else 1
    alpha = values[:, :, channels:] if values.shape[2] > channels else None
    kept = {"L": 1, "LA": 1, "RGB": 3, "RGBA": 3}.get(image.mode, 1 if image.mode.startswith("I") else 0) == channels
    return OwnPicture(values[:, :, :channels], alpha, kind, image.info.get("icc_profile") if kept else None)


def own_pixels(image: Image.Image) -> np.ndarray:
    """Returns the pixels (H, W, C) of a picture, uint16 if it has 16 bits, else uint8; alpha last, if C is 2 or 4."""
    if image.mode.startswith(("I", "F")):
        return deep_grey(np.asarray(upright(image)))[:, :, None]
    if any(";16" in raw_mode(tile) for tile in getattr(image, "tile", [])):
        return deep_colours(image)
    image = upright(image)
    grey = image.mode in ("1", "L", "LA", "La")
    if image.mode in ("La", "RGBa"):
        image = image.convert({"La": "LA", "RGBa": "RGBA"}[image.mode])
    mode = ("LA" if grey else "RGBA") if image.has_transparency_data else ("L" if grey else "RGB")
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return pixels.reshape(*pixels.shape[:2], -1)


def upright(image: Image.Image) -> Image.Image:
    ImageOps.exif_transpose(image, in_place=True)
    return image


def deep_grey(values: np.ndarray) -> np.ndarray:
    """Returns values (H, W) as uint16 if they are whole and have 16 bits, else as uint8."""
    sixteen = values.itemsize == 2 or (values.dtype.kind == "i" and 255 < values.max() < 2**16 and values.min() >= 0)
    return values.astype(np.uint16) if sixteen else in_bytes(values)


def deep_colours(image: Image.Image) -> np.ndarray:
    """Returns colours of 16 bits, uint16 (H, W, C).

    Pillow decodes the upper eight of them. So it decodes the file again, told that the bytes are the other way round.
    """
    assert image.fp is not None  # type: ignore[attr-defined]
    image.fp.seek(0)  # type: ignore[attr-defined]
    data = image.fp.read()  # type: ignore[attr-defined]
    first, second = (Image.open(BytesIO(data), formats=[str(image.format)]) for _ in range(2))
    if any(raw_mode(tile) == "LA;16B" for tile in first.tile):  # type: ignore[attr-defined]
        four = np.asarray(retold(first, lambda raw: "RGBA")).astype(np.uint16)
        return np.stack([four[:, :, 0] << 8 | four[:, :, 1], four[:, :, 2] << 8 | four[:, :, 3]], axis=2)
    upper, lower = np.asarray(upright(first)), np.asarray(upright(retold(second, swapped)))
    return upper.astype(np.uint16) << 8 | lower


def raw_mode(tile: tuple) -> str:
    """Returns how the pixels of a part of a file are stored, in Pillow's words."""
    arguments = tile[3]
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def retold(image: Image.Image, told: Callable[[str], str]) -> Image.Image:
    """Changes how the pixels of a file are said to be stored."""
    tiles: list = []
    for tile in image.tile:  # type: ignore[attr-defined]
        raw = told(raw_mode(tile))
        tiles.append(tile._replace(args=(raw, *tile.args[1:]) if isinstance(tile.args, tuple) else raw))
    image.tile = tiles  # type: ignore[attr-defined]
    return image


def swapped(raw: str) -> str:
    """Returns the other order of bytes."""
    name, _, order = raw.partition(";16")
    native = "L" if sys.byteorder == "little" else "B"
    return f"{name};16{'B' if (native if order == 'N' else order) == 'L' else 'L'}"
