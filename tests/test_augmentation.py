"""What is done to images before D sees them."""

import math
from typing import Any

import pytest
import torch
from helpers.tiny import SHAPE, Blobs, fit, tiny_gan, weights
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from gan_lightning import GAN, augmentation
from gan_lightning.augmentation import (
    ADA,
    OCTAVES,
    Augmentation,
    DiffAugment,
    Draws,
    holed,
    moved,
    recoloured,
    scaling,
    shifted,
    shifting,
    turning,
    whole,
)
from gan_lightning.core.discovery import subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.networks import Discriminator, DiscriminatorOutput, MLPDiscriminator
from gan_lightning.objectives import RelativisticPaired, Wasserstein

ALL = sorted(
    (c for c in subclasses(Augmentation) if c.__module__.startswith("gan_lightning")), key=lambda c: c.__name__
)
SHAPES = [(1, 28, 28), (3, 12, 20), (2, 7, 5)]


def draws(seed: int = 0):
    stream = torch.Generator().manual_seed(seed)
    return (
        lambda *shape: torch.randn(shape, generator=stream),
        lambda *shape: torch.rand(shape, generator=stream),
    )


def images(shape: tuple[int, int, int], n: int = 16) -> Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def strong(cls: type) -> Augmentation:
    return cls(p=1.0, filters=True, noise=True, cutout=True) if cls is ADA else cls()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cls", ALL)
def test_images_of_any_shape_are_changed_each_in_another_way_and_stay_finite(cls, shape):
    x = images(shape, 1).expand(16, *shape)
    out = strong(cls)(x, *draws())
    assert out.shape == x.shape
    assert out.isfinite().all()
    assert len({tuple(image.flatten().tolist()) for image in out}) == 16


@pytest.mark.parametrize("cls", ALL)
def test_the_gradient_passes_through(cls):
    """It is that of finite differences. (A pixel is moved or recoloured, both of which are linear in the images.)"""
    x = images((3, 6, 6), 2).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: strong(cls)(x, *draws()), (x,), atol=1e-6)


@pytest.mark.parametrize("cls", ALL)
def test_the_players_learn_from_augmented_images_alone(cls):
    shown = []

    class Spy(Discriminator):
        def __init__(self) -> None:
            super().__init__()
            self.image_shape, self.layer = SHAPE, torch.nn.Linear(16, 1)

        def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
            shown.append(x.detach())
            return DiscriminatorOutput(self.layer(x.flatten(1)).squeeze(1))

    data = Blobs()
    fit(tiny_gan(discriminator=Spy(), augmentation=strong(cls)), data, max_steps=1)
    assert data.source is not None
    real = data.source[:][0].float() / 127.5 - 1  # type: ignore[index]
    distances = (shown[0][:, None] - real[None]).flatten(2).norm(dim=2)
    assert len(shown) == 3
    assert (distances.min(1).values > 1e-3).sum() >= 7, "hardly an image stays as it was"


# ---- DiffAugment --------------------------------------------------------------------------------------------------


def test_a_shift_moves_by_at_most_an_eighth_and_leaves_zeros():
    x = torch.ones(500, 1, 16, 24)
    out = DiffAugment(["translation"])(x, *draws())
    rows, columns = 16 - out.amax((1, 3)).sum(1), 24 - out.amax((1, 2)).sum(1)
    assert (rows.min(), rows.max()) == (0, 2)
    assert (columns.min(), columns.max()) == (0, 3)
    assert {*out.flatten().tolist()} == {0, 1}


def test_a_hole_takes_at_most_half_of_each_side():
    out = DiffAugment(["cutout"])(torch.ones(500, 2, 16, 24), *draws())
    rows, columns = (out[:, 0].amin(2) == 0).sum(1), (out[:, 0].amin(1) == 0).sum(1)
    assert (rows.max(), columns.max()) == (8, 12)
    assert (rows.min(), columns.min()) >= (4, 6), "the middle of the hole lies in the image"
    assert torch.equal(out[:, 0], out[:, 1])


def test_colours_change_brightness_saturation_and_contrast():
    x = images((3, 4, 4), 1).expand(4000, 3, 4, 4)
    out = DiffAugment(["color"])(x, *draws())
    moved_by = out.mean((1, 2, 3)) - x.mean((1, 2, 3))
    assert -0.5 <= moved_by.min() < -0.49
    assert 0.49 < moved_by.max() <= 0.5


def given(*values: float):
    """Draws of numbers that a test wants, one row for each image, of whatever shape is asked for."""

    def draw(n: int, *shape: int) -> Tensor:
        assert n * math.prod(shape) == len(values)
        return torch.tensor(values, dtype=torch.float64).view(n, *shape)

    return draw


