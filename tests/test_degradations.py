"""What is taken from images, and that all else stays."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lightning.core.discovery import subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.core.resampling import bicubic
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.degradations import (
    Blur,
    Chain,
    Degradation,
    Edges,
    Given,
    Grey,
    Holes,
    Jpeg,
    Noise,
    OneOf,
    Resized,
    Ringing,
    ShotNoise,
    Smaller,
)
from gan_lightning.degradations.holes import near_line
from gan_lightning.degradations.jpeg import LUMA_STEPS, steps_of
from gan_lightning.degradations.ringing import bessel_j1, low_pass

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


@pytest.mark.parametrize("precision", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("cls", ALL)
def test_inputs_have_the_precision_of_the_images(cls, precision):
    before = torch.get_default_dtype()
    torch.set_default_dtype(precision)  # as trainer.precision 64-true and bf16-true do
    try:
        assert cls()(X[:2].to(precision), *numbered_draws(1)).dtype == precision
    finally:
        torch.set_default_dtype(before)


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


def test_what_is_made_of_grey_keeps_it_and_is_paled_as_far_as_it_must():
    made, grey = torch.tensor([1.0, -1.0, 0.0]).view(1, 3, 1, 1), torch.zeros(1, 1, 1, 1)
    share = 1 / (1 + 0.288)  # the luminance of what is made is -.288, and no channel may pass 1
    by_hand = [(1 + 0.288) * share, (-1 + 0.288) * share, 0.288 * share]
    assert Grey().completed(made, grey).flatten().tolist() == pytest.approx(by_hand, abs=1e-6)
    x, other = 2 * torch.rand(2, 4, 3, 5, 5, generator=torch.Generator().manual_seed(0)) - 1
    known = Grey().taken(x, x)
    found = Grey().completed(other, known)
    assert torch.allclose(Grey().taken(found, found), known, atol=1e-6)
    assert found.abs().max() <= 1 + 1e-6
    assert torch.allclose(Grey().completed(x, known), x, atol=1e-6)


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


@pytest.mark.parametrize("way", [Noise(25.5, grey=True), ShotNoise(2.0, grey=True)])
def test_grey_noise_is_the_same_in_all_channels(way):
    x = X[:4, :1].expand(-1, 3, -1, -1)
    noise = way(x, *numbered_draws(0)) - x
    assert torch.allclose(noise, noise[:, :1].expand_as(noise), atol=1e-6)
    assert noise.std() > 0.05


def test_shot_noise_has_the_variance_of_counts():
    for value in (-1.0, 0.0, 1.0):
        noise = ShotNoise()(torch.full((8, 3, 64, 64), value), *numbered_draws(0)) - value
        counts = (value + 1) * 127.5
        assert (noise * 127.5).var().item() == pytest.approx(counts, rel=0.03)


def test_the_ringing_filter_is_the_low_pass_filter_of_the_circle():
    x = torch.linspace(0, 45, 400, dtype=torch.float64)
    assert torch.allclose(bessel_j1(x), torch.special.bessel_j1(x), atol=1e-12)
    (kernel,) = low_pass(torch.full((1, 1, 1, 1), 1.5, dtype=torch.float64))
    assert kernel.sum().item() == pytest.approx(1)
    middle, beside = kernel[0, 10, 10].item(), kernel[0, 10, 11].item()
    assert beside / middle == pytest.approx(2 * 0.5579365 / 1.5, abs=1e-5), "J1(1.5) = .5579365"


def test_ringing_cuts_off_what_is_above_its_frequency():
    wave = torch.arange(96.0) * torch.tensor([[0.6], [2.4]])
    x = torch.cos(wave)[:, None, None].expand(-1, 1, 96, -1)
    left = Ringing(1.5)(x, *numbered_draws(0))[:, 0, 48, 20:-20].abs().amax(1)
    assert left[0] > 0.9
    assert left[1] < 0.1


def test_one_of_gives_each_way_its_share_and_leaves_the_rest():
    ways = [Smudge(0.25), Smudge(0.5)]
    found = OneOf(ways, [0.5, 0.3])(torch.zeros(4000, 1, 1, 1), *numbered_draws(0))
    shares = [(found == value).float().mean().item() for value in (0.25, 0.5, 0.0)]
    assert shares == pytest.approx([0.5, 0.3, 0.2], abs=0.02)


class Smudge(Degradation):
    """Makes all of an image one value."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__()
        self.value = value

    def forward(self, x, normal, uniform):
        return torch.full_like(x, self.value)


@pytest.mark.parametrize(
    ("ways", "shares", "message"),
    [
        ([Blur()], [0.5, 0.5], "ways of OneOf are 1 and shares 2; give a share for each way"),
        ([Blur(), Noise()], [0.9, 0.2], "they must be at least 0, and sum to above 0 and at most 1"),
        ([Smaller(2)], [1.0], "Smaller has no place in OneOf"),
        ([Holes()], [1.0], "Holes has no place in OneOf"),
        ([Edges()], [1.0], "Edges has no place in OneOf"),
        ([Blur()], [0.0], "sum to above 0"),
    ],
)
def test_one_of_says_what_it_cannot_do(ways, shares, message):
    with pytest.raises(UserError, match=message):
        OneOf(ways, shares)
    with pytest.raises(UserError, match="Grey has no place in OneOf: it changes the number of channels"):
        OneOf([Grey()], [1.0]).check((3, 8, 8))


