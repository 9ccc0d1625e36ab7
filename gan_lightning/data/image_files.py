"""Finds image files, and reads them safely: whoever made a file, reading it runs no program and fills no memory."""

import logging
import os
import re
import stat
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO, TypeVar

from lightning_utilities.core.rank_zero import rank_zero_warn
from PIL import Image, UnidentifiedImageError

from gan_lightning.core.errors import UserError, printable

T = TypeVar("T")

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".jp2", ".avif"}

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


def read_image(path: Path, use: Callable[[Image.Image], T], limit: Limit) -> T:
    """Opens an image file and returns what a function makes of it.

    Args:
        path: The file.
        use: Takes the image; its header has been read and kept to the limit, its pixels are not decoded yet.
        limit: The largest image to read.

    Raises:
        UserError: The file cannot be read as an image, or it is too large; the message names it.
    """
    try:
        with open_regular(path) as stream:
            size = os.fstat(stream.fileno()).st_size
            limit.check_bytes(size)
            with one_large_image if size > LARGE else nullcontext(), Image.open(stream, formats=formats()) as image:
                limit.check(image.width * image.height)
                if image.format in ("JPEG", "MPO"):
                    check_scans(stream)
                return in_turn(image, use)
    except UserError:
        raise
    except Exception as error:  # on damaged files, Pillow's decoders raise many kinds, even SyntaxError
        message = f"cannot read {path} ({reason(error, limit)}): {limit.advice}"
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


def in_threads(function: Callable, items: Iterable) -> Iterator:
    """Maps in threads, keeping the order. Pillow decodes without the interpreter lock."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        yield from pool.map(function, items)


def find_images(root: Path) -> list[Path]:
    """The image files below a folder, sorted, those behind links included. Warns of names that are no regular files.

    Raises:
        UserError: A folder cannot be looked into.
    """
    files: list[Path] = []
    others: list[Path] = []
    unreadable: list[OSError] = []
    for entry in entries(root, unreadable.append):
        if os.path.splitext(entry.name)[1].lower() in ENDINGS and not entry.name.startswith("."):
            (files if answers(entry.is_file) else others).append(Path(entry.path))
    if unreadable:
        first = unreadable[0]
        raise UserError(
            f"cannot look into {len(unreadable)} folder{'s' if len(unreadable) > 1 else ''}, first {first.filename} "
            f"({first.strerror}): make {'them' if len(unreadable) > 1 else 'it'} readable, or move images elsewhere"
        )
    if others:
        rank_zero_warn(f"skipped {len(others)} that are not regular files, first {printable(min(others))}")
    return sorted(files)


def entries(root: Path, failed: Callable[[OSError], None]) -> Iterator[os.DirEntry]:
    """All that is below a folder, each folder once and none above it: links to folders are followed, after the rest."""
    seen = {identity(above) for above in root.resolve().parents}
    folders, links = [str(root)], deque[str]()
    while folders or links:
        folder = folders.pop() if folders else links.popleft()
        try:
            if identity(folder) in seen:
                continue
            seen.add(identity(folder))
            with os.scandir(folder) as found:
                inside = sorted(found, key=lambda entry: entry.name)
        except OSError as error:
            failed(error)
            continue
        yield from inside
        for entry in inside:
            if answers(entry.is_dir):
                (links if entry.is_symlink() else folders).append(entry.path)


def identity(folder: str | Path) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def answers(question: Callable[[], bool]) -> bool:
    """Whether the answer is yes; a link that leads nowhere is neither a file nor a folder."""
    try:
        return question()
    except OSError:
        return False
