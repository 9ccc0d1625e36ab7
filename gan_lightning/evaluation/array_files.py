"""Reads arrays of images from .npy and .npz files that strangers may have made: no more memory than they may take."""

import math
from pathlib import Path

import numpy as np

from gan_lightning.core.errors import UserError
from gan_lightning.data.arrays import Header, open_array, read_header, read_values


def read_images(path: Path, image_shape: tuple[int, int, int], memory_gib: float) -> np.ndarray:
    """Reads uint8 (N, H, W, C) from a .npy or .npz file, without executing anything in it.

    Nothing is allocated before the header says that the images fit.

    Args:
        path: The file. Of several arrays in it, the one called `images` is read.
        image_shape: Channels, height, width of the images.
        memory_gib: Memory for the images, in GiB.

    Raises:
        UserError: There is no such array in the file, or it needs more memory.
    """
    try:
        with open_array(path, "images") as (stream, available):
            header = read_header(stream)
            check_header(path, header, image_shape, memory_gib)
            return read_values(stream, header, available)
    except UserError:
        raise
    except Exception as error:  # on damaged files, zipfile and NumPy raise many kinds
        raise UserError(
            f"{path} holds no array of images: give a .npz or .npy file, or a folder of pictures"
        ) from error


def check_header(path: Path, header: Header, image_shape: tuple[int, int, int], memory_gib: float) -> None:
    """Refuses an array that holds other values or images, or too many."""
    channels, height, width = image_shape
    if header.dtype != np.uint8 or header.shape[1:] != (height, width, channels) or header.shape[0] < 0:
        raise UserError(
            f"{path} holds {header.dtype} {header.shape}, and the real images are {tuple(image_shape)}: it must be "
            f"uint8 (N, {height}, {width}, {channels})"
        )
    check_memory(path, header.shape[0], image_shape, memory_gib)


def check_memory(path: Path, count: int, image_shape: tuple[int, int, int], memory_gib: float) -> None:
    """Refuses more images than fit into memory."""
    needed = count * math.prod(image_shape) / 2**30
    if needed > memory_gib:
        size = f"{needed:,.1f}" if needed >= 1 else f"{needed:.2g}"
        raise UserError(
            f"{path} holds {count:,} images, which need {size} GiB, and judge.memory_gib is {memory_gib:g}: "
            "raise judge.memory_gib, or give fewer images"
        )
