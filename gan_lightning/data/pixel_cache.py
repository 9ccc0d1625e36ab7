"""Decoded images in the user's cache folder, so that only the first start decodes them. Nothing there can run code.

A file is a header, the pixels (N, C, H, W), then for each image the number of its file, its identity, and the checksum
of its pixels. It appears whole, under a name that says what it depends on; what does not agree with its checksums is
not believed.
"""

import os
import shutil
import struct
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import blake2b
from math import prod
from pathlib import Path
from zlib import crc32

import numpy as np
from lightning_utilities.core.rank_zero import rank_zero_info, rank_zero_warn

from gan_lightning.core.images import ImageShape
from gan_lightning.core.user_cache import CACHED, HALF, LOCK, cache_folder, make_room, mark_used

try:
    import fcntl
except ImportError:  # Windows: several processes may decode the same images, and the last file counts
    fcntl = None

FORM = b"gan-lightning pixels 1\n"
"""Begins each file. Another layout gets another number."""

TOP = struct.Struct(f"<{len(FORM)}s4Q32s")
"""The form, N, C, H, W, and a digest of these, of what the file depends on, and of all that follows the pixels."""

FIRST_PIXEL = 4096
"""Bytes; a multiple of the pages that systems map."""

ABOUT_IMAGE = np.dtype([("file", "<i8"), ("identity", "<i8"), ("checksum", "<u4")])

LEFT_FREE = 2**30
"""Bytes that the cache leaves free on the disk."""


@dataclass(frozen=True)
class DecodedPixels:
    """Decoded images.

    Args:
        pixels: uint8 or uint16 (N, C, H, W); none if they are not kept.
        files: The number of each image's file in its source, (N,) int64.
        identities: (N,) int64.
    """

    pixels: np.ndarray
    files: np.ndarray
    identities: np.ndarray


