"""What is taken from images, and that all else stays."""

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lightning.core.discovery import subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.degradations import Blur, Degradation, Given, Grey, Holes, Noise, Smaller

ALL = [c for c in subclasses(Degradation) if c.__module__.startswith("gan_lightning")]
X = torch.rand(64, 3, 16, 24, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("cls", ALL)
def test_inputs_have_the_shape_that_is_said_and_the_same_seed_makes_the_same(cls):
    one = cls()
    one.check((3, 16, 24))
    inputs = one(X, *numbered_draws(1))
    assert inputs.shape == (64, one.channels(3), 16 // one.factor, 24 // one.factor)
    assert torch.equal(inputs, one(X, *numbered_draws(1)))
    assert one.shown(inputs, 3).shape == X.shape
    assert (one.missing(inputs) is not None) == one.leaves_out
    taken = one.taken(X, torch.ones(64, 1, 16, 24))
    assert taken.shape == (64, one.channels(3), 16, 24), "images that are degraded already keep their size"


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_smaller_and_its_enlargement_are_those_of_pillow(factor):
    """Pillow's bicubic filter is that of MATLAB's imresize, with which benchmarks are made, but for the edges."""
    x = X[:1, :, :12, :]
    small = Smaller(factor)(x, *numbered_draws(0))
    for got, start, size in (
        (small, x, (24 // factor, 12 // factor)),
        (Smaller(factor).shown(small, 3), small, (24, 12)),
    ):
        for channel in range(3):
            image = Image.fromarray(start[0, channel].numpy().astype(np.float32), mode="F")
            expected = np.asarray(image.resize(size, Image.Resampling.BICUBIC))
            assert np.allclose(got[0, channel].numpy(), expected, atol=1e-5)


def test_grey_is_the_luma_of_bt_601():
    x = torch.tensor([1.0, -1.0, 0.5]).view(1, 3, 1, 1)
    assert Grey()(x, *numbered_draws(0)).item() == pytest.approx(0.299 - 0.587 + 0.057, abs=1e-6)


@pytest.mark.parametrize(("shape", "share"), [("box", 0.25), ("half", 0.5)])
def test_holes_cover_their_share_anywhere_and_all_around_them_stays(shape, share):
    holes, x = Holes(shape), X.repeat(32, 1, 1, 1)
    inputs = holes(x, *numbered_draws(0))
    missing = holes.missing(inputs)
    assert missing is not None
    assert missing.unique().tolist() == [0, 1]
    assert torch.allclose(missing.mean((1, 2, 3)), torch.tensor(share), atol=0.02)
    assert (missing.mean(0) > 0).all(), "every pixel is missing in some image"
    assert torch.equal(inputs[:, :3], x * (1 - missing))
    made = torch.full_like(x, 0.7)
    assert torch.equal(holes.completed(made, inputs), torch.where(missing.bool(), made, x))


def test_what_is_shown_of_a_hole_is_the_mean_around_it():
    x = torch.tensor([[[[0.5, 1.0], [-0.5, 0.0]]]])
    inputs = Holes().taken(x, torch.tensor([[[[1.0, 0.0], [1.0, 1.0]]]]))
    assert torch.allclose(Holes().shown(inputs, 1), torch.tensor([[[[0.5, 0.0], [-0.5, 0.0]]]]))


def test_noise_has_the_deviation_that_is_asked_for():
    noise = Noise(25.5)(X, *numbered_draws(0)) - X
    assert noise.std().item() == pytest.approx(0.2, rel=0.02)
    assert noise.mean().item() == pytest.approx(0, abs=0.005)


def test_blur_spreads_a_point_as_a_gaussian_and_keeps_what_is_even():
    point = torch.zeros(1, 1, 31, 31)
    point[..., 15, 15] = 1
    blurred = Blur(2.0)(point, *numbered_draws(0))
    place = torch.arange(31) - 15.0
    assert blurred.sum().item() == pytest.approx(1, abs=1e-5)
    assert (blurred.sum((0, 1, 2)) * place**2).sum().item() == pytest.approx(4, rel=0.03)
    assert torch.allclose(Blur()(torch.full((1, 2, 9, 9), 0.3), *numbered_draws(0)), torch.tensor(0.3), atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Smaller(1), "factor of Smaller is 1; it must be at least 2"),
        (
            lambda: Smaller(4).check((3, 30, 33)),
            r"images of 30x33 cannot be made 4 times smaller: set data.image_size .* such as \[28, 32\]",
        ),
        (lambda: Grey().check((1, 8, 8)), "Grey takes the colour of images, but these have 1 channels"),
        (lambda: Holes(area=1.0), "area of Holes is 1.0.*a mask that covers all"),
        (lambda: Noise(-1), "deviation of Noise is -1"),
        (lambda: Given(0), "input_channels of Given is 0"),
        (lambda: Blur(0), "deviation of Blur is 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()