def test_colours_are_worked_out_by_hand():
    """Brightness 0.9 - 0.5, saturation 2 * 0.3, contrast 0.5 + 0.8, of one image with two pixels."""
    x = torch.tensor([[0.2, -0.4], [0.5, 0.0], [-0.1, 0.7]], dtype=torch.float64)
    out = recoloured(x.view(1, 3, 1, 2), given(0.9, 0.3, 0.8)).view(3, 2)
    grey = [0.6 / 3 + 0.4, 0.3 / 3 + 0.4]
    duller = [[g + 0.6 * (v + 0.4 - g) for v, g in zip(row, grey, strict=True)] for row in x.tolist()]
    mean = sum(grey) / 2
    for row, before in zip(out.tolist(), duller, strict=True):
        assert row == pytest.approx([mean + 1.3 * (v - mean) for v in before], rel=1e-12)


@pytest.mark.parametrize(("draw", "expected"), [(0.0, -2), (0.39, -1), (0.5, 0), (0.79, 1), (0.999999, 2)])
def test_whole_numbers_are_equally_likely_and_the_bounds_are_among_them(draw, expected):
    assert whole(torch.tensor([draw]), -2, 2).tolist() == [expected]
    assert whole(torch.tensor([0.75], dtype=torch.bfloat16), 0, 1000).tolist() == [750], "16 bits are too few"


@pytest.mark.parametrize(
    ("rows", "columns", "expected"),
    [
        (0.0, 0.0, {(4, 7): 1}),  # one up at most, of 4 rows; two to the left, of 12 columns
        (0.99, 0.99, {(2, 3): 1}),
        (0.5, 0.7, {(3, 4): 1}),
        (0.5, 0.5, {(3, 5): 1}),
    ],
)
def test_a_shift_is_worked_out_by_hand(rows, columns, expected):
    x = torch.zeros(1, 2, 6, 12)
    x[0, 1, 3, 5] = 1
    out = shifted(x, given(rows, columns))
    assert {(i, j): int(v) for (i, j), v in zip(out[0, 1].nonzero().tolist(), [1], strict=True)} == expected
    assert out[0, 0].abs().sum() == 0
    assert shifted(torch.ones(1, 1, 3, 3), given(0.0, 0.999)).sum() == 9, "an eighth of 3 is no pixel"
    for rows, columns in ((0.0, 0.0), (0.999, 0.999)):
        assert shifted(torch.ones(1, 1, 11, 11), given(rows, columns)).sum() == 100, "an eighth of 11 is one"


def test_beyond_the_edges_of_a_shifted_image_there_is_nothing():
    ones = torch.ones(1, 1, 12, 12)
    for rows, columns, left in ((0.0, 0.5, 10), (0.999, 0.5, 10), (0.5, 0.0, 10), (0.5, 0.999, 10), (0.5, 0.7, 11)):
        assert shifted(ones, given(rows, columns)).sum() == left * 12


@pytest.mark.parametrize(
    ("rows", "columns", "hole"),
    [
        (0.0, 0.0, (range(2), range(1))),  # 3 of 5 rows around 0, 2 of 4 columns around the edge before 0
        (0.5, 0.5, (range(1, 4), range(1, 3))),
        (0.999, 0.999, (range(3, 5), range(3, 4))),
        (0.25, 0.7, (range(3), range(2, 4))),
    ],
)
def test_a_hole_is_worked_out_by_hand(rows, columns, hole):
    out = holed(torch.ones(1, 2, 5, 4), given(rows, columns))
    expected = [[float(i not in hole[0] or j not in hole[1]) for j in range(4)] for i in range(5)]
    assert out.tolist() == [[expected, expected]]


def test_the_policy_is_done_in_its_order_and_all_of_it_by_default():
    x = images((3, 8, 8))
    normal, uniform = draws()
    out = DiffAugment()(x, normal, uniform)
    _, uniform = draws()
    assert torch.equal(out, holed(shifted(recoloured(x, uniform), uniform), uniform))


