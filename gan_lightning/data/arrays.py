"""Arrays in .npy and .npz files that strangers may have made: nothing is allocated before a header says how much."""

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


@contextmanager
def open_array(path: Path, name: str) -> Iterator[tuple[IO[bytes], int]]:
    """Opens an array in a file.

    Args:
        path: A .npy file; or a .npz file, where the array of this name is opened, or else the only one.
        name: The name of the array.

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
            entry = chosen_entry(archive, name)
            with archive.open(entry) as inside:
                yield inside, min(entry.file_size, entry.compress_size * 1032)  # deflate shrinks no further


def chosen_entry(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """The entry of this name, or else the only one."""
    arrays = {entry.filename.removesuffix(".npy"): entry for entry in archive.infolist()}
    entry = arrays[name if name in arrays or len(arrays) != 1 else next(iter(arrays))]
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


def read_values(stream: IO[bytes], header: Header, available: int) -> np.ndarray:
    """Reads the values that a header declares."""
    size = math.prod(header.shape) * header.dtype.itemsize
    if size > available - header.size:
        raise ValueError("the file holds less than it declares")
    values = np.empty(size, dtype=np.uint8)
    for start in range(0, size, PIECE):
        piece = stream.read(min(PIECE, size - start))
        values[start : start + len(piece)] = np.frombuffer(piece, dtype=np.uint8)
        if len(piece) < min(PIECE, size - start):
            raise ValueError("the file ends early")
    array = values.view(header.dtype)
    if header.fortran_order:
        return array.reshape(header.shape[::-1]).transpose()
    return array.reshape(header.shape)
