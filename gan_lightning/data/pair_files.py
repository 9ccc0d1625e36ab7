"""Image files in pairs: an image and the input that it is to be made from, in one file or in two."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import Literal, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.images import ImageShape
from gan_lightning.data.decoding import limit_of
from gan_lightning.data.deep_decoding import alike, colour_strips, fitted_values, values_of
from gan_lightning.data.identity import identity_of
from gan_lightning.data.image_files import ImageFile, in_threads, read_image, reading
from gan_lightning.data.image_source import ImageSource, image_source

Side = Literal["left", "right"]

FIRST_FEW = 3
"""Names that a message lists."""

ORIENTATION = 0x0112
"""The EXIF tag that says how a photograph is turned: from 5 on, on its side."""


class PairFiles(Protocol):
    """Pairs of image files, or image files that hold pairs.

    Attributes:
        names: What each pair is called in messages.
        rule: What each pair must be, in words, and what to do about those that are not.
    """

    names: Sequence[str]
    rule: str

    def fault(self, index: int, max_pixels: int) -> str | None:
        """Returns what is wrong with the sizes of a pair, by its name, looking at headers alone; None if nothing is.

        Raises:
            UserError: A file cannot be read.
        """
        ...

    def read(self, index: int, shapes: tuple[ImageShape, ImageShape], max_pixels: int) -> tuple[Tensor, int]:
        """Reads an image and its input, resized to cover their shapes, of equal height and width, and cropped to them.

        Returns:
            uint8 (C + c, H, W), or uint16 if one has 16 bits, the image's channels first; the identity of the image.

        Raises:
            UserError: A file cannot be read.
        """
        ...


class SideBySide:
    """Files that hold an image and its input side by side.

    Args:
        root: The folder or the zip file.
        input_side: Where the input is.
    """

    rule = "must be two images of equal width side by side: remove these, or crop them to an even width"

    def __init__(self, root: str, input_side: Side) -> None:
        self.source, self.input_side = image_source(root), input_side
        self.names: Sequence[str] = self.source.names

    def fault(self, index: int, max_pixels: int) -> str | None:
        width, _ = size_of(self.source.file(index), max_pixels)
        return f"{self.names[index]} (of width {width})" if width % 2 else None

    def read(self, index: int, shapes: tuple[ImageShape, ImageShape], max_pixels: int) -> tuple[Tensor, int]:
        def use(image: Image.Image) -> tuple[Tensor, int]:
            target, given = (values_of(image, shape[0]) for shape in shapes)
            middle, is_left = target.shape[1] // 2, self.input_side == "left"
            target, given = (
                (target[:, middle:], given[:, :middle]) if is_left else (target[:, :middle], given[:, middle:])
            )
            return beside_each_other((target, given), shapes), identity_of(colour_strips(target))

        return read_image(self.source.file(index), use, limit_of(max_pixels))


class InTwoFolders:
    """Files of equal names in two folders: an image in one, its input in the other. Their endings may differ.

    Args:
        targets: The folder or the zip file of images.
        inputs: That of their inputs.

    Raises:
        UserError: A file has no partner, or several.
    """

    rule = "must be of one size: resize one of each, or remove them"

    def __init__(self, targets: str, inputs: str) -> None:
        self.sources = image_source(targets, "data.targets"), image_source(inputs, "data.inputs")
        numbers = [numbers_by_name(source) for source in self.sources]
        check_partners(*numbers)
        self.names: Sequence[str] = [*numbers[0]]
        self.pairs = [(numbers[0][name], numbers[1][name]) for name in self.names]

    def files(self, index: int) -> tuple[ImageFile, ...]:
        pairs = zip(self.sources, self.pairs[index], strict=True)
        return tuple(source.file(number) for source, number in pairs)

    def fault(self, index: int, max_pixels: int) -> str | None:
        target, given = (size_of(file, max_pixels) for file in self.files(index))
        differ = f"{self.names[index]} ({given[0]}x{given[1]} in data.inputs, {target[0]}x{target[1]} in data.targets)"
        return differ if target != given else None

    def read(self, index: int, shapes: tuple[ImageShape, ImageShape], max_pixels: int) -> tuple[Tensor, int]:
        pairs, limit = zip(self.files(index), shapes, strict=True), limit_of(max_pixels)
        sides = [
            read_image(file, lambda image, shape=shape: values_of(image, shape[0]), limit) for file, shape in pairs
        ]
        return beside_each_other(sides, shapes), identity_of(colour_strips(sides[0]))


def beside_each_other(sides: Sequence[np.ndarray], shapes: Sequence[ImageShape]) -> Tensor:
    """Returns images (H, W, C), each resized and cropped to its shape, as one with all their channels."""
    pairs = zip(sides, shapes, strict=True)
    return torch.cat(alike([fitted_values(side, height, width) for side, (_, height, width) in pairs]))


def size_of(file: ImageFile, max_pixels: int) -> tuple[int, int]:
    """Returns width and height of an image file, turned upright, by its header."""

    def use(image: Image.Image) -> tuple[int, int]:
        width, height = image.size
        return (height, width) if image.getexif().get(ORIENTATION, 1) >= 5 else (width, height)

    return read_image(file, use, limit_of(max_pixels))


def numbers_by_name(source: ImageSource) -> dict[str, int]:
    """Returns the number of each file of a source by its name without the ending.

    Raises:
        UserError: Two files differ by their endings alone.
    """
    found: dict[str, int] = {}
    for number, name in enumerate(source.names):
        stem = str(PurePosixPath(name).with_suffix(""))
        if stem in found:
            raise UserError(
                f"{source.root} holds {printable(source.names[found[stem]])} and {printable(name)}, and a pair is two "
                "files of one name: remove one, or rename it"
            )
        found[stem] = number
    return found


def check_partners(targets: Mapping[str, int], inputs: Mapping[str, int]) -> None:
    """Refuses files in one folder that have no partner of this name in the other."""
    alone = {"targets": [name for name in targets if name not in inputs]}
    alone["inputs"] = [name for name in inputs if name not in targets]
    found = [f"{len(names):,} of data.{key} ({first_names(names)})" for key, names in alone.items() if names]
    if found:
        raise UserError(
            f"data.targets has {len(targets):,} images and data.inputs {len(inputs):,}, and {' and '.join(found)} have "
            "no partner: a pair is two files of one name, one in each folder"
        )


def check_sizes_of(files: PairFiles, max_pixels: int) -> None:
    """Refuses pairs of sizes that do not fit. Files that cannot be read are left to those who read them."""

    def attempt(index: int) -> str | None:
        try:
            return files.fault(index, max_pixels)
        except UserError:
            return None

    with reading(max_pixels):
        faults = [fault for fault in in_threads(attempt, range(len(files.names))) if fault]
    if faults:
        raise UserError(
            f"{len(faults):,} of {len(files.names):,} pairs do not fit: {first_names(faults)}; each {files.rule}"
        )


def first_names(names: Iterable[str]) -> str:
    """Returns the first few names, in words."""
    first = [*islice(names, FIRST_FEW + 1)]
    return ", ".join(map(printable, first[:FIRST_FEW])) + ", ..." * (len(first) > FIRST_FEW)
