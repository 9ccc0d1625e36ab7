"""Pictures that are to be edited: read as they are, or fitted as training fits them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape, pixels_of
from gan_lightning.data.decoding import fitted
from gan_lightning.data.image_files import MAX_PIXELS, FileOnDisk, Limit, read_image
from gan_lightning.data.image_source import OVERVIEWS, image_source

PICTURE_LIMIT = Limit(MAX_PIXELS, f"at most {MAX_PIXELS:,} are read", "give another picture")

WHITE = 128
"""From this grey on, a pixel of a mask is white."""


def picture_paths(paths: Sequence[str]) -> list[Path]:
    """Returns the files of pictures: those named, and all below a folder that is named, but for overviews of samples.

    Raises:
        UserError: One is not there, or there are none.
    """
    named = [*map(Path, paths)]
    found = [path for path, _ in pictures_with_names(paths) if path.name not in OVERVIEWS or path in named]
    if not found:
        raise UserError(f"there are no images in {', '.join(paths)} but overviews: check images")
    return found


def pictures_with_names(paths: Sequence[str]) -> list[tuple[Path, Path]]:
    """Returns the files of pictures, each with its name, which is its path below the folder that is named.

    Where several would have one name, the name of the folder stands before it.

    Raises:
        UserError: One is not there, or there are none.
    """
    found: list[tuple[Path, Path, str]] = []
    for path in map(Path, paths):
        if path.is_dir():
            source = image_source(path, "images")
            found += [(path / name, Path(name), path.resolve().name) for name in source.names]
        elif path.is_file():
            found.append((path, Path(path.name), path.resolve().parent.name))
        else:
            raise UserError(f"there is no picture {path}: name image files, or a folder of them")
    if not found:
        raise UserError("images must be given: name image files, or a folder of them")
    times = Counter(name for _, name, _ in found)
    return [(path, name if times[name] == 1 else Path(folder) / name) for path, name, folder in found]


def read_pictures(paths: Sequence[Path], image_shape: ImageShape, fit: bool = False) -> Tensor:
    """Reads pictures (N, C, H, W) in [-1, 1].

    Args:
        paths: Their files.
        image_shape: Channels, height, width.
        fit: Whether to resize, crop and convert pictures of another size or kind, as training does.

    Raises:
        UserError: A file cannot be read as a picture, or is of another size or kind.
    """

    def use(image: Image.Image, path: Path) -> Tensor:
        return fitted(image, image_shape) if fit else exact(image, path, image_shape)

    read = [read_image(FileOnDisk(path), lambda image, path=path: use(image, path), PICTURE_LIMIT) for path in paths]
    return torch.stack(read).float() / 127.5 - 1


def exact(image: Image.Image, path: Path, image_shape: ImageShape) -> Tensor:
    """Returns the pixels, uint8 (C, H, W), of a picture that has the size and kind of the model's.

    Raises:
        UserError: It has not.
    """
    ImageOps.exif_transpose(image, in_place=True)
    channels, height, width = image_shape
    mode, size = ("RGB", (width, height)) if channels == 3 else ("L", (width * channels, height))
    if image.mode != mode or image.size != size:
        kinds = {"L": "L (grey)", "RGB": "RGB (colour)"}
        raise UserError(
            f"{path} is {kinds.get(image.mode, image.mode)} of {image.height}x{image.width}, and this model makes "
            f"{kinds[mode]} of {size[1]}x{size[0]}: convert it, or add --fit true to have it converted as in training"
        )
    return torch.from_numpy(np.array(pixels_of(image, channels))).permute(2, 0, 1)


def read_mask(path: Path, height: int, width: int) -> Tensor:
    """Reads a mask (H, W) bool from a picture, true where it is white: there, the image is missing.

    Raises:
        UserError: The file cannot be read as a picture, or has another size.
    """
    if not path.is_file():
        raise UserError(f"there is no picture {path}: mask takes one of the image's size, white where it is missing")

    def use(image: Image.Image) -> Tensor:
        if image.size != (width, height):
            raise UserError(f"{path} is {image.height}x{image.width}, and the images are {height}x{width}: the mask "
                            "must have their size")  # fmt: skip
        return torch.from_numpy(np.array(image.convert("L"))) >= WHITE

    return read_image(FileOnDisk(path), use, PICTURE_LIMIT)
