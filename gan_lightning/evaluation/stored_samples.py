"""Existing images, evaluated like the samples of a generator."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Protocol

import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import TensorDataset

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import pixels_of
from gan_lightning.data.decoding import in_channels
from gan_lightning.data.identity import identify, in_order
from gan_lightning.data.image_data import scale
from gan_lightning.data.image_files import MAX_PIXELS, ImageFile, Limit, in_threads, read_image, reading
from gan_lightning.data.image_source import OVERVIEWS, ZIP, image_source
from gan_lightning.evaluation.array_files import check_memory, read_images

LOSSY = (".jpg", ".jpeg", ".webp", ".gif", ".jp2", ".avif")


class SampleSource(Protocol):
    """A source of samples: a `GenerativeModel`, or anything with the same attributes."""

    classes: int

    @property
    def device(self) -> torch.device: ...

    def sample(self, seeds: Iterable[int], labels: Iterable[int] | None = None) -> Tensor: ...


class StoredSamples:
    """Existing images as samples, numbered from 0.

    They are numbered in an order that depends on their pixels only: the first names of a folder may all be of one kind.

    Args:
        pixels: (N, C, H, W) uint8.
        name: Where they come from, in words.
    """

    classes, device = 0, torch.device("cpu")

    def __init__(self, pixels: Tensor, name: str) -> None:
        self.pixels, self.name = pixels, name
        self.order = in_order(identify(TensorDataset(pixels)))

    def __len__(self) -> int:
        return len(self.pixels)

    def sample(self, seeds: Iterable[int], labels: Iterable[int] | None = None) -> Tensor:
        """Returns the images with these numbers, (N, C, H, W) in [-1, 1]."""
        return scale(self.pixels[self.order[list(seeds)]])


def stored_samples(path: str | Path, image_shape: tuple[int, int, int], memory_gib: float = 4.0) -> StoredSamples:
    """Reads existing images for evaluation. None is resized.

    Args:
        path: A folder or a .zip file of pictures (including subfolders, but not the overviews of `gan predict`), or a
            .npz or .npy file with an array uint8 (N, H, W, C), called `images` if there are several.
        image_shape: Channels, height, width of the real images.
        memory_gib: Memory for the images, in GiB.

    Raises:
        UserError: There are no images, they have another shape, or they need more memory.
    """
    path = Path(path)
    if not memory_gib > 0:
        raise UserError(f"judge.memory_gib is {memory_gib}; it must be above 0")
    if path.is_dir() or path.suffix.lower() == ZIP:
        return from_pictures(path, image_shape, memory_gib)
    if not path.is_file():
        raise UserError(
            f"images is {path}, which is {'no regular file' if path.exists() else 'not there'}: give a folder or "
            "a .zip file of pictures, or a .npz or .npy file"
        )
    pixels = read_images(path, image_shape, memory_gib)
    return StoredSamples(torch.from_numpy(pixels).permute(0, 3, 1, 2), str(path))


def from_pictures(path: Path, image_shape: tuple[int, int, int], memory_gib: float) -> StoredSamples:
    source = image_source(path, key="images")
    files = [source.file(i) for i, name in enumerate(source.names) if PurePosixPath(name).name not in OVERVIEWS]
    if not files:
        raise UserError(f"there are no images in {path} but overviews: check images")
    check_memory(path, len(files), image_shape, memory_gib)
    lossy = sum(str(file).lower().endswith(LOSSY) for file in files)
    name = f"{path}" + (f" ({lossy:,} in lossy formats, whose artefacts affect the scores)" if lossy else "")
    pixels = torch.empty((len(files), *image_shape), dtype=torch.uint8)
    with reading(MAX_PIXELS):
        for picture, place in zip(in_threads(lambda f: read_picture(f, image_shape), files), pixels, strict=True):
            place.copy_(picture)
    return StoredSamples(pixels, name)


def read_picture(file: ImageFile, image_shape: tuple[int, int, int]) -> Tensor:
    """Reads one picture as uint8 (C, H, W).

    Raises:
        UserError: It has another size, which its header tells, or it cannot be read.
    """
    channels, height, width = image_shape
    wide = width * (1 if channels == 3 else channels)

    def pixels(image: Image.Image) -> Tensor:
        if image.size != (wide, height):
            raise UserError(
                f"{file} is {image.width}x{image.height}, but the real images are {wide}x{height}: samples are not "
                "resized, as that changes the score; compare them with images of their size (ImageFolder: "
                f"data.image_size [{image.height}, {image.width}])"
            )
        found = pixels_of(in_channels(image, 3 if channels == 3 else 1), channels)
        return torch.from_numpy(found.copy()).view(height, width, channels).permute(2, 0, 1)

    limit = Limit(max(MAX_PIXELS, wide * height), f"the real images have {wide * height:,}", "remove it")
    return read_image(file, pixels, limit)
