"""Reads image files safely: whoever made a file, reading it runs no program and fills no memory."""

import logging
import os
import re
import stat
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from PIL import Image, UnidentifiedImageError

from gan_lightning.core.errors import UserError

S = TypeVar("S")
T = TypeVar("T")

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".jp2", ".avif"}

UNREAD = {".heic", ".heif", ".jxl", ".svg", ".psd", ".dng", ".cr2", ".cr3", ".nef", ".arw", ".orf", ".rw2", ".raf"}
"""Pictures that Pillow does not read: of phones, newer formats, drawings, raw data of cameras."""

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "DIB", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
"""What Pillow may take a file for, whatever its name ends in. All of them are decoded inside this process; for a
PostScript file, for one, Pillow would start Ghostscript."""

MAX_PIXELS = 80_000_000
"""Above the 61 megapixels of a full-frame camera and below the 89 from which Pillow warns of a bomb."""

LARGE = 16_000_000
"""Images of more pixels than this are decoded one at a time, as each takes 4 to 12 bytes per pixel. So are files of
more bytes than this: some formats read them as a whole."""

LARGEST_PIXEL = 16
"""Bytes of four channels of 32 bits. A file of more bytes than so many pixels have is refused."""

MOST_SCANS = 100
"""Passes over the pixels of a JPEG file, as in libtiff. Progressive photographs have about ten."""

START_OF_SCAN = b"\xff\xda"
MARKER = re.compile(rb"\xff+[\x01-\xcf\xd8-\xfe]", re.DOTALL)
"""What is neither an escaped byte of the pixels nor a restart among them."""

one_large_image = threading.RLock()

logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it says of damaged files names none of them


@dataclass(frozen=True)
class Limit:
    """The largest image to read, in the words of whoever set the limit.

    Args:
        pixels: Its number of pixels.
        words: A clause that says so.
        advice: What to do about a file that cannot be read.
    """

    pixels: int
    words: str
    advice: str

    def check(self, pixels: int) -> None:
        if pixels > self.pixels:
            raise ValueError(f"it has {pixels:,} pixels, and {self.words}")

    def check_bytes(self, count: int) -> None:
        """Refuses a file that no image within the limit needs: some formats are read as a whole before decoding."""
        if count > max(self.pixels, MAX_PIXELS) * LARGEST_PIXEL:
            raise ValueError(f"it has {count:,} bytes, more than any image of {self.pixels:,} pixels, and {self.words}")


class ImageFile(Protocol):
    """An image file, wherever it lies. Its text is its name in messages."""

    def size(self) -> int:
        """Returns its number of bytes."""
        ...

    def open(self) -> AbstractContextManager[BinaryIO]:
        """Opens it to read it, from any thread or process."""
        ...


@dataclass(frozen=True)
class FileOnDisk:
    """An image file in a folder.

    Args:
        path: Where it is.
    """

    path: Path

    def size(self) -> int:
        return os.stat(self.path).st_size

    def open(self) -> AbstractContextManager[BinaryIO]:
        return open_regular(self.path)

    def __str__(self) -> str:
        return str(self.path)


def read_image(file: ImageFile, use: Callable[[Image.Image], T], limit: Limit) -> T:
    """Opens an image file and returns what a function makes of it.

    Args:
        file: The file.
        use: Takes the image; its header has been read and kept to the limit, its pixels are not decoded yet.
        limit: The largest image to read.

    Raises:
        UserError: The file cannot be read as an image, or it is too large; the message names it.
    """
    try:
        size = file.size()
        limit.check_bytes(size)
        alone = one_large_image if size > LARGE else nullcontext()
        with alone, file.open() as stream, Image.open(stream, formats=formats()) as image:
            limit.check(image.width * image.height)
            if image.format in ("JPEG", "MPO"):
                check_scans(stream)
            return in_turn(image, use)
    except UserError:
        raise
    except Exception as error:  # on damaged files, Pillow's decoders raise many kinds, even SyntaxError
        message = f"cannot read {file} ({reason(error, limit)}): {limit.advice}"
    raise UserError(message)  # out here, as the error above holds on to the pixels


