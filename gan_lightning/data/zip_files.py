"""The image files in a zip file, which is read where it lies and never unpacked.

Only the list of contents is kept, as a few numbers a member: a million members take about as much memory as their
names. Python's zipfile would take half a kilobyte for each, in every process that reads.
"""

import io
import os
import stat
import struct
import zlib
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from lightning_utilities.core.rank_zero import rank_zero_warn

from gan_lightning.core.errors import UserError, printable
from gan_lightning.data.image_files import LARGE, by_folder, is_image_name, is_unread_name, open_regular

STORED, DEFLATED = 0, 8
"""The ways to store a member that are read. Others cannot be unpacked in parts of limited size, or are rare."""

MOST_TIMES = 100
"""A member above `LARGE` that unpacks to more than this many times its bytes is refused. Deflate reaches 1032."""

ENCRYPTED = 0x1
"""A flag of a member (APPNOTE.TXT 6.3.10, section 4.4.4)."""

ENTRY, LOCAL = struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s5H3L2H")
END, END64, LOCATOR64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
"""The records of a zip file (APPNOTE.TXT, sections 4.3.7 to 4.3.16)."""

LONGEST_COMMENT = 2**16 - 1


class Place(NamedTuple):
    """Where a member lies in a zip file, and how.

    Args:
        start: Where its local header begins, in bytes from the start of the file.
        packed: The number of bytes that it takes there, after the header.
        method: How it is packed: `STORED` or `DEFLATED`.
        size: Its number of bytes, unpacked.
        checksum: CRC-32 of these.
    """

    start: int
    packed: int
    method: int
    size: int
    checksum: int


@dataclass(frozen=True)
class Member:
    """An image file in a zip file.

    Args:
        archive: The zip file.
        name: Its path in there.
        place: Where it lies.
    """

    archive: Path
    name: str
    place: Place

    def size(self) -> int:
        size, packed = self.place.size, self.place.packed
        if size > LARGE and size > MOST_TIMES * packed:
            raise ValueError(f"it unpacks from {packed:,} bytes to {size:,}, as no photograph does")
        return size

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        with open_regular(self.archive) as file:
            file.seek(self.place.start)
            header = file.read(LOCAL.size).ljust(LOCAL.size, b"\0")
            signature, *_, name, extra = LOCAL.unpack(header)
            file.seek(name + extra, os.SEEK_CUR)
            content = file.read(self.place.packed)
        if self.place.method == DEFLATED:
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, self.place.size + 1)
        if (signature, len(content), zlib.crc32(content)) != (b"PK\3\4", self.place.size, self.place.checksum):
            raise ValueError("its bytes are not those that the zip file lists")
        yield io.BytesIO(content)

    def __str__(self) -> str:
        return f"{self.archive}/{self.name}"


class FilesInZip:
    """The image files in a zip file, in the order of their names. Of members of one name, the last counts.

    Args:
        root: The zip file.

    Raises:
        UserError: It is damaged, encrypted, or packed in another way, or its members overlap.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unread: Sequence[str]
        try:
            with open_regular(root) as file:
                names, places, self.unread = members_in(file)
        except OSError as error:
            raise UserError(f"cannot read {root} ({error.strerror}): make it readable, or name another") from error
        except UnreadFormError as error:
            raise UserError(f"{root} {error}: unpack it, and name the folder") from error
        except (ValueError, struct.error) as error:
            raise UserError(f"{root} is damaged, or no zip file: zip the images again, or name a folder") from error
        last = {name: index for index, name in enumerate(names)}
        self.names: Sequence[str] = sorted(last, key=by_folder)
        self.places = places[[last[name] for name in self.names]]
        self.sizes = self.places[:, Place._fields.index("size")]

    def file(self, index: int) -> Member:
        return Member(self.root, self.names[index], Place(*self.places[index].tolist()))

    def stamp(self) -> bytes:
        """Returns a digest of each member's name, size and checksum."""
        names = "\0".join(self.names).encode("utf-8", "surrogateescape")
        return blake2b(names + self.places[:, -2:].tobytes()).digest()


