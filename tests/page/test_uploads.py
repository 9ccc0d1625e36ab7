"""What a browser sends is read as safely as a file."""

import base64
import io

import pytest
import torch
from helpers.bombs import header, pixels, png
from PIL import Image

from gan_lightning.core.errors import UserError
from gan_lightning.page.uploads import LARGEST_UPLOAD, erased, uploaded_picture

SHAPE = (1, 2, 3)


def letters_of(image: Image.Image, kind: str = "PNG") -> str:
    file = io.BytesIO()
    image.save(file, kind)
    return base64.b64encode(file.getvalue()).decode()


def test_a_picture_is_resized_cropped_and_converted_as_training_images_are():
    found = uploaded_picture(letters_of(Image.new("RGBA", (60, 20), "white")), SHAPE)
    assert found.shape == SHAPE
    assert torch.equal(found, torch.ones(SHAPE))


def test_what_is_no_picture_is_refused_in_one_line():
    for letters, words in [
        (None, "larger than 32 MiB"),
        ("A" * (LARGEST_UPLOAD * 4 // 3 + 8), "larger than 32 MiB"),
        ("no base64!", "did not arrive"),
        (base64.b64encode(b"text").decode(), "cannot read the picture"),
        (base64.b64encode(png(header(50_000, 50_000), pixels(1, 1))).decode(), "2,500,000,000 pixels"),
        (base64.b64encode(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n").decode(), "cannot read the picture"),
    ]:
        with pytest.raises(UserError, match=words) as caught:
            uploaded_picture(letters, SHAPE)
        assert "\n" not in str(caught.value)


def test_a_mask_is_read_pixel_by_pixel():
    assert erased("100001", SHAPE).tolist() == [[True, False, False], [False, False, True]]
    beside = erased("100000" + "000001", (2, 2, 3))  # two channels, shown side by side
    assert beside.tolist() == [[True, False, False], [False, False, True]]


def test_a_mask_of_nothing_or_all_or_of_another_picture_is_refused():
    for letters, words in [
        ("000000", "nothing is erased"),
        ("111111", "all of the picture is erased"),
        ("", "choose one first"),
        ("10", "choose one first"),
        ("10000x", "choose one first"),
        (None, "choose one first"),
    ]:
        with pytest.raises(UserError, match=words):
            erased(letters, SHAPE)