def in_turn(image: Image.Image, use: Callable[[Image.Image], T]) -> T:
    """Calls a function of an image. Large images wait until no other one is in memory.

    Each has a new thread: the threads of a pool would all keep the memory of their last large image, for the next one.
    """
    if image.width * image.height <= LARGE:
        return used_up(image, use)
    with one_large_image, ThreadPoolExecutor(1) as alone:
        return alone.submit(used_up, image, use).result()


def check_scans(stream: BinaryIO) -> None:
    """Refuses a JPEG file that goes over its pixels again and again: a hundred bytes can ask for that once more."""
    place = stream.tell()
    stream.seek(0)
    data = stream.read()
    stream.seek(place)
    if data.count(START_OF_SCAN) > MOST_SCANS and sum(kind == 0xDA for kind in markers(data)) > MOST_SCANS:
        raise ValueError(f"it has more than {MOST_SCANS} scans")


def markers(jpeg: bytes) -> Iterator[int]:
    """The kinds of the markers of a JPEG file, up to the end of its first image (ITU-T T.81, B.1.1)."""
    place, kind = 0, 0
    while kind != 0xD9 and (found := MARKER.search(jpeg, place)):
        kind, place = found[0][-1], found.end()
        yield kind
        if kind not in (0x01, 0xD8):  # all others have a length, or end the image
            place += max(2, int.from_bytes(jpeg[place : place + 2], "big"))


def used_up(image: Image.Image, use: Callable[[Image.Image], T]) -> T:
    """Calls a function of an image, and frees its pixels, whatever else still knows of it."""
    try:
        return use(image)
    finally:
        image.close()


def reason(error: Exception, limit: Limit) -> str:
    """Why a file cannot be read, in a few words."""
    if isinstance(error, Image.DecompressionBombError):  # Pillow looks at the size first, and tells it in words only
        pixels = re.search(r"\d+", str(error))
        return f"it has {int(pixels[0]):,} pixels, and {limit.words}" if pixels else limit.words
    if isinstance(error, UnidentifiedImageError):
        return f"it is damaged, or none of {', '.join(formats())}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


@cache
def formats() -> tuple[str, ...]:
    """The formats of `FORMATS` that this Pillow knows."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


@contextmanager
def open_regular(path: Path) -> Iterator[BinaryIO]:
    """Opens a file to read it; a named pipe, which would wait for a writer, or a device is refused."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as stream:
        if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
            raise ValueError("it is not a regular file")
        yield stream


@contextmanager
def reading(max_pixels: int) -> Iterator[None]:
    """While images are read, Pillow's own limit is no lower than ours, and it is silent: its warnings name no file."""
    before = Image.MAX_IMAGE_PIXELS
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        if before is not None and before < max_pixels:
            Image.MAX_IMAGE_PIXELS = max_pixels
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def in_threads(function: Callable[[S], T], items: Iterable[S]) -> Iterator[T]:
    """Maps in threads, keeping the order. Pillow decodes without the interpreter lock.

    Only a few results wait to be used.
    """
    threads = min(8, os.cpu_count() or 1)
    with ThreadPoolExecutor(threads) as pool:
        waiting = deque[Future[T]]()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 16 * threads:
                yield waiting.popleft().result()
        yield from (future.result() for future in waiting)


def is_image_name(name: str) -> bool:
    """Whether a file below a folder or in a zip file counts as an image: by its ending, and if nothing hides it.

    Args:
        name: Its path from there, with "/" between folders.
    """
    return ending(name) in ENDINGS and not is_hidden(name)


def is_unread_name(name: str) -> bool:
    """Whether a file is a picture in a format that is not read."""
    return ending(name) in UNREAD and not is_hidden(name)


def ending(name: str) -> str:
    return os.path.splitext(name)[1].lower()


def is_hidden(name: str) -> bool:
    return name.startswith((".", "__MACOSX/")) or "/." in name or "/__MACOSX/" in name


def by_folder(name: str) -> str:
    """Returns what puts names in the order of their folders: "a/z" before "a-b"."""
    return name.replace("/", "\0")
