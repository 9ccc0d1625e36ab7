"""What a folder of images holds, found by looking at some of them."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from gan_lightning.core.errors import UserError
from gan_lightning.data.decoding import limit_of, opaque
from gan_lightning.data.image_files import ImageFile, in_threads, read_image, reading
from gan_lightning.data.image_source import classes_of, image_source

LOOKED_AT = 128
"""Images that are opened."""

THUMBNAIL = (64, 64)
"""The size at which grey is told from colour."""

TINT = 8
"""Difference between red, green and blue, of 255, up to which a pixel is grey."""


@dataclass(frozen=True)
class Look:
    """What one image is like.

    Args:
        width: In pixels.
        height: In pixels.
        colour: Whether it has colours.
    """

    width: int
    height: int
    colour: bool


@dataclass(frozen=True)
class Survey:
    """What a folder of images holds.

    Args:
        images: Number of image files.
        classes: Number of images in each class, by its name; empty if there are no classes.
        looks: What those are like that were opened.
    """

    images: int
    classes: dict[str, int]
    looks: Sequence[Look]

    @property
    def side(self) -> float:
        """The median of the shorter sides, in pixels."""
        return median(min(look.width, look.height) for look in self.looks)

    @property
    def channels(self) -> int:
        """3 if more than one image in fifty has colours, else 1."""
        return 3 if sum(look.colour for look in self.looks) * 50 > len(self.looks) else 1

    def __str__(self) -> str:
        classes = f" in {len(self.classes)} classes" if self.classes else ""
        return f"{self.images:,} images{classes}, {'colour' if self.channels == 3 else 'grey'}, {self.sizes}"

    @property
    def sizes(self) -> str:
        """The smallest and the largest of the sizes, in words."""
        smallest, *_, largest = sorted({(look.width, look.height) for look in self.looks}, key=area) * 2
        first, last = (f"{width}x{height}" for width, height in (smallest, largest))
        return f"{first} pixels" if first == last else f"{first} to {last} pixels"


def area(size: tuple[int, int]) -> int:
    return size[0] * size[1]


def surveyed(root: Path, max_pixels: int) -> Survey:
    """Looks at the images of a folder: their number and classes, and the size and colours of some of them.

    Args:
        root: The folder or the zip file.
        max_pixels: As in `ImageFolder`.

    Raises:
        UserError: There is no image, or none of those opened can be read.
    """
    source = image_source(root)
    names, labels = classes_of(source.names)
    images = len(source.names)
    chosen = random.Random(0).sample(range(images), min(images, LOOKED_AT))
    with reading(max_pixels):
        found = [*in_threads(lambda index: look(source.file(index), max_pixels), chosen)]
    looks = [one for one in found if isinstance(one, Look)]
    if not looks:
        raise next(one for one in found if isinstance(one, UserError))
    counted = Counter(labels)
    return Survey(images, {name: counted[number] for number, name in enumerate(names)}, looks)


def look(file: ImageFile, max_pixels: int) -> Look | UserError:
    """Returns what an image is like, or the error that explains why it cannot be read."""
    try:
        return read_image(file, seen, limit_of(max_pixels))
    except UserError as error:
        return error


def seen(image: Image.Image) -> Look:
    width, height = image.size
    image.draft("RGB", THUMBNAIL)  # a JPEG file is decoded at an eighth of its size
    small = opaque(image).convert("RGB").resize(THUMBNAIL)
    pixels = np.asarray(small).astype(int)
    return Look(width, height, bool((np.ptp(pixels, axis=2) > TINT).mean() > 0.01))