class UnreadFormError(ValueError):
    """Members are in a form that is not read."""


def members_in(file: BinaryIO) -> tuple[list[str], np.ndarray, list[str]]:
    """Reads which images a zip file holds, from its list of contents.

    Returns:
        Their names; int64 (N, 5), a `Place` each; the names of pictures that are not read.

    Raises:
        ValueError: The list is damaged, or members overlap.
        UnreadFormError: Images are encrypted, or packed in another way.
    """
    contents, shift = list_of_contents(file)
    names, numbers, others, unread, place = [], array("q"), [], [], 0
    while place < len(contents):
        (signature, _, _, flags, method, _, _, checksum, packed, size, length, extra, comment, _, _, kind, start) = (
            ENTRY.unpack_from(contents, place)
        )
        if signature != b"PK\1\2":
            raise ValueError("no entry where one should be")
        place += ENTRY.size
        name = decoded_name(contents[place : place + length])
        if is_image_name(name):
            if stat.S_IFMT(kind >> 16) not in (0, stat.S_IFREG):
                others.append(name)
            else:
                if flags & ENCRYPTED:
                    raise UnreadFormError("is encrypted")
                if method not in (STORED, DEFLATED):
                    raise UnreadFormError(f"is packed by method {method}, and only stored and deflated images are read")
                more = contents[place + length : place + length + extra]
                size, packed, start = in_64_bits((size, packed, start), more)
                names.append(name)
                numbers.extend(Place(start + shift, packed, method, size, checksum))
        elif is_unread_name(name):
            unread.append(name)
        place += length + extra + comment
    if others:
        rank_zero_warn(f"skipped {len(others)} that are not regular files, first {printable(min(others))}")
    places = np.frombuffer(numbers, dtype=np.int64).reshape(-1, len(Place._fields))
    check_apart(places, file.seek(0, os.SEEK_END))
    return names, places, unread


def check_apart(places: np.ndarray, end: int) -> None:
    """Refuses members that share bytes: a small file could hold as many as it likes."""
    starts, ends = places[:, 0], places[:, 0] + LOCAL.size + places[:, 1]
    order = starts.argsort(kind="stable")
    after = np.append(starts[order][1:], end)
    if (places < 0).any() or (len(places) and (ends[order] > after).any()):
        raise ValueError("members overlap")


def list_of_contents(file: BinaryIO) -> tuple[bytes, int]:
    """Returns the list of contents, and how many bytes stand before the zip file in its file."""
    end = file.seek(0, os.SEEK_END)
    first = file.seek(max(0, end - END.size - LONGEST_COMMENT))
    tail = file.read()
    place = tail.rindex(b"PK\5\6")
    *_, size, offset, _ = END.unpack_from(tail, place)
    stop = first + place
    locator = stop - LOCATOR64.size
    if locator >= END64.size:
        file.seek(locator)
        if file.read(4) == b"PK\6\7":
            file.seek(locator - END64.size)
            signature, *_, size, offset = END64.unpack(file.read(END64.size))
            if signature != b"PK\6\6":
                raise ValueError("no end of the list of contents")
            stop = locator - END64.size
    if size > stop:
        raise ValueError("the list of contents is longer than the file")
    file.seek(stop - size)
    return file.read(size), stop - size - offset


def in_64_bits(numbers: tuple[int, ...], extra: bytes) -> list[int]:
    """Replaces numbers that do not fit into 32 bits by those in a member's extra field (APPNOTE.TXT, section 4.5.3)."""
    large = iter(())
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1:
            large = iter(struct.unpack_from(f"<{length // 8}Q", extra, 4))
        extra = extra[4 + length :]
    found = [next(large, None) if number == 2**32 - 1 else number for number in numbers]
    if any(number is None or number >= 2**63 for number in found):
        raise ValueError("a number is missing or too large")
    return found  # type: ignore[return-value]


def decoded_name(name: bytes) -> str:
    """Decodes the name of a member: UTF-8, which most programs write, or the character set of the first PCs."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        text = name.decode("cp437")
    return text.replace("\\", "/")