class OneDevice(TorchFunctionMode):
    """Sees every operation, and that no two tensors come to it from different devices."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        assert len({tensor.device for tensor in tensors}) <= 1 or func is Tensor.to, func
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("cls", ALL)
def test_images_stay_on_their_device_and_in_their_precision_but_for_16_bits(cls):
    """The device meta computes nothing."""
    x = images((3, 8, 8))
    elsewhere = lambda *shape: torch.empty(shape, device="meta", dtype=torch.float64)  # noqa: E731
    with OneDevice():
        out = strong(cls).to("meta")(x.to("meta"), elsewhere, elsewhere)
    assert (out.device.type, out.dtype) == ("meta", torch.float32)
    assert strong(cls).double()(x.double(), *draws()).dtype == torch.float64
    assert strong(cls)(x.bfloat16(), *draws()).dtype == torch.float32, "16 bits are too few"


def test_only_what_the_policy_names_is_done():
    x = images((1, 8, 8))
    assert torch.equal(DiffAugment([])(x, *draws()), x)
    with pytest.raises(UserError, match="policy of DiffAugment holds rotation; there are color, translation, cutout"):
        DiffAugment(["rotation"])


# ---- ADA ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_with_probability_zero_nothing_changes(shape):
    x = images(shape)
    assert torch.equal(ADA(p=0.0, color=False, noise=True, cutout=True)(x, *draws()), x)
    every = ADA(p=0.0, filters=True, noise=True, cutout=True)
    assert torch.allclose(every(x, *draws()), x, atol=1e-5)
    assert torch.allclose(every(x, draws()[0], torch.zeros), x, atol=1e-5), "zero is among the uniform numbers"


class Chosen:
    """Draws that are what a test wants: each change is made, with these values."""

    def __init__(self, uniforms: list[float]) -> None:
        self.uniforms, self.p = iter(torch.tensor(uniforms).unsqueeze(1)), torch.tensor(1.0)

    def uniform(self) -> Tensor:
        return next(self.uniforms)

    def maybe(self, value: Tensor, otherwise: float, p: Tensor | None = None) -> Tensor:
        return value


@pytest.mark.parametrize(
    ("uniforms", "expected"),
    [
        ([0.9, 0.0, 0.5, 0.5], lambda x: x.flip(3)),
        ([0.0, 0.3, 0.5, 0.5], lambda x: x.rot90(1, (2, 3))),
        ([0.0, 0.6, 0.5, 0.5], lambda x: x.rot90(2, (2, 3))),
        ([0.0, 0.0, 1.0, 0.5], lambda x: torch.cat([x[..., 1:], x[..., -2:-1]], dim=3)),
    ],
)
def test_flips_quarter_turns_and_shifts_move_whole_pixels(uniforms, expected):
    x = images((1, 8, 8), 1)
    out = moved(x, Chosen(uniforms), blit=True, geometry=False)  # type: ignore[arg-type]
    assert torch.equal(out, expected(x))


def test_maps_of_places_are_put_together_in_pixels_so_that_a_turn_of_a_long_image_keeps_its_shape():
    quarter = turning(torch.tensor([math.pi / 2]))
    assert torch.allclose(quarter @ quarter @ quarter @ quarter, torch.eye(3).unsqueeze(0), atol=1e-6)
    one, two = torch.ones(1), torch.full((1,), 2.0)
    point = torch.tensor([3.0, 4.0, 1.0])
    assert (scaling(two, one) @ point).tolist() == [[6, 4, 1]]
    assert (shifting(two, one) @ point).tolist() == [[5, 5, 1]]


LAYOUT = {
    "uniform": {
        "blit": ("flip", "flip?", "quarters", "quarters?", "right", "down", "shift?"),
        "geometry": ("scale?", "turn", "turn?", "stretch?", "second turn", "second turn?", "slide?"),
        "color": ("brightness?", "contrast?", "sign", "sign?", "hue", "hue?", "saturation?"),
        "filters": ("lowest?", "low?", "high?", "highest?"),
        "noise": ("noise?",),
        "cutout": ("cutout?", "hole right", "hole down"),
    },
    "normal": {
        "blit": (),
        "geometry": ("scale", "stretch", "slide right", "slide down"),
        "color": ("brightness", "contrast", "saturation"),
        "filters": ("lowest", "low", "high", "highest"),
        "noise": ("noise",),
        "cutout": (),
    },
}
"""What ADA draws, in its order. A name with ? decides whether the change is made."""


def chosen(parts: tuple[str, ...], **wanted: float):
    """Draws under which exactly those changes are made, with p = 0.5, whose numbers are given; _ is a space."""
    values = {name.replace("_", " "): value for name, value in wanted.items()}
    values |= {decides: 0.49 for name in values if (decides := DECIDES.get(name))}

    def draw(kind: str):
        names = [name for part in parts for name in LAYOUT[kind][part]]

        def numbers(n: int, k: int) -> Tensor:
            assert (n, k) == (1, {"normal": 16, "uniform": 32}[kind]), "so many are drawn, whatever is made of them"
            row = [values.get(name, 0.51 if "?" in name else 0.5) for name in names]
            return torch.tensor([row + [0.0] * (k - len(row))], dtype=torch.float64)

        return numbers

    return draw("normal"), draw("uniform")


DECIDES = {name: f"{name}?" for names in LAYOUT["uniform"].values() for name in names if "?" not in name}
DECIDES |= {name: f"{name}?" for name in ("scale", "stretch", "brightness", "contrast", "saturation", "noise")}
DECIDES |= {name: f"{name}?" for name in LAYOUT["normal"]["filters"]}
DECIDES |= {"hole right": "cutout?", "hole down": "cutout?"}
DECIDES |= {"right": "shift?", "down": "shift?", "slide right": "slide?", "slide down": "slide?"}
DECIDES |= {"turn": "", "second turn": ""}  # which come more seldom


def places(height: int, width: int) -> Tensor:
    """An image whose two channels are the places of its pixels, to the right and down from its centre."""
    down, right = torch.meshgrid(torch.arange(height) + 0.5, torch.arange(width) + 0.5, indexing="ij")
    return torch.stack([right - width / 2, down - height / 2])[None].double()


SHAPES_BY_HAND = [(6, 6), (4, 16)]
CHANGES = {
    "a flip": ({"flip": 0.5}, lambda x, y, side: (-x, y)),
    "no flip": ({"flip": 0.49}, lambda x, y, side: (x, y)),
    "three quarters": ({"quarters": 0.75}, lambda x, y, side: (y, -x) if side[0] == side[1] else (-x, -y)),
    "one quarter": ({"quarters": 0.49}, lambda x, y, side: (-y, x) if side[0] == side[1] else (x, y)),
    "two": ({"quarters": 0.5}, lambda x, y, side: (-x, -y)),
    "a shift": (
        {"right": 0.9, "down": 0.999},
        lambda x, y, side: (x + round(0.8 * side[1] / 8), y + round(0.998 * side[0] / 8)),
    ),
    "growth": ({"scale": -5.0}, lambda x, y, side: (x / 2, y / 2)),
    "shrinkage": ({"scale": 5.0}, lambda x, y, side: (2 * x, 2 * y)),
    "a turn": ({"turn": 0.75, "turn?": 0.29}, lambda x, y, side: (-y, x)),
    "a second turn": ({"second_turn": 0.25, "second_turn?": 0.29}, lambda x, y, side: (y, -x)),
    "no turn": ({"turn": 0.75, "turn?": 0.3, "second_turn": 0.9, "second_turn?": 0.3}, lambda x, y, side: (x, y)),
    "a half turn": ({"turn": 0.0, "turn?": 0.1}, lambda x, y, side: (-x, -y)),
    "stretching": ({"stretch": 5.0}, lambda x, y, side: (2 * x, y / 2)),
    "sliding": (
        {"slide_right": 0.4, "slide_down": -0.6},
        lambda x, y, side: (x + 0.05 * side[1], y - 0.075 * side[0]),
    ),
    "all in turn": (
        {
            "flip": 0.5,
            "quarters": 0.5,
            "right": 0.9,
            "down": 0.1,
            "scale": -5.0,
            "turn": 0.75,
            "turn?": 0.1,
            "stretch": 2.0,
            "second_turn": 0.375,
            "second_turn?": 0.1,
            "slide_right": 0.4,
            "slide_down": -0.2,
        },
        lambda x, y, side: all_in_turn(x, y, side),
    ),
}
"""Which numbers are drawn, and from where each pixel (x, y) then comes, in an image of sides (height, width)."""


def all_in_turn(x: float, y: float, side: tuple[int, int]) -> tuple[float, float]:
    """The last change is the first on the way back to the old image."""
    x, y = x + 0.05 * side[1], y - 0.025 * side[0]
    eighth = 0.5**0.5
    x, y = eighth * (x + y), eighth * (y - x)  # -45 degrees
    x, y = 2**0.4 * x, y / 2**0.4
    x, y = -y, x
    x, y = x / 2, y / 2
    x, y = x + round(0.8 * side[1] / 8), y - round(0.8 * side[0] / 8)
    x, y = -x, -y
    return -x, y


@pytest.mark.parametrize("shape", SHAPES_BY_HAND, ids=str)
@pytest.mark.parametrize("change", CHANGES)
def test_every_pixel_comes_from_where_the_changes_say(change, shape, monkeypatch):
    """(How it is read from there is for tests/core/test_resampling.py.)"""
    wanted, source = CHANGES[change]
    maps: list[Tensor] = []
    monkeypatch.setattr(augmentation, "resampled", lambda x, map_: maps.append(map_) or x)
    before = places(*shape)
    ADA(p=0.5, speed=0, color=False).double()(before, *chosen(("blit", "geometry"), **wanted))
    (map_,) = maps
    for x, y in before[0].flatten(1).T.tolist():
        there = map_[0] @ torch.tensor([x, y, 1.0], dtype=torch.float64)
        assert there.tolist() == pytest.approx([*source(x, y, shape), 1], abs=1e-6), (x, y)


@pytest.mark.parametrize(("part", "wanted"), [("blit", {"flip": 0.5}), ("geometry", {"slide_right": 0.4})])
def test_blits_and_geometry_are_done_alone(part, wanted):
    before = places(6, 6)
    options = {"blit": False, "geometry": False, "color": False, part: True}
    after = ADA(p=0.5, speed=0, **options).double()(before, *chosen((part,), **wanted))
    both = ADA(p=0.5, speed=0, color=False).double()(before, *chosen(("blit", "geometry"), **wanted))
    assert torch.allclose(after, both)
    assert not torch.allclose(after, before)


def test_edges_are_reflected():
    row = torch.tensor([1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0]).double()
    after = ADA(p=0.5, speed=0, color=False).double()(
        row.expand(1, 1, 8, 8), *chosen(("blit", "geometry"), slide_right=2.0, slide_down=0.0)
    )
    assert after[0, 0, 0].tolist() == [4, 8, 16, 32, 64, 128, 64, 32]


TINTS = {
    "none": {},
    "brightness": {"brightness": -0.7},
    "contrast": {"contrast": 1.3},
    "inversion": {"sign": 0.5},
    "no inversion": {"sign": 0.49},
    "hue": {"hue": 0.9},
    "saturation": {"saturation": -0.6},
    "all": {"brightness": -0.7, "contrast": 1.3, "sign": 0.6, "hue": 0.3, "saturation": 0.4},
}


@pytest.mark.parametrize("channels", [1, 2, 3])
@pytest.mark.parametrize("tint", TINTS)
def test_colours_of_ada_are_worked_out_by_hand(tint, channels):
    wanted = TINTS[tint]
    pixel = [0.2, -0.5, 0.9][:channels]
    ada = ADA(p=0.5, speed=0, blit=False, geometry=False).double()
    x = torch.tensor(pixel, dtype=torch.float64).view(1, channels, 1, 1)
    after = ada(x, *chosen(("color",), **wanted)).flatten().tolist()
    grey = sum(pixel) / channels
    colour = [v - grey for v in pixel]
    angle = (2 * wanted["hue"] - 1) * math.pi if "hue" in wanted else 0.0
    if channels == 3:  # a turn around (1, 1, 1): Rodrigues' formula
        r, g, b = colour
        across = [(b - g) / 3**0.5, (r - b) / 3**0.5, (g - r) / 3**0.5]
        colour = [math.cos(angle) * c + math.sin(angle) * a for c, a in zip(colour, across, strict=True)]
    contrast, saturation = 2 ** (0.5 * wanted.get("contrast", 0.0)), 2 ** wanted.get("saturation", 0.0)
    level = contrast * (-1 if wanted.get("sign", 0.0) >= 0.5 else 1) * (grey + 0.2 * wanted.get("brightness", 0.0))
    assert after == pytest.approx([level + contrast * saturation * c for c in colour], rel=1e-12, abs=1e-12)


def test_colours_of_a_grey_image_stay_grey_and_hue_turns_around_the_grey_axis():
    grey = images((1, 4, 4)).expand(16, 3, 4, 4)
    out = ADA(p=1.0, blit=False, geometry=False)(grey, *draws())
    assert torch.allclose(out, out.mean(1, keepdim=True).expand_as(out), atol=1e-5)


NOTHING: dict[str, Any] = {"blit": False, "geometry": False, "color": False, "speed": 0}


def power(x: Tensor, bands: int) -> Tensor:
    """The mean power of images in bands of equal width, by the larger of the two frequencies."""
    frequency = torch.fft.fftfreq(x.shape[-1], dtype=torch.float64).abs()
    band = (torch.maximum(frequency[:, None], frequency) * 2 * bands).long().clamp(max=bands - 1)
    spectrum = torch.fft.fft2(x).abs().square().mean((0, 1))
    return torch.stack([spectrum[band == i].mean() for i in range(bands)])


def test_moving_hardly_blurs():
    """Power kept of noise in four bands: by the authors' code 1.01, .95, .74, .38; read linearly .98, .77, .47, .26."""
    noise = torch.randn(256, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    kept = power(ADA(p=1.0, speed=0, color=False)(noise, *draws()), 4) / power(noise, 4)
    assert kept.tolist() == pytest.approx([1.01, 0.95, 0.74, 0.38], abs=0.06)


def test_the_octaves_add_up_to_the_image_and_are_those_of_the_paper():
    """Of a frequency w, H(z) H(1/z) / 2 keeps cos^4(w/2) (1 + 2 sin^2(w/2)), with two vanishing moments."""
    assert OCTAVES.shape == (4, 43)
    assert torch.allclose(OCTAVES.sum(0), torch.eye(43, dtype=torch.float64)[21], atol=1e-12)
    w = torch.linspace(0, math.pi, 50, dtype=torch.float64)
    low = lambda w: (w / 2).cos() ** 4 * (1 + 2 * (w / 2).sin() ** 2)  # noqa: E731
    expected = [
        low(w) * low(2 * w) * low(4 * w),
        low(w) * low(2 * w) * low(math.pi - 4 * w),
        low(w) * low(math.pi - 2 * w),
        low(math.pi - w),
    ]
    found = OCTAVES @ (w * (torch.arange(43.0, dtype=torch.float64)[:, None] - 21)).cos()
    assert torch.allclose(found, torch.stack(expected), atol=1e-12)


@pytest.mark.parametrize("octave", range(4))
def test_a_filter_amplifies_its_octave_and_keeps_the_power_of_the_average_image(octave):
    """Of a wave in the middle of an octave (or none for the lowest), in both directions; powers are 10:1:1:1."""
    name, gain = LAYOUT["normal"]["filters"][octave], 2**0.7
    shares = [10 / 13, 1 / 13, 1 / 13, 1 / 13]
    scaled = [(gain if i == octave else 1.0) / (1 + shares[octave] * (gain**2 - 1)) ** 0.5 for i in range(4)]
    assert sum(s * g**2 for s, g in zip(shares, scaled, strict=True)) == pytest.approx(1)
    ada = ADA(p=0.5, filters=True, **NOTHING).double()
    for frequency in (0, 9, 23, 64):
        wave = torch.cos(torch.arange(129, dtype=torch.float64) * math.pi * frequency / 64).expand(1, 1, 129, 129)
        shown = OCTAVES @ (math.pi * frequency / 64 * (torch.arange(43.0, dtype=torch.float64) - 21)).cos()
        along = sum(g * s for g, s in zip(scaled, shown.tolist(), strict=True))
        across = scaled[0]  # the wave is level from row to row
        after = ada(wave, *chosen(("filters",), **{name: 0.7}))
        assert torch.allclose(after, along * across * wave, atol=1e-10)


def test_several_gains_multiply_and_each_keeps_the_power():
    gains = {"lowest": 0.5, "low": -1.0, "high": 0.3, "highest": 2.0}
    flat = torch.ones(1, 2, 12, 10, dtype=torch.float64)
    after = ADA(p=0.5, filters=True, **NOTHING).double()(flat, *chosen(("filters",), **gains))
    squares = [4**g for g in gains.values()]
    power = math.prod(1 + s / 13 * (square - 1) for s, square in zip((10, 1, 1, 1), squares, strict=True))
    assert torch.allclose(after, flat * squares[0] / power)


def test_noise_has_a_half_normal_deviation_of_a_tenth():
    x = torch.zeros(4000, 1, 8, 8)
    out = ADA(p=0.5, noise=True, **NOTHING)(x, *draws())
    deviations = out.flatten(1).std(1)
    made = deviations > 0
    assert made.float().mean().item() == pytest.approx(0.5, abs=0.03)
    assert deviations[made].square().mean().sqrt().item() == pytest.approx(0.1, rel=0.05)
    assert deviations[made].mean().item() == pytest.approx(0.1 * (2 / math.pi) ** 0.5, rel=0.05)
    assert out[made].mean().item() == pytest.approx(0, abs=1e-3)


def test_noise_is_drawn_whatever_the_probability():
    """So that the numbers that follow do not depend on it."""
    shapes: list[tuple[int, ...]] = []
    normal = lambda *shape: shapes.append(shape) or torch.zeros(shape)  # noqa: E731
    for p in (0.0, 1.0):
        ADA(p=p, noise=True, **NOTHING)(torch.zeros(2, 3, 4, 5), normal, torch.zeros)
    assert shapes == [(2, 16), (2, 3, 4, 5)] * 2


@pytest.mark.parametrize(
    ("right", "down", "hole"),
    [
        (0.5, 0.5, (range(2, 6), range(3, 9))),
        (0.0, 0.0, (range(2), range(3))),
        (0.999, 0.25, (range(4), range(9, 12))),
    ],
)
def test_a_hole_of_ada_is_worked_out_by_hand(right, down, hole):
    """Half of each side, 4 of 8 rows and 6 of 12 columns, around a centre anywhere."""
    ada = ADA(p=0.5, cutout=True, **NOTHING).double()
    ones = torch.ones(1, 2, 8, 12, dtype=torch.float64)
    out = ada(ones, *chosen(("cutout",), hole_right=right, hole_down=down))
    expected = [[float(i not in hole[0] or j not in hole[1]) for j in range(12)] for i in range(8)]
    assert out.tolist() == [[expected, expected]]
    assert torch.equal(ada(ones, *chosen(("cutout",))), ones)


def test_a_hole_covers_7_16ths_of_each_side_on_average_and_comes_with_the_probability():
    """Half of a side, less the 1/32 that lie beyond each of its ends."""
    out = ADA(p=0.5, cutout=True, **NOTHING)(torch.ones(20_000, 1, 16, 16), *draws())
    assert (out.amin((1, 2, 3)) == 0).float().mean().item() == pytest.approx(0.5, abs=0.02)
    assert (out == 0).float().mean().item() == pytest.approx(0.5 * (7 / 16) ** 2, abs=0.003)


@pytest.mark.parametrize(("logits", "direction"), [(torch.ones(8), 1), (-torch.ones(8), -1), (torch.zeros(8), -1)])
def test_the_probability_rises_while_d_is_surer_of_real_images_than_the_target(logits, direction):
    ada = ADA(target=0.6, speed=320, p=0.5)
    for _ in range(4):
        assert ada.p.item() == pytest.approx(0.5), "it moves every fourth step only"
        ada.observe(logits)
        ada.after_step()
    assert ada.p.item() == pytest.approx(0.5 + direction * 4 * 8 / 320)


def test_signs_are_averaged_over_the_images_of_four_steps_and_then_forgotten():
    ada = ADA(target=0.25, speed=100, p=0.5)
    for signs in ([1.0, -9.0, 0.1], [5.0], [0.0], [2.0]):  # 4 of 6 above zero, one below, one in doubt: 3 / 6 > 0.25
        ada.observe(torch.tensor(signs))
        ada.after_step()
    assert ada.p.item() == pytest.approx(0.5 + 6 / 100)
    for signs in ([1.0], [-1.0], [1.0, -1.0], [-2.0, 1.0]):  # none on balance
        ada.observe(torch.tensor(signs))
        ada.after_step()
    assert ada.p.item() == pytest.approx(0.5)
    for _ in range(4):
        ada.observe(torch.tensor([1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0]))  # as many as the target
        ada.after_step()
    assert ada.p.item() == pytest.approx(0.5)


def test_a_step_of_several_parts_counts_all_of_them():
    ada = ADA(target=0.0, speed=100, p=0.5)
    for _ in range(4):
        ada.observe(torch.ones(3))
        ada.observe(-torch.ones(2))
        ada.after_step()
    assert ada.p.item() == pytest.approx(0.5 + 4 * 5 / 100)


def test_the_images_of_all_processes_count(monkeypatch):
    """Each has the mean of what all have seen; here 5 of 8 images a step with their signs, on three processes."""
    averaged = []
    monkeypatch.setattr(augmentation, "average", lambda tensors: averaged.extend(tensors) or tensors[0].sub_(3))
    monkeypatch.setattr(augmentation, "several", lambda: True)
    monkeypatch.setattr(torch.distributed, "get_world_size", lambda: 3)
    ada = ADA(target=0.6, speed=1000, p=0.5)
    for _ in range(4):
        ada.observe(torch.ones(8))
        ada.after_step()
    assert len(averaged) == 4, "in each step"
    assert ada.p.item() == pytest.approx(0.5 + 3 * 4 * 5 / 1000)


def test_a_checkpoint_holds_what_was_seen_and_no_part_of_a_step():
    assert {*ADA().state_dict()} == {"p", "seen", "steps"}
    assert ADA().half().steps.dtype == torch.int64, "counted in whole numbers whatever the precision"
    ada = ADA(target=0.0, speed=100, p=0.5)
    ada.observe(torch.ones(5, requires_grad=True))
    assert not ada.now.requires_grad
    ada.after_step()
    assert ada.steps == 1
    again = ADA(target=0.0, speed=100)
    again.load_state_dict(ada.state_dict())
    for _ in range(3):
        again.after_step()
    assert again.p.item() == pytest.approx(0.5 + 5 / 100)


def test_only_an_augmentation_that_moves_its_probability_listens_and_logs():
    assert [cls().adapts for cls in ALL] == [True, False]
    assert not ADA(speed=0).adapts
    assert ADA(speed=1).adapts
    assert ADA(p=0.25).metrics()["augmentation/p"].item() == 0.25
    diff = DiffAugment()
    diff.observe(torch.ones(3))
    diff.after_step()
    assert diff.metrics() == {}


def test_ada_begins_with_nothing_and_moves_as_the_paper_does():
    ada = ADA()
    assert (ada.p.item(), ada.target, ada.speed) == (0, 0.6, 500_000)
    for _ in range(4):
        ada.observe(torch.ones(500))
        ada.after_step()
    assert ada.p.item() == pytest.approx(2000 / 500_000)


@pytest.mark.parametrize(("p", "sign", "end"), [(0.9, 1, 1), (0.1, -1, 0)])
def test_the_probability_stays_one_or_zero(p, sign, end):
    ada = ADA(speed=8, p=p)
    for _ in range(8):
        ada.observe(sign * torch.ones(8))
        ada.after_step()
    assert ada.p.item() == end


def test_speed_zero_keeps_the_probability():
    ada = ADA(speed=0, p=0.3)
    fit(tiny_gan(augmentation=ada), max_steps=8)
    assert ada.p.item() == pytest.approx(0.3)


def test_the_probability_is_logged_and_lies_in_the_checkpoint(tmp_path):
    gan = tiny_gan(augmentation=ADA(speed=100, p=0.5))
    trainer = fit(gan, max_steps=4)
    assert isinstance(gan.augmentation, ADA)
    assert trainer.callback_metrics["augmentation/p"].item() == pytest.approx(gan.augmentation.p.item())
    assert gan.augmentation.p.item() != 0.5
    trainer.save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    again = GAN.load_from_checkpoint(tmp_path / "a.ckpt")
    assert torch.equal(weights(again)["augmentation.p"], gan.augmentation.p)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p": 1.01}, "p of ADA is 1.01"),
        ({"p": -0.01}, "p of ADA is -0.01"),
        ({"target": 1.0}, "target of ADA is 1.0"),
        ({"target": -1.0}, "target of ADA is -1.0"),
        ({"speed": -1}, "speed of ADA is -1"),
        ({"color_share": 1.5}, "color_share of ADA is 1.5"),
    ],
)
def test_an_augmentation_out_of_range_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        ADA(**options)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_colours_change_with_their_share_of_p_and_holes_with_p(share):
    """Contrast and saturation leave a grey image of zeros as it is, and inversion too: brightness alone shows."""
    nothing = {"blit": False, "geometry": False, "speed": 0}
    out = ADA(p=0.8, color_share=share, **nothing)(torch.zeros(20_000, 1, 1, 1), *draws())
    assert (out != 0).float().mean().item() == pytest.approx(0.8 * share, abs=0.02)
    cut = ADA(p=0.8, color_share=0.0, cutout=True, **nothing)(torch.ones(20_000, 1, 8, 8), *draws())
    assert (cut == 0).flatten(1).any(1).float().mean().item() == pytest.approx(0.8, abs=0.02)


