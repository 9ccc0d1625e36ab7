"""Pictures come back as they came."""

import io
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from gan_lightning.core.deep_files import deep_png, deep_tiff
from gan_lightning.data.own_pixels import OwnPicture, own_picture, written_format

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def values(channels: int, kind: type = np.uint16) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max, (5, 7, channels), dtype=kind, endpoint=True)


def read(data: bytes) -> OwnPicture:
    with Image.open(io.BytesIO(data)) as image:
        return own_picture(image)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize(("channels", "transparent"), [(1, False), (3, False), (3, True)])
def test_png_and_tiff_come_back_value_by_value(kind, form, channels, transparent):
    alpha = values(1, kind) if transparent else None
    picture = OwnPicture(values(channels, kind), alpha, form, PROFILE if channels == 3 else None)
    again = read(picture.written())
    assert again.pixels.dtype == kind
    assert np.array_equal(again.pixels, picture.pixels)
    assert (alpha is None and again.alpha is None) or np.array_equal(again.alpha, alpha)  # type: ignore[arg-type]
    assert (again.format, again.profile) == (form, picture.profile)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_grey_with_transparency_comes_back(kind):
    picture = OwnPicture(values(1, kind), values(1, kind))
    again = read(picture.written())
    assert np.array_equal(again.pixels, picture.pixels)
    assert np.array_equal(again.alpha, picture.alpha)  # type: ignore[arg-type]


@pytest.mark.parametrize("write", [deep_png, deep_tiff])
def test_pillow_reads_the_upper_half_of_deep_files(write):
    for channels in (1, 3, 4):
        pixels = values(channels)
        found = np.asarray(Image.open(io.BytesIO(write(pixels, PROFILE)))).reshape(pixels.shape)
        assert np.array_equal(found, pixels if channels == 1 else pixels >> 8), "of grey, both halves"


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def test_deep_colours_are_turned_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = values(3)
    head, *_ = (data := deep_png(pixels)).partition(b"IDAT")
    length, content = len(exif.tobytes()) - 6, exif.tobytes()[6:]
    part = length.to_bytes(4, "big") + b"eXIf" + content
    part += zlib.crc32(b"eXIf" + content).to_bytes(4, "big")
    turned = read(data[: len(head) - 4] + part + data[len(head) - 4 :])
    assert np.array_equal(turned.pixels, np.rot90(pixels, -1))


@pytest.mark.parametrize(
    ("image", "form", "grey", "transparent"),
    [
        (Image.new("1", (4, 3), 1), "PNG", True, False),
        (Image.new("P", (4, 3), 1), "GIF", False, False),
        (Image.new("CMYK", (4, 3)), "TIFF", False, False),
        (Image.new("L", (4, 3), 7), "JPEG", True, False),
        (Image.new("RGBA", (4, 3), (1, 2, 3, 4)), "WEBP", False, True),
        (Image.fromarray(np.full((3, 4), 0.5, np.float32)), "TIFF", True, False),
    ],
    ids=lambda value: getattr(value, "mode", None),
)
def test_other_kinds_of_pixels_have_eight_bits_grey_or_colour(image, form, grey, transparent):
    picture = read(saved(image, form))
    assert picture.pixels.dtype == np.uint8
    assert picture.pixels.shape == (3, 4, 1 if grey else 3)
    assert (picture.alpha is not None) == transparent


def test_formats_that_are_not_kept_or_too_small_become_png():
    kept = {form: written_format(form, 100) for form in ("PNG", "TIFF", "JPEG", "MPO", "WEBP", "GIF", "BMP")}
    assert kept == {
        "PNG": "PNG",
        "TIFF": "TIFF",
        "JPEG": "JPEG",
        "MPO": "JPEG",
        "WEBP": "WEBP",
        "GIF": "PNG",
        "BMP": "PNG",
    }
    assert written_format("WEBP", 16_384) == "PNG"
    assert written_format("JPEG", 65_535) == "JPEG"


@pytest.mark.parametrize("form", ["JPEG", "WEBP"])
def test_lossy_formats_are_of_high_quality(form):
    smooth = np.asarray(Image.fromarray(values(3, np.uint8)).resize((64, 48), Image.Resampling.BICUBIC))
    again = read(OwnPicture(smooth, None, form).written()).pixels
    assert np.abs(again.astype(int) - smooth).mean() < 3
