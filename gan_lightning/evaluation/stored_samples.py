"""Existing images, evaluated like the samples of a generator."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import pixels_of
from gan_lightning.data.image_data import scale
from gan_lightning.data.image_folder import ENDINGS, eight_bit, in_threads

OVERVIEWS = ("grid.png", "traversal.png")
"""Overviews that `gan predict` writes beside the samples."""

LOSSY = (".jpg", ".jpeg", ".webp", ".gif", ".jp2", ".avif")


class SampleSource(Protocol):
    """A source of samples: a `GenerativeModel`, or anything with the same attributes."""

    classes: int

    @property
    def device(self) -> torch.device: ...

    def sample(self, seeds: Iterable[int], labels: Iterable[int] | None = None) -> Tensor: ...


class StoredSamples:
    """Existing images as samples, numbered from 0.

    Args:
        pixels: (N, C, H, W) uint8.
        name: Where they come from, in words.
    """

    classes, device = 0, torch.device("cpu")

    def __init__(self, pixels: Tensor, name: str) -> None:
        self.pixels, self.name = pixels, name

    def __len__(self) -> int:
        return len(self.pixels)

    def sample(self, seeds: Iterable[int], labels: Iterable[int] | None = None) -> Tensor:
        """Returns the images with these numbers, (N, C, H, W) in [-1, 1]."""
        return scale(self.pixels[torch.as_tensor(list(seeds))])


def stored_samples(path: str | Path, image_shape: tuple[int, int, int]) -> StoredSamples:
    """Reads existing images for evaluation. None is resized.

    Args:
        path: A folder of pictures, taken in the order of their names (including subfolders, but not the overviews of
            `gan predict`), or a .npz or .npy file with an array uint8 (N, H, W, C), called `images` if there are
            several.
        image_shape: Channels, height, width of the real images.

    Raises:
        UserError: There are no images, or they have another shape.
    """
    path = Path(path)
    if path.is_dir():
        return from_folder(path, image_shape)
    if not path.is_file():
        raise UserError(f"images is {path}, which is not there: give a folder of pictures, or a .npz or .npy file")
    pixels = in_array(path)
    if pixels.dtype != np.uint8 or pixels.ndim != 4 or channels_first(pixels.shape[1:]) != tuple(image_shape):
        raise UserError(
            f"{path} holds {pixels.dtype} {pixels.shape}, and the real images are {tuple(image_shape)}: it must be "
            f"uint8 (N, {image_shape[1]}, {image_shape[2]}, {image_shape[0]})"
        )
    return StoredSamples(torch.from_numpy(pixels).permute(0, 3, 1, 2), str(path))


def from_folder(folder: Path, image_shape: tuple[int, int, int]) -> StoredSamples:
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in ENDINGS and p.name not in OVERVIEWS)
    if not paths:
        raise UserError(f"there are no images in {folder} or its subfolders: check images")
    lossy = sum(p.suffix.lower() in LOSSY for p in paths)
    name = f"{folder}" + (f" ({lossy:,} in lossy formats, whose artefacts affect the scores)" if lossy else "")
    return StoredSamples(torch.stack([*in_threads(lambda p: read_picture(p, image_shape), paths)]), name)


def read_picture(path: Path, image_shape: tuple[int, int, int]) -> Tensor:
    """Reads one picture as uint8 (C, H, W)."""
    channels, height, width = image_shape
    try:
        with Image.open(path) as file:
            image = eight_bit(file).convert("RGB" if channels == 3 else "L")
    except Exception as error:  # Pillow's decoders raise many kinds on damaged files
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"cannot read {path} ({reason}): remove it") from error
    wide = width * (1 if channels == 3 else channels)
    if image.size != (wide, height):
        raise UserError(
            f"{path} is {image.width}x{image.height}, but the real images are {wide}x{height}: samples are not "
            "resized, as that changes the score; compare them with images of their size (ImageFolder: "
            f"data.image_size [{image.height}, {image.width}])"
        )
    return torch.from_numpy(pixels_of(image, channels).copy()).view(height, width, channels).permute(2, 0, 1)


def in_array(path: Path) -> np.ndarray:
    """Returns the array in a file, without executing anything in it."""
    try:
        found = np.load(path, allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            return found["images" if "images" in found.files or len(found.files) != 1 else found.files[0]]
    except (OSError, ValueError, KeyError) as error:
        raise UserError(
            f"{path} holds no array of images: give a .npz or .npy file, or a folder of pictures"
        ) from error


def channels_first(shape: tuple[int, ...]) -> tuple[int, ...]:
    height, width, channels = shape
    return channels, height, width