def test_a_change_is_made_with_the_probability_that_is_asked_for():
    """One coin decides for both directions of a shift."""
    x = torch.zeros(4000, 1, 9, 9)
    x[:, 0, 4, 4] = 1
    still = 0.5 / 1.125  # at most an eighth of 9, rounded
    whole = moved(x, only_shifts(0.5), blit=True, geometry=False)
    assert (whole[:, 0, 4, 4] < 0.5).float().mean() == pytest.approx(0.5 * (1 - still**2), abs=0.03)


def only_shifts(p: float):
    """Draws under which nothing but shifts by -1, 0 or 1 along each axis is ever made."""
    stream = torch.Generator().manual_seed(0)

    class Shifts(Draws):
        calls = 0

        def maybe(self, value: Tensor, otherwise: float, p: Tensor | None = None) -> Tensor:
            self.calls += 1
            made = super().maybe(value, otherwise, p)
            return made if self.calls == 3 else torch.full_like(value, otherwise)

    return Shifts(torch.randn(4000, 16, generator=stream), torch.rand(4000, 32, generator=stream), torch.tensor(p))


@pytest.mark.parametrize("objective", [RelativisticPaired(), Wasserstein()])
def test_adapting_to_a_sign_that_says_nothing_is_refused(objective):
    with pytest.raises(UserError, match=f"ADA adapts to the sign of D.*nothing under {type(objective).__name__}: set"):
        tiny_gan(objective=objective, augmentation=ADA())
    tiny_gan(objective=objective, augmentation=ADA(speed=0, p=0.2))


def test_packs_count_as_many_images():
    gans = []
    for packing in (1, 2):
        judge = MLPDiscriminator(SHAPE, hidden=[8], packing=packing)
        gans.append(tiny_gan(discriminator=judge, augmentation=ADA(speed=1000, p=0.5)))
        fit(gans[-1], max_steps=4)
    moves = [abs(gan.augmentation.p.item() - 0.5) for gan in gans]
    assert moves == pytest.approx([4 * 8 / 1000] * 2, rel=1e-4)
