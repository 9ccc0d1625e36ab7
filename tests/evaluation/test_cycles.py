"""What comes back, and whether it was hidden on the way."""

import pytest
import torch
from torch import Tensor

from gan_lightning.core.seeding import numbered_draws
from gan_lightning.evaluation.cycles import come_back, disturbed, hides, in_decibels

NORMAL = numbered_draws(0)[0]


def test_what_comes_back_is_measured_in_squared_grey_levels_of_each_image():
    x = torch.tensor([[[[0.0, 2 / 255]]], [[[1.0, -1.0]]]])
    errors = come_back(x, x, lambda made: made + 2 / 255, NORMAL)
    assert errors["there and back"].tolist() == pytest.approx([1.0, 1.0], rel=1e-4)
    assert in_decibels(torch.tensor([1.0, 0.0])).tolist() == pytest.approx([48.1308, 100])


def test_images_on_the_way_are_whole_numbers_with_noise():
    x = torch.linspace(-1, 1, 1000).view(1, 1, 20, 50)
    whole = (disturbed(x, 0.0, NORMAL) + 1) * 127.5
    assert (disturbed(x, 0.0, NORMAL) - x).abs().max() * 127.5 <= 0.5001
    assert len(whole.mul(100).round().unique()) <= 256
    assert ((disturbed(x, 2.0, NORMAL) - x) * 127.5).std().item() == pytest.approx(2.02, rel=0.1)


def made_of(x: Tensor) -> Tensor:
    """Grey, but for a tenth of a grey level that tells all."""
    return x / 1275


@pytest.mark.parametrize(
    ("there", "back", "expected"),
    [
        (made_of, lambda made: made * 1275, True),
        (lambda x: -x, lambda made: -made, False),
        (lambda x: x, lambda made: made * 1.02, False),
        (lambda x: x * 0 + 0.3, lambda made: made * 0, False),
    ],
    ids=["hidden", "a negative", "nearly back", "nothing comes back"],
)
def test_an_image_that_comes_back_out_of_noise_was_hidden(there, back, expected):
    x = torch.rand(4, 1, 8, 8) * 2 - 1
    assert hides(come_back(x, there(x), back, NORMAL)) == expected