def test_blur_spreads_a_point_as_a_gaussian_and_keeps_what_is_even():
    point = torch.zeros(1, 1, 31, 31)
    point[..., 15, 15] = 1
    blurred = Blur(2.0)(point, *numbered_draws(0))
    place = torch.arange(31) - 15.0
    assert blurred.sum().item() == pytest.approx(1, abs=1e-5)
    assert (blurred.sum((0, 1, 2)) * place**2).sum().item() == pytest.approx(4, rel=0.03)
    assert torch.allclose(Blur()(torch.full((1, 2, 9, 9), 0.3), *numbered_draws(0)), torch.tensor(0.3), atol=1e-6)


def test_an_amount_of_two_is_drawn_between_them_for_each_image():
    noise = (Noise((0, 51))(X, *numbered_draws(0)) - X).std((1, 2, 3)) * 127.5
    assert noise.min() < 10
    assert 41 < noise.max() < 53
    assert torch.equal(Noise((25, 25))(X, *numbered_draws(0)), Noise(25)(X, *numbered_draws(0)))


def test_images_blurred_together_by_other_amounts_are_blurred_as_alone():
    normal, _ = numbered_draws(0)
    thirds = torch.tensor([0.0, 0.5, 1.0]).view(3, 1, 1, 1)
    together = Blur((0.5, 2.5))(X[:3], normal, lambda *shape: thirds)
    for image, alone, deviation in zip(together, X, (0.5, 1.5, 2.5), strict=False):
        assert torch.allclose(image, Blur(deviation)(alone[None], *numbered_draws(0))[0], atol=0.01)


def test_pixels_are_missing_within_half_the_width_of_a_stroke():
    line = near_line(torch.tensor([[2.0, 1.0]]), torch.tensor([[2.0, 3.0]]), torch.tensor([1.0]), 5, 6)[0]
    assert line.int().tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 0, 0],
        [1, 1, 1, 1, 1, 0],
        [0, 1, 1, 1, 0, 0],
        [0, 0, 0, 0, 0, 0],
    ]
    point = near_line(torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, 1.0]]), torch.tensor([0.5]), 3, 3)[0]
    assert point.sum() == 1
    assert point[1, 1], "a line without length"


def test_strokes_cover_a_part_of_every_image_and_every_pixel_of_some():
    missing = Holes("strokes")(X.repeat(4, 1, 1, 1), *numbered_draws(0))[:, -1]
    assert missing.unique().tolist() == [0, 1]
    assert (missing.amax((1, 2)) == 1).all()
    assert (missing.mean(0) > 0).all()
    assert 0.2 < missing.mean() < 0.7


def as_jpeg(x: torch.Tensor, quality: int) -> np.ndarray:
    """What Pillow makes of one image, 0 to 255 (H, W, C)."""
    pixels = ((x[0] + 1) * 127.5).round().byte().permute(1, 2, 0).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels.squeeze()).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file)).reshape(pixels.shape).astype(float)


@pytest.mark.parametrize("quality", [10, 50, 90])
@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_within_a_few_grey_levels_of_pillow(channels, quality):
    """All but where a coefficient is half a step, which libjpeg's whole numbers and these fractions round apart."""
    x = (bicubic(X[:1, :channels], 99, 150) + bicubic(X[1:2, :channels, :2, :2], 99, 150)).clamp(-1, 1)
    x = ((x + 1) * 127.5).round() / 127.5 - 1
    expected, start = as_jpeg(x, quality), ((x[0] + 1) * 127.5).permute(1, 2, 0).numpy()
    got = ((Jpeg(quality)(x, *numbered_draws(0))[0] + 1) * 127.5).permute(1, 2, 0).numpy()
    differences = np.abs(got - expected)
    assert np.quantile(differences, 0.9) < 3.1
    assert differences.mean() < 1
    assert differences.mean() < 0.25 * np.abs(start - expected).mean()


def test_a_block_of_a_step_keeps_the_coefficients_that_are_rounded_to_multiples_of_their_steps():
    """A block that is 8 brighter than grey has one coefficient, 8 * 8 = 64, and its step at quality 25 is 32."""
    steps = steps_of(LUMA_STEPS, torch.tensor([10.0, 25.0, 50.0, 75.0, 100.0]).view(5, 1, 1, 1))
    assert steps[:, 0, 0].tolist() == [80, 32, 16, 8, 1]
    assert steps.min() == 1
    assert steps.max() == 255
    for added, kept in ((8, 8), (5, 4), (1, 0)):
        x = torch.full((1, 1, 8, 8), (128 + added) / 127.5 - 1)
        assert torch.allclose((Jpeg(25)(x, *numbered_draws(0)) + 1) * 127.5, torch.tensor(128.0 + kept), atol=1e-3)


