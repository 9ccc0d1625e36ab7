"""Whatever is in an image file, reading it gives an image or one line; there is no other way out."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from helpers.mutants import damaged, few, many
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from gan_lightning.core.errors import UserError
from gan_lightning.data.decoding import decode
from gan_lightning.data.image_files import MAX_PIXELS, FileOnDisk, reading
from gan_lightning.evaluation import stored_samples

SHAPE = (3, 8, 8)


def saved(mode: str, kind: str, **options) -> bytes:
    noise = Image.fromarray(np.random.default_rng(0).integers(256, size=(8, 8, 4), dtype=np.uint8))
    stream, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    if kind in ("PNG", "JPEG", "WEBP", "TIFF", "AVIF"):
        options["exif"] = exif
    noise.convert("RGB").convert(mode).save(stream, kind, **options)
    return stream.getvalue()


def photographs() -> bytes:
    """Two pictures in a JPEG, as phones take them."""
    stream, image = io.BytesIO(), Image.new("RGB", (8, 8), "red")
    image.save(stream, "MPO", save_all=True, append_images=[image])
    return stream.getvalue()


def with_right_checksums(png: bytes) -> bytes:
    """Pillow looks into a damaged chunk only if its checksum is right."""
    place = 8
    while place + 12 <= len(png):
        (length,) = struct.unpack(">I", png[place : place + 4])
        end = place + 8 + length
        if end + 4 > len(png):
            break
        png = png[:end] + struct.pack(">I", zlib.crc32(png[place + 4 : end])) + png[end + 4 :]
        place = end + 4
    return png


FILES = [
    *(saved(mode, "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")),
    *(saved(mode, "JPEG") for mode in ("L", "RGB", "CMYK")),
    saved("RGB", "JPEG", progressive=True),
    *(saved(mode, "TIFF") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB", "I;16", "I", "F")),
    *(saved("RGB", "TIFF", compression=name) for name in ("tiff_lzw", "jpeg", "tiff_adobe_deflate", "packbits")),
    saved("1", "TIFF", compression="group4"),
    *(saved("RGB", "WEBP", lossless=lossless) for lossless in (False, True)),
    *(saved(mode, "BMP") for mode in ("1", "L", "RGB")),
    saved("RGB", "DIB"),
    *(saved(mode, "GIF") for mode in ("L", "P")),
    *(saved(mode, "PPM") for mode in ("1", "L", "RGB", "F")),
    b"P3 2 2 255 1 2 3 4 5 6 7 8 9 10 11 12\n",
    *(saved(mode, "JPEG2000") for mode in ("L", "RGBA")),
    saved("RGB", "JPEG2000", no_jp2=True),
    *([saved("RGB", "AVIF")] if "AVIF" in Image.SAVE else []),
    photographs(),
]


def check(folder: Path, content: bytes) -> None:
    """Reads the file as an image to train on and as a picture to evaluate."""
    path = folder / "a.png"
    path.write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for read in (lambda: read_one(path), lambda: stored_samples(folder, SHAPE)):
            try:
                read()
            except UserError as error:
                assert str(path) in str(error)  # noqa: PT017
                assert "\n" not in str(error)  # noqa: PT017


def read_one(path: Path) -> None:
    with reading(MAX_PIXELS):
        assert decode(FileOnDisk(path), SHAPE).shape == SHAPE


@few
@given(content=st.binary(max_size=200))
def test_random_bytes_are_refused_in_one_line(tmp_path, content):
    check(tmp_path, content)


@few
@given(content=damaged(FILES))
def test_a_damaged_file_is_an_image_or_one_line(tmp_path, content):
    check(tmp_path, content)


@few
@given(content=damaged(FILES[:7]).map(with_right_checksums))
def test_a_damaged_png_whose_checksums_are_right_is_an_image_or_one_line(tmp_path, content):
    check(tmp_path, content)


@few
@given(
    content=st.tuples(st.sampled_from(FILES), st.integers(4, 20), st.binary(max_size=200)).map(
        lambda parts: parts[0][: parts[1]] + parts[2]
    )
)
def test_random_bytes_after_the_start_of_a_file_are_refused_in_one_line(tmp_path, content):
    check(tmp_path, content)


@pytest.mark.long
@many
@given(content=st.one_of(damaged(FILES), damaged(FILES[:7]).map(with_right_checksums), st.binary(max_size=2000)))
def test_many_damaged_files_are_images_or_one_line(tmp_path, content):
    check(tmp_path, content)
