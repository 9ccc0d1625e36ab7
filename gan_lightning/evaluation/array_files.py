"""Reads arrays of images from .npy and .npz files that strangers may have made: no more memory than they may take."""

import io
import math
import struct
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.lib import format as npy

from gan_lightning.core.errors import UserError
from gan_lightning.data.image_files import open_regular

LONGEST_HEADER = 1000
"""Bytes. That of an array of images has 120; NumPy itself would read up to 4 GiB before it refuses one."""

LONGEST_LIST = 2**20
"""Bytes of the list of contents of a .npz file, which a zip file needs not to keep short."""

PIECE = 2**20
"""Bytes that are read at a time."""


class Header(NamedTuple):
    """What an array file declares about its array.

    Args:
        shape: The lengths of its axes.
        fortran_order: Whether the first axis varies fastest.
        dtype: The kind of its values.
        size: Number of bytes of the header itself.
    """

    shape: tuple[int, ...]
    fortran_order: bool
    dtype: np.dtype
    size: int


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
        with open_array(path) as (stream, available):
            header = read_header(stream)
            check_header(path, header, image_shape, memory_gib)
            return read_values(stream, header, available)
    except UserError:
        raise
    except Exception as error:  # on damaged files, zipfile and NumPy raise many kinds
        raise UserError(
            f"{path} holds no array of images: give a .npz or .npy file, or a folder of pictures"
        ) from error


@contextmanager
def open_array(path: Path) -> Iterator[tuple[IO[bytes], int]]:
    """Opens the array in a file.

    Yields:
        The array's bytes, header first, and how many there are at most.
    """
    with open_regular(path) as stream:
        size = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        if stream.read(2) != b"PK":
            stream.seek(0)
            yield stream, size
            return
        with zipfile.ZipFile(InPieces(stream)) as archive:  # type: ignore[arg-type]
            entry = chosen_entry(archive)
            with archive.open(entry) as inside:
                yield inside, min(entry.file_size, entry.compress_size * 1032)  # deflate shrinks no further


def chosen_entry(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The entry called `images`, or else the only one."""
    arrays = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
    entry = arrays["images" if "images" in arrays or len(arrays) != 1 else next(iter(arrays))]
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("NumPy writes no such compression")
    return entry


class InPieces:
    """A zip file whose list of contents is refused if it is too long to be that of a few arrays.

    Args:
        stream: The file.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self.seek, self.tell, self.seekable, self.stream = stream.seek, stream.tell, stream.seekable, stream

    def read(self, size: int = -1) -> bytes:
        found = self.stream.read(LONGEST_LIST + 1 if size < 0 else min(size, LONGEST_LIST + 1))
        if len(found) > LONGEST_LIST:
            raise ValueError("the list of contents is too long")
        return found


def read_header(stream: IO[bytes]) -> Header:
    """Reads the header of an array."""
    version = npy.read_magic(stream)
    length = {(1, 0): "<H", (2, 0): "<I"}[version]
    size = stream.read(struct.calcsize(length))
    (count,) = struct.unpack(length, size)
    if count > LONGEST_HEADER:
        raise ValueError(f"a header of {count} bytes")
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of files that old versions of Python and NumPy wrote
        shape, fortran_order, dtype = read(io.BytesIO(size + stream.read(count)))
    return Header(tuple(int(length) for length in shape), fortran_order, dtype, npy.MAGIC_LEN + len(size) + count)


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


def read_values(stream: IO[bytes], header: Header, available: int) -> np.ndarray:
    """Reads the values that a header declares."""
    size = math.prod(header.shape)
    if size > available - header.size:
        raise ValueError("the file holds less than it declares")
    values = np.empty(size, dtype=np.uint8)
    for start in range(0, size, PIECE):
        piece = stream.read(min(PIECE, size - start))
        values[start : start + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
        if len(piece) < min(PIECE, size - start):
            raise ValueError("the file ends early")
    if header.fortran_order:
        return values.reshape(header.shape[::-1]).transpose()
    return values.reshape(header.shape)