def test_each_image_may_have_its_own_quality():
    worst = Jpeg((1, 100))(X[:2], numbered_draws(0)[0], lambda *shape: torch.tensor([0.0, 1.0]).view(2, 1, 1, 1))
    assert torch.equal(worst[:1], Jpeg(1)(X[:1], *numbered_draws(0)))
    assert torch.equal(worst[1:], Jpeg(100)(X[1:2], *numbered_draws(0)))


@pytest.mark.parametrize("lines", ["dark", "light"])
def test_the_outline_of_a_square_is_a_line_of_one_pixel(lines):
    x = torch.full((1, 3, 24, 24), -0.5)
    x[:, 1, 8:16, 8:16] = 0.5
    drawn = Edges(lines=lines)(x, *numbered_draws(0))[0, 0]
    on = drawn == (-1 if lines == "dark" else 1)
    assert drawn.unique().tolist() == [-1, 1]
    assert on[12].sum() == 2, "left and right"
    assert on[:, 12].sum() == 2, "above and below"
    assert on[12, [7, 8]].sum() == on[12, [15, 16]].sum() == 1
    assert not on[:5].any()
    assert not on[:, :5].any()
    assert not on[10:14, 10:14].any()


def test_a_step_is_drawn_if_its_steepest_change_reaches_the_threshold():
    """Blurred by 1 pixel, a step of h changes most by h * (0.5 - Phi(-1.5) ...), sampled: 0.3206 h per pixel."""
    x = torch.zeros(1, 1, 16, 16)
    x[..., 8:] = 32 / 127.5
    place = torch.arange(-3, 4)
    weights = torch.softmax(-place.square() / 2.0, 0)
    steepest = 32 * (weights[3] + weights[4]).item() / 2
    assert (Edges(threshold=steepest - 0.01)(x, *numbered_draws(0)) < 0).any()
    assert not (Edges(threshold=steepest + 0.01)(x, *numbered_draws(0)) < 0).any()


def test_a_drawing_is_taken_as_grey():
    x = torch.tensor([1.0, -1.0, 0.5]).view(1, 3, 1, 1)
    assert Edges().taken(x, torch.ones(1, 1, 1, 1)).item() == pytest.approx(-0.231, abs=1e-6)


@pytest.mark.parametrize(("scale", "between"), [(0.25, (4, 6)), (0.6, (10, 14)), (1.3, (21, 31))])
def test_resized_is_the_way_to_another_size_and_back(scale, between):
    expected = bicubic(bicubic(X, *between), 16, 24)
    assert torch.allclose(Resized(scale)(X, *numbered_draws(0)), expected, atol=1e-5)
    draws = numbered_draws(0)[0], lambda *shape: torch.tensor([0.0, 1.0]).view(2, 1, 1, 1)
    assert torch.allclose(Resized((scale, 1.5))(X[:2], *draws)[0], expected[0], atol=1e-5), "also beside others"


def test_a_chain_is_one_step_after_the_other():
    steps = [Blur(1.0), Smaller(2), Grey(), Smaller(2), Holes()]
    chain = Chain(steps)
    x = X
    draws = numbered_draws(1)
    for step in steps:
        x = step(x, *draws)
    inputs = chain(X, *numbered_draws(1))
    assert torch.equal(inputs, x)
    assert (chain.factor, chain.channels(3), chain.leaves_out) == (4, 2, True)
    assert chain.shown(inputs, 3).shape == X.shape
    assert torch.equal(chain.shown(inputs, 3), chain.shown(inputs, 3)[:, :1].expand(-1, 3, -1, -1)), "grey"
    taken = chain.taken(X, torch.ones(64, 1, 16, 24))
    assert torch.equal(taken[:, :1], Grey().taken(X, X))
    assert not taken[:, 1:].any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Smaller(1), "factor of Smaller is 1; it must be at least 2"),
        (
            lambda: Smaller(4).check((3, 30, 33)),
            r"images of 30x33 cannot be made 4 times smaller: set data.image_size .* such as \[28, 32\]",
        ),
        (lambda: Grey().check((1, 8, 8)), "Grey takes the colour of images, but these have 1 channel:"),
        (lambda: Holes(area=1.0), "area of Holes is 1.0.*a mask that covers all"),
        (lambda: Noise(-1), "deviation of Noise is -1"),
        (lambda: Given(0), "input_channels of Given is 0"),
        (lambda: Noise((5, 2)), r"deviation of Noise is \(5, 2\).*the lower one first"),
        (lambda: Jpeg(0), "quality of Jpeg is 0; it must be at least 1 and at most 100"),
        (lambda: Edges(threshold=0), "threshold of Edges is 0"),
        (lambda: Edges(0.0), "deviation of Edges is 0"),
        (lambda: Resized(0), "scale of Resized is 0"),
        (lambda: Chain([]), "steps of Chain is empty"),
        (lambda: Chain([Holes(), Noise()]), "Holes must be the last step of a Chain"),
        (lambda: Chain([Given(3)]), "Given has no place in a Chain"),
        (lambda: Chain([Smaller(2), Smaller(4)]).check((3, 20, 16)), "images of 10x8 cannot be made 4 times smaller"),
        (lambda: Blur(0), "deviation of Blur is 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()
