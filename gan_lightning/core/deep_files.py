"""PNG and TIFF files of colours with 16 bits each, which Pillow does not write."""

import struct
import zlib

import numpy as np

PNG_KINDS = {1: 0, 2: 4, 3: 2, 4: 6}
"""The colour type of a PNG file by its number of channels (PNG specification, 11.2.1)."""

SHORT, WORD, UNDEFINED = 3, 4, 7
"""Types of a field of a TIFF file (TIFF 6.0, Section 2)."""

DEFLATE, BLACK_IS_ZERO, RGB, UNASSOCIATED = 8, 1, 2, 2
"""Compression, the two meanings of pixels, and the meaning of a further channel: transparency, unmultiplied."""


def deep_png(pixels: np.ndarray, profile: bytes | None = None) -> bytes:
    """Returns a PNG file of pixels uint16 (H, W, C), with one to four channels; the last of two or four is alpha."""
    height, width, channels = pixels.shape
    rows = pixels.astype(">u2").reshape(height, -1).view(np.uint8)
    before = np.pad(rows, ((0, 0), (2 * channels, 0)))[:, : rows.shape[1]]
    filtered = np.pad(rows - before, ((0, 0), (1, 0)), constant_values=1)  # each pixel less the one on its left
    header = struct.pack(">2L5B", width, height, 16, PNG_KINDS[channels], 0, 0, 0)
    colours = chunk(b"iCCP", b"profile\0\0" + zlib.compress(profile)) if profile else b""
    data = chunk(b"IDAT", zlib.compress(filtered.tobytes(), 6))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + colours + data + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    """Returns a part of a PNG file."""
    return struct.pack(">L", len(content)) + kind + content + struct.pack(">L", zlib.crc32(kind + content))


def deep_tiff(pixels: np.ndarray, profile: bytes | None = None) -> bytes:
    """Returns a TIFF file, deflated, of pixels uint16 (H, W, C) as in `deep_png`."""
    height, width, channels = pixels.shape
    data = zlib.compress(pixels.astype("<u2").tobytes(), 6)
    data += b"\0" * (len(data) % 2)
    alpha = channels in (2, 4)
    fields: list[tuple[int, int, tuple[int, ...] | bytes]] = [
        (256, WORD, (width,)),
        (257, WORD, (height,)),
        (258, SHORT, (16,) * channels),
        (259, SHORT, (DEFLATE,)),
        (262, SHORT, (RGB if channels > 2 else BLACK_IS_ZERO,)),
        (273, WORD, (8,)),
        (277, SHORT, (channels,)),
        (278, WORD, (height,)),
        (279, WORD, (len(data),)),
        *([(338, SHORT, (UNASSOCIATED,))] if alpha else []),
        *([(34675, UNDEFINED, profile)] if profile else []),
    ]
    return b"II*\0" + struct.pack("<L", 8 + len(data)) + data + directory(fields, 8 + len(data))


def directory(fields: list[tuple[int, int, tuple[int, ...] | bytes]], start: int) -> bytes:
    """Returns the list of fields of a TIFF file, which begins at a place in it, and the values that do not fit in."""
    entries, more, place = b"", b"", start + 2 + 12 * len(fields) + 4
    for tag, kind, values in fields:
        letter = {SHORT: "H", WORD: "L"}.get(kind)
        value = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{letter}", *values)
        if len(value) > 4:
            value, more = struct.pack("<L", place + len(more)), more + value + b"\0" * (len(value) % 2)
        entries += struct.pack("<2HL", tag, kind, len(values)) + value.ljust(4, b"\0")
    return struct.pack("<H", len(fields)) + entries + struct.pack("<L", 0) + more