class StoredPixels:
    """Decoded images in a file, which is mapped into memory. A process that gets a copy maps the file itself.

    Args:
        path: The file.
        image_shape: Channels, height, width.
        about: What is known of each image, (N,) of `ABOUT_IMAGE`.
    """

    def __init__(self, path: Path, image_shape: ImageShape, about: np.ndarray) -> None:
        self.path, self.image_shape, self.about = path, image_shape, about
        self.pixels = np.memmap(path, np.uint8, "r", FIRST_PIXEL, (len(about), *image_shape))
        self.files, self.identities = about["file"].copy(), about["identity"].copy()

    def __reduce__(self) -> tuple:
        return StoredPixels, (self.path, self.image_shape, self.about)

    def read(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns some of the images, (N, C, H, W), and which of them agree with their checksums, (N,)."""
        images = np.array(self.pixels[indices])
        return images, np.array([crc32(image) for image in images]) == self.about["checksum"][indices]

    def is_whole(self) -> bool:
        """Whether all images agree with their checksums."""
        checksums = (crc32(image) for image in self.pixels)
        return all(found == expected for found, expected in zip(checksums, self.about["checksum"], strict=True))


class PixelCache:
    """The place of decoded images in the user's cache folder.

    Args:
        depends_on: What changes when the images do.
        count: The most images that there may be.
        image_shape: Channels, height, width.
        limit_gib: Size of all that is cached, in GiB; 0 for no cache.
    """

    def __init__(self, depends_on: Iterable[bytes], count: int, image_shape: ImageShape, limit_gib: float) -> None:
        words = b"".join(blake2b(part).digest() for part in (FORM, repr(tuple(image_shape)).encode(), *depends_on))
        self.key, self.count, self.image_shape = blake2b(words, digest_size=16).digest(), count, image_shape
        self.needed = FIRST_PIXEL + count * (prod(image_shape) + ABOUT_IMAGE.itemsize)
        self.limit = int(limit_gib * 2**30)
        self.path = cache_folder() / (self.key.hex() + CACHED)

    def is_on(self) -> bool:
        """Whether the images may be cached. Says so if they may not, but some others may."""
        if self.limit and self.needed > self.limit:
            rank_zero_warn(
                f"decoded, the images need {self.needed / 2**30:.1f} GiB, and data.cache_gib is "
                f"{self.limit / 2**30:g}: they are not cached, and the next start decodes them again"
            )
        return self.needed <= self.limit

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Waits while another process decodes the same images. Without locks, both decode, and one file stays."""
        path = self.path.with_suffix(LOCK)
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = open(path, "wb")  # noqa: SIM115
        except OSError:
            yield  # reading and writing say what is wrong
            return
        with file:
            wait_for(file.fileno())
            try:
                yield
            finally:
                with suppress(OSError):
                    path.unlink()

    def read(self, check: bool = False) -> StoredPixels | None:
        """Returns the images; None if they are not there, or damaged.

        Args:
            check: Whether to compare the pixels with their checksums now.
        """
        try:
            with open(self.path, "rb") as file:
                form, count, *shape, digest = TOP.unpack(file.read(TOP.size))
                end = FIRST_PIXEL + count * prod(self.image_shape)
                size = end + count * ABOUT_IMAGE.itemsize
                if (form, tuple(shape), file.seek(0, os.SEEK_END)) != (FORM, tuple(self.image_shape), size):
                    return None
                file.seek(end)
                about = np.frombuffer(file.read(), dtype=ABOUT_IMAGE)
            if digest != self.digest(about) or not 0 < count <= self.count:
                return None
            found = StoredPixels(self.path, self.image_shape, about)
        except (OSError, ValueError, struct.error):
            return None
        mark_used(self.path)
        return found if not check or found.is_whole() else None

    def write(self, images: Iterable[tuple[int, np.ndarray, int]]) -> bool:
        """Writes images, each with the number of its file and its identity. Returns whether the disk took them."""
        try:
            make_room(self.needed, self.limit)
            free = shutil.disk_usage(self.path.parent).free
            if free < self.needed + LEFT_FREE:
                raise OSError(0, f"{free / 2**30:.1f} GiB free, and {self.needed / 2**30:.1f} needed")
            self.write_whole(images)
        except OSError as error:
            rank_zero_warn(
                f"cannot cache decoded images in {self.path.parent} ({error.strerror}): the next start decodes them "
                "again; data.cache_gib 0 turns the cache off"
            )
            return False
        return True

    def write_whole(self, images: Iterable[tuple[int, np.ndarray, int]]) -> None:
        """Writes a file under another name, then gives it its own. (Checksums tell what a power failure has left.)"""
        number, part = tempfile.mkstemp(suffix=HALF, prefix=self.key.hex(), dir=self.path.parent)
        try:
            with os.fdopen(number, "wb") as file:
                file.seek(FIRST_PIXEL)
                lines = []
                for index, image, identity in images:
                    pixels = np.ascontiguousarray(image).data
                    file.write(pixels)
                    lines.append((index, identity, crc32(pixels)))
                about = np.array(lines, dtype=ABOUT_IMAGE)
                file.write(about.tobytes())
                file.seek(0)
                file.write(TOP.pack(FORM, len(about), *self.image_shape, self.digest(about)))
            if lines:
                os.replace(part, self.path)
        finally:
            with suppress(OSError):
                os.unlink(part)

    def digest(self, about: np.ndarray) -> bytes:
        return blake2b(self.key + about.tobytes(), digest_size=32).digest()


def wait_for(file: int) -> None:
    """Locks an open file, when no other process has it locked."""
    if fcntl is None:
        return
    with suppress(OSError):  # a file system without locks
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            rank_zero_info("waiting for another process that decodes the same images")
            fcntl.flock(file, fcntl.LOCK_EX)


def gib_of(count: int, image_shape: ImageShape) -> float:
    """The size of decoded images, in GiB."""
    return count * prod(image_shape) / 2**30
