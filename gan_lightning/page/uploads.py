"""Pictures and masks that a browser sends. They are never written to disk."""

import base64
import binascii
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape
from gan_lightning.data.decoding import fitted
from gan_lightning.data.image_files import read_image
from gan_lightning.editing.pictures import PICTURE_LIMIT

LARGEST_UPLOAD = 32 * 2**20
"""Bytes of a picture's file."""


@dataclass(frozen=True)
class FileInMemory:
    """An image file that a browser has sent.

    Args:
        content: Its bytes.
    """

    content: bytes

    def size(self) -> int:
        return len(self.content)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        yield io.BytesIO(self.content)

    def __str__(self) -> str:
        return "the picture"


def uploaded_picture(letters: object, image_shape: ImageShape) -> Tensor:
    """Returns a picture (C, H, W) in [-1, 1], resized and cropped as training images are.

    Args:
        letters: The bytes of its file in base64.
        image_shape: Channels, height, width.

    Raises:
        UserError: It is too large, or cannot be read as a picture.
    """
    if not isinstance(letters, str) or len(letters) > -(-LARGEST_UPLOAD // 3) * 4:
        raise UserError(f"the picture's file is larger than {LARGEST_UPLOAD // 2**20} MiB: choose a smaller one")
    try:
        content = base64.b64decode(letters, validate=True)
    except binascii.Error as error:
        raise UserError("the picture did not arrive: choose it again") from error
    pixels = read_image(FileInMemory(content), lambda image: fitted(image, image_shape), PICTURE_LIMIT)
    return pixels.float() / 127.5 - 1


def erased(letters: object, image_shape: ImageShape) -> Tensor:
    """Returns what is erased of a picture, (H, W) bool.

    Args:
        letters: One letter a pixel, row by row: 1 where it is erased.
        image_shape: Channels, height, width. Images of other than one or three channels are shown side by side, and a
            pixel is erased in all of them.

    Raises:
        UserError: Nothing is erased, or all.
    """
    channels, height, width = image_shape
    beside = 1 if channels in (1, 3) else channels
    if not isinstance(letters, str) or len(letters) != height * beside * width or {*letters} - {"0", "1"}:
        raise UserError("there is no picture to complete: choose one first")
    marked = torch.tensor([letter == "1" for letter in letters]).view(height, beside, width).any(1)
    if marked.all() or not marked.any():
        which = "all of the picture" if marked.all() else "nothing"
        raise UserError(f"{which} is erased: paint over the part that is to be made up")
    return marked
