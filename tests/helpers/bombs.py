"""Image files as strangers may make them: small on disk, huge or endless for whoever believes them."""

import io
import struct
import zlib
from collections.abc import Callable

from PIL import Image

MUCH = 64 * 2**20
"""Bytes that a bomb unpacks to."""


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    parts = [
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def header(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)


def pixels(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IDAT", zlib.compress(bytes((width + 1) * height))


def png_with(kind: bytes, data: bytes) -> bytes:
    return png(header(4, 4), (kind, data), pixels(4, 4), (b"IEND", b""))


def tiff(tags: list[tuple[int, int, int, int]], count: int | None = None) -> bytes:
    """A little-endian TIFF with these tags (number, type, count, value), which declares another number of tags."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    return b"II*\0" + struct.pack("<IH", 8, len(tags) if count is None else count) + entries + bytes(4 + 64)


def grey_tiff(width: int, height: int, *more: tuple[int, int, int, int]) -> bytes:
    """A grey TIFF of 8 bits whose one strip starts at 8."""
    size = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    strip = [(273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, min(width * height, 2**32 - 1))]
    return tiff([tag for tag in size + strip if tag[0] not in {new[0] for new in more}] + list(more))


def big_tiff(count: int) -> bytes:
    return b"II+\0" + struct.pack("<HHQQ", 8, 0, 16, count) + bytes(200)


def gif(width: int, height: int, frames: int = 1) -> bytes:
    frame = b"," + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02D\x01\0"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0, 0, 0) + frame * frames + b";"


def webp(width: int, height: int) -> bytes:
    canvas = struct.pack("<I", 0) + struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + canvas
    return b"RIFF" + struct.pack("<I", len(body)) + body


def jpeg2000(width: int, height: int) -> bytes:
    """A file whose box declares another size than its codestream has."""
    stream = io.BytesIO()
    Image.new("L", (64, 64)).save(stream, "JPEG2000")
    true = b"ihdr" + struct.pack(">II", 64, 64)
    return stream.getvalue().replace(true, b"ihdr" + struct.pack(">II", height, width))


def progressive(scans: int) -> bytes:
    """A progressive JPEG whose last scan comes so many times, followed by data that looks like more of them."""
    stream = io.BytesIO()
    Image.new("L", (16, 16), 128).save(stream, "JPEG", progressive=True)
    whole = stream.getvalue()
    last = whole[whole.rindex(b"\xff\xda") : -2]
    return whole[:-2] + last * (scans - whole.count(b"\xff\xda")) + b"\xff\xd9" + b"\xff\xda" * 200


def bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", 54, 0, 54, 40, width, height, 1, 24, 0, 0, 0, 0, 0, 0)


TOO_LARGE: dict[str, Callable[[], bytes]] = {
    "a.png": lambda: png(header(60_000, 60_000), (b"IDAT", b""), (b"IEND", b"")),
    "between.png": lambda: png(header(10_000, 9_999), (b"IDAT", b""), (b"IEND", b"")),
    "wide.png": lambda: png(header(2**31 - 1, 1), (b"IDAT", b""), (b"IEND", b"")),
    "a.gif": lambda: gif(65_535, 65_535),
    "a.webp": lambda: webp(2**16, 2**15),
    "a.tif": lambda: grey_tiff(100_000, 100_000),
    "a.ppm": lambda: b"P6 99999 99999 255\n",
    "a.bmp": lambda: bmp(40_000, 40_000),
    "a.jp2": lambda: jpeg2000(60_000, 60_000),
}
"""Files that declare more pixels than may be read."""

BOMBS: dict[str, Callable[[], bytes]] = {
    "text.png": lambda: png_with(b"zTXt", b"a\0\0" + zlib.compress(bytes(MUCH))),
    "international.png": lambda: png_with(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(MUCH))),
    "profile.png": lambda: png_with(b"iCCP", b"a\0\0" + zlib.compress(bytes(MUCH))),
    "declared.png": lambda: png(header(4, 4)) + struct.pack(">I", 2**31 - 1) + b"prVt",
    "pixels.png": lambda: png(header(4, 4), (b"IDAT", zlib.compress(bytes(MUCH))), (b"IEND", b"")),
    "transparency.png": lambda: png_with(b"tEXt", b"transparency\0x"),
    "exif.png": lambda: png_with(b"tEXt", b"Raw profile type exif\0\n\n\nx"),
    "box.png": lambda: png_with(b"tEXt", b"bbox\0x"),
    "many.tif": lambda: tiff([], count=65_535),
    "endless.tif": lambda: big_tiff(2**62),
    "counted.tif": lambda: grey_tiff(4, 4, (273, 4, 2**30, 8)),
    "samples.tif": lambda: grey_tiff(4, 4, (277, 4, 1, 2**31)),
    "tile.tif": lambda: grey_tiff(4, 4, (322, 4, 1, 2**30), (323, 4, 1, 2**30), (324, 4, 1, 8), (325, 4, 1, 8)),
    "rows.tif": lambda: grey_tiff(4, 4, (259, 3, 1, 5), (278, 4, 1, 2**31)),
    "scans.jpg": lambda: progressive(101),
    "smaller.jp2": lambda: jpeg2000(4, 4),
    "larger.jp2": lambda: jpeg2000(640, 640),
    "empty.png": lambda: b"",
}
"""Files that declare little, and hold or refer to much; and some that lie."""

WHOLE = ["pixels.png", "tile.tif"]
"""Those that are images still: what they hold beyond is never unpacked."""
