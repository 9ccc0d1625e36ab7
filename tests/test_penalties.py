"""Penalties against closed forms, and laws that hold for each of them, listed or not."""

import copy
import inspect
from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest
import torch
from helpers.tiny import SHAPE, fit, tiny_gan, weights
from torch import Tensor, nn

from gan_lightning import GAN, penalties
from gan_lightning.augmentation import ADA, Augmentation, DiffAugment, View
from gan_lightning.core.discovery import subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import Draw
from gan_lightning.networks import Discriminator, DiscriminatorOutput, MLPDiscriminator
from gan_lightning.penalties import (
    DRAGAN,
    R1,
    R2,
    WGANGP,
    ApproximateR1,
    ApproximateR2,
    LeCam,
    Penalty,
    PenaltyInput,
    WeightClipping,
    norm,
    slopes,
    squared,
    suited,
)
from gan_lightning.training.optimization import Optimization

ALL = sorted((c for c in subclasses(Penalty) if c.__module__.startswith("gan_lightning")), key=lambda c: c.__name__)
W = torch.tensor([3.0, -4.0], dtype=torch.float64)
SGD = partial(torch.optim.SGD, lr=0.1)


def seen(discriminate, x: Tensor, fakes: Tensor, seed: int = 0) -> PenaltyInput:
    draws = torch.Generator().manual_seed(seed)
    normal = lambda *shape: torch.randn(shape, generator=draws, dtype=x.dtype)  # noqa: E731
    uniform = lambda *shape: torch.rand(shape, generator=draws, dtype=x.dtype)  # noqa: E731
    return PenaltyInput(discriminate, discriminate, x, fakes, discriminate(x), discriminate(fakes), normal, uniform)


def linear(x: Tensor) -> Tensor:
    """D(x) = w'x, with |w| = 5."""
    return x.flatten(1) @ W


def images(n: int = 6, seed: int = 1) -> Tensor:
    return torch.randn(n, 1, 1, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# ---- values -------------------------------------------------------------------------------------------------------

X, FAKES = ((1.0, -2.0), (0.5, 3.0)), ((-1.5, 0.25), (2.0, -1.0))
"""Two real and two generated images of two pixels."""
NORMAL = ((0.5, -1.0), (2.0, 0.25))
UNIFORM: dict[tuple[int, ...], tuple[tuple[float, ...], ...]] = {
    (2, 1, 1, 1): ((0.25,), (0.6,)),
    (2, 1, 1, 2): ((0.25, 0.6), (0.9, 0.125)),
}
"""The numbers that are drawn, by shape."""
WEIGHTS = (-3.0, 0.3, 0.02)
"""Of D, before its step."""


def logit(p: float, q: float) -> float:
    """D(x) = p^2 + 3 p q of the pixels p and q."""
    return p**2 + 3 * p * q


def steep(p: float, q: float) -> float:
    """|grad D(x)|^2."""
    return (2 * p + 3 * q) ** 2 + (3 * p) ** 2


def beside_one(p: float, q: float) -> float:
    """(|grad D(x)| - 1)^2, the norm kept from zero by 1e-12 under its root."""
    return ((steep(p, q) + 1e-12) ** 0.5 - 1) ** 2


def rise(image: tuple[float, float], noise: tuple[float, float], spread: float) -> float:
    """The square of D's slope from an image to a noisy one."""
    (p, q), (a, b) = image, noise
    return ((logit(p + spread * a, q + spread * b) - logit(p, q)) / spread) ** 2


def mean(*values: float) -> float:
    return sum(values) / len(values)


def rises(images: tuple[tuple[float, float], ...], spread: float) -> float:
    """Their mean over images."""
    return mean(*(rise(image, noise, spread) for image, noise in zip(images, NORMAL, strict=True)))


STEEP, STEEP_FAKE = mean(4**2 + 3**2, 10**2 + 1.5**2), mean(2.25**2 + 4.5**2, 1**2 + 6**2)
BETWEEN = mean(
    beside_one(0.25 * 1 - 0.75 * 1.5, 0.25 * -2 + 0.75 * 0.25),
    beside_one(0.6 * 0.5 + 0.4 * 2, 0.6 * 3 + 0.4 * -1),
)
DEVIATION = mean((1 - 0.625) ** 2, (2 + 0.625) ** 2, (0.5 - 0.625) ** 2, (3 - 0.625) ** 2) ** 0.5


def around(spread: float) -> float:
    """DRAGAN's mean at weight 1."""
    far = spread * DEVIATION
    return mean(beside_one(1 + far * 0.25, -2 + far * 0.6), beside_one(0.5 + far * 0.9, 3 + far * 0.125))


def towards(of_real: float, of_fake: float) -> float:
    """LeCam's term at weight 1: the logits are -5 and 4.75 of real images, 1.125 and -2 of generated ones."""
    return mean((-5 - of_fake) ** 2, (4.75 - of_fake) ** 2) + mean((1.125 - of_real) ** 2, (-2 - of_real) ** 2)


MEAN_REAL, MEAN_FAKE = -0.25 / 2, -0.875 / 2


class Row(NamedTuple):
    """What a penalty does in successive turns of D, with the same images and draws in each.

    Args:
        penalty: With its options.
        terms: What it adds to the loss, turn by turn.
        weights: What D's weights are after its first step.
        batch: Images of the whole step.
    """

    penalty: Penalty
    terms: list[float]
    weights: tuple[float, ...] = WEIGHTS
    batch: int | None = None


VALUES: dict[type[Penalty], list[Row]] = {
    R1: [
        Row(R1(), [5 * STEEP] * 2),
        Row(R1(3.0, every=4), [1.5 * STEEP]),
        Row(R1(None), [2 / 2048 * (256 / 2) ** 0.5 / 2 * STEEP]),
        Row(R1(None), [2 / 2048 * 2 / 2 * STEEP], batch=64),
    ],
    R2: [
        Row(R2(), [5 * STEEP_FAKE] * 2),
        Row(R2(3.0, every=4), [1.5 * STEEP_FAKE]),
        Row(R2(None), [2 / 2048 * 2 / 2 * STEEP_FAKE], batch=64),
    ],
    ApproximateR1: [
        Row(ApproximateR1(), [5 * rises(X, 0.01)] * 2),
        Row(ApproximateR1(3.0, 0.5, 4), [1.5 * rises(X, 0.5)]),
        Row(ApproximateR1(None, 0.5), [2 / 2048 * 2 / 2 * rises(X, 0.5)], batch=64),
    ],
    ApproximateR2: [
        Row(ApproximateR2(), [5 * rises(FAKES, 0.01)] * 2),
        Row(ApproximateR2(3.0, 0.5, 4), [1.5 * rises(FAKES, 0.5)]),
        Row(ApproximateR2(None, 0.5), [2 / 2048 * 2 / 2 * rises(FAKES, 0.5)], batch=64),
    ],
    WGANGP: [Row(WGANGP(), [10 * BETWEEN] * 2), Row(WGANGP(3.0, every=4), [3 * BETWEEN])],
    DRAGAN: [Row(DRAGAN(), [10 * around(0.5)] * 2), Row(DRAGAN(3.0, 0.2, 4), [3 * around(0.2)])],
    LeCam: [
        Row(
            LeCam(),  # moves by 1 - 1/10, then by 1 - 2/11
            [
                0.3 * towards(0, 0),
                0.3 * towards(0.9 * MEAN_REAL, 0.9 * MEAN_FAKE),
                0.3 * towards((1 - 0.1 * 2 / 11) * MEAN_REAL, (1 - 0.1 * 2 / 11) * MEAN_FAKE),
            ],
        ),
        Row(
            LeCam(2.0, decay=0.15, every=4),  # by 1 - 1/10, then by 1 - 0.15
            [
                2 * towards(0, 0),
                2 * towards(0.9 * MEAN_REAL, 0.9 * MEAN_FAKE),
                2 * towards((1 - 0.1 * 0.15) * MEAN_REAL, (1 - 0.1 * 0.15) * MEAN_FAKE),
            ],
        ),
    ],
    WeightClipping: [
        Row(WeightClipping(), [0.0], (-0.01, 0.01, 0.01)),
        Row(WeightClipping(0.25), [0.0, 0.0], (-0.25, 0.25, 0.02)),
    ],
}
"""Of each penalty, some options and what it then does, from the formulas of its paper."""


def pixels(rows: tuple[tuple[float, ...], ...]) -> Tensor:
    return torch.tensor(rows, dtype=torch.float64)[:, None, None]


def drawn(*shape: int) -> Tensor:
    return pixels(UNIFORM[shape]).reshape(shape)


def noise(*shape: int) -> Tensor:
    assert shape == (2, 1, 1, 2)
    return pixels(NORMAL)


def by_hand(batch: int | None = None) -> PenaltyInput:
    """The turn of which VALUES tells the outcome."""
    discriminate = lambda x: x[:, 0, 0, 0] ** 2 + 3 * x[:, 0, 0, 0] * x[:, 0, 0, 1]  # noqa: E731
    x, fakes = pixels(X), pixels(FAKES)
    return PenaltyInput(discriminate, discriminate, x, fakes, discriminate(x), discriminate(fakes), noise, drawn, batch)


@pytest.fixture
def in_64_bits() -> Iterator[None]:
    """What has no other dtype is float64, as the weights of LeCam's average."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("in_64_bits")
@pytest.mark.parametrize("penalty", ALL)
def test_every_penalty_does_what_is_worked_out_by_hand(penalty):
    assert penalty in VALUES, f"{penalty.__name__} has no row in VALUES: work its terms out by hand"
    for given, terms, expected, batch in VALUES[penalty]:
        assert type(given) is penalty
        term = copy.deepcopy(given).double()
        for turn, value in enumerate(terms):
            discriminator = nn.Linear(2, 1)
            nn.utils.vector_to_parameters(torch.tensor(WEIGHTS), discriminator.parameters())
            assert term(by_hand(batch)).item() == pytest.approx(value, rel=1e-12, abs=1e-12), (given, turn)
            term.after_step(discriminator)
            after = nn.utils.parameters_to_vector(discriminator.parameters()).tolist()
            assert after == pytest.approx(expected, rel=1e-12), (given, turn)


@pytest.mark.usefixtures("in_64_bits")
def test_lecam_forgets_slowly_in_the_end():
    """By 1 - 0.99 in each turn, once (1 + t) / (10 + t) is more than that."""
    lecam = LeCam()
    lecam.updates.fill_(1000)
    lecam(by_hand())
    assert lecam.averages.tolist() == pytest.approx([0.01 * MEAN_REAL, 0.01 * MEAN_FAKE], rel=1e-12)
    assert lecam.updates == 1001


def test_lecam_averages_over_processes(monkeypatch):
    monkeypatch.setattr(penalties, "average", lambda tensors: [t.mul_(2) for t in tensors])  # the other has three times
    lecam = LeCam(decay=0.0).double()
    lecam(by_hand())
    assert lecam.averages.tolist() == pytest.approx([2 * MEAN_REAL, 2 * MEAN_FAKE])


def test_steps_are_counted_in_whole_numbers_whatever_the_precision():
    assert LeCam().half().updates.dtype == torch.int64


def test_what_adds_nothing_to_the_loss_has_no_weight():
    assert WeightClipping().weight == 0


@pytest.mark.parametrize("penalty", [c for c in ALL if c not in (LeCam, WeightClipping)])
def test_the_gradient_of_a_slope_does_not_reach_the_images(penalty):
    """A penalty smooths D; G is not to follow it."""
    images = [pixels(part).requires_grad_() for part in (X, FAKES)]
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    discriminate = lambda x: weight * x.flatten(1).pow(3).sum(1)  # noqa: E731
    x, fakes = (image * 1 for image in images)
    term = penalty().double()
    value = term(PenaltyInput(discriminate, discriminate, x, fakes, discriminate(x), discriminate(fakes), noise, drawn))
    of_weight, *of_images = torch.autograd.grad(value, (weight, *images), allow_unused=True)
    assert of_weight is not None
    assert of_images == [None, None]


def test_the_images_are_left_as_they_were():
    inputs = by_hand()
    for penalty in (R1(), R2()):
        penalty(inputs)
    assert not inputs.x.requires_grad
    assert not inputs.fakes.requires_grad


def test_the_norm_of_nothing_is_a_millionth():
    assert norm(torch.zeros(2, 1, 1, 2, dtype=torch.float64)).tolist() == pytest.approx([1e-6] * 2, rel=1e-12, abs=0)


def test_a_penalty_is_as_lazy_as_it_is_told():
    every = {type(row.penalty): row.penalty.every for rows in VALUES.values() for row in rows[1:2]}
    assert every == dict.fromkeys(ALL, 4) | {WeightClipping: 1}
    assert {row.penalty.every for rows in VALUES.values() for row in rows[:1]} == {1}


# ---- closed forms -------------------------------------------------------------------------------------------------


def test_r1_of_a_quadratic_discriminator_is_the_trace_of_the_squared_matrix():
    """D(x) = x'Ax/2 has the slope Ax, and E|Ax|^2 = tr(AA') for standard normal x."""
    a = torch.tensor([[2.0, 1.0], [1.0, -1.0]], dtype=torch.float64)
    x = images(200_000)
    value = R1(3.0)(seen(lambda x: ((x.flatten(1) @ a) * x.flatten(1)).sum(1) / 2, x, x))
    assert value.item() == pytest.approx(1.5 * (a @ a.T).trace().item(), rel=0.01)


def test_r1_looks_at_real_images_and_r2_at_generated_ones():
    cubic = lambda x: x.flatten(1).pow(3).sum(1)  # noqa: E731
    x, fakes = images(), images(seed=2)
    expected = [(3 * z.flatten(1) ** 2).square().sum(1).mean().item() / 2 for z in (x, fakes)]
    assert [p(1.0)(seen(cubic, x, fakes)).item() for p in (R1, R2)] == pytest.approx(expected)


@pytest.mark.parametrize(("approximate", "exact"), [(ApproximateR1, R1), (ApproximateR2, R2)])
def test_the_form_without_second_derivatives_is_the_exact_one_in_expectation(approximate, exact):
    torch.manual_seed(0)
    network = MLPDiscriminator((1, 1, 2), hidden=[8]).double()
    smooth = lambda x: network(x).logits.tanh()  # noqa: E731
    x, fakes = (images(4, s).repeat(20_000, 1, 1, 1) for s in (1, 2))
    assert approximate(3.0)(seen(smooth, x, fakes)).item() == pytest.approx(
        exact(3.0)(seen(smooth, x, fakes)).item(), rel=0.03
    )


def test_wgan_gp_draws_one_mixture_for_each_image_and_one_norm_for_each_image():
    slope = torch.tensor([[3.0, 4.0], [0.0, 1.0]], dtype=torch.float64)
    x = torch.arange(2.0, dtype=torch.float64).view(2, 1, 1, 1).expand(2, 1, 1, 2)
    discriminate = lambda z: (z.flatten(1) * slope).sum(1)  # noqa: E731
    assert WGANGP(1.0)(seen(discriminate, x, x)).item() == pytest.approx((4**2 + 0) / 2)
    between = []
    WGANGP()(
        seen(lambda z: between.append(z.detach()) or z.sum((1, 2, 3)), torch.ones(64, *SHAPE), -torch.ones(64, *SHAPE))
    )
    points = between[-1].flatten(1)
    assert (points == points[:, :1]).all(), "one number for all pixels of an image"
    assert len(points[:, 0].unique()) == 64, "another for each image"


def test_dragan_stays_within_its_distance_from_the_real_images():
    near, x = [], images(100)
    DRAGAN(spread=0.5)(seen(lambda z: near.append(z.detach()) or z.sum((1, 2, 3)), x, x))
    distance = near[-1] - x
    assert (distance >= 0).all()
    assert distance.max() <= 0.5 * (x - x.mean()).square().mean().sqrt()


def test_weight_clipping_puts_weights_back_after_each_step_of_d_and_adds_nothing_to_its_loss():
    gan = tiny_gan(penalties=[WeightClipping(0.01)], discriminator_optimization=Optimization(SGD))
    fit(gan)
    sizes = [p.abs().max().item() for p in gan.discriminator.parameters()]
    assert max(sizes) == pytest.approx(0.01)
    assert max(p.abs().max().item() for p in gan.generator.parameters()) > 0.1


# ---- laws ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("penalty", [c for c in ALL if c is not WeightClipping])
def test_the_gradient_of_every_penalty_is_that_of_finite_differences(penalty):
    torch.manual_seed(0)
    first = nn.Linear(2, 3)
    network = nn.Sequential(nn.Flatten(), first, nn.Softplus(), nn.Linear(3, 1), nn.Flatten(0)).double()
    x, fakes = images(), images(seed=2)

    def value(weight: Tensor) -> Tensor:
        discriminate = lambda z: torch.func.functional_call(network, {"1.weight": weight}, (z,))  # noqa: E731
        term = penalty().double()
        return term(seen(discriminate, x, fakes))

    assert torch.autograd.gradcheck(value, (first.weight.detach().requires_grad_(),), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("penalty", [c for c in ALL if "weight" in inspect.signature(c).parameters])
def test_every_penalty_grows_with_its_weight_and_vanishes_without(penalty):
    torch.manual_seed(0)
    network = MLPDiscriminator((1, 1, 2), hidden=[4]).double()
    discriminate = lambda x: network(x).logits  # noqa: E731
    inputs = [seen(discriminate, images(), images(seed=2)) for _ in range(3)]
    one, two, none = (penalty(weight=w).double()(i) for w, i in zip((1.0, 2.0, 0.0), inputs, strict=True))
    assert two.item() == pytest.approx(2 * one.item())
    assert one.item() > 0
    assert none.item() == 0


def test_the_slope_of_a_norm_is_finite_where_the_norm_is_zero():
    w = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    penalty = (norm(slopes(lambda x: x.flatten(1) @ w, images())) - 1).square().mean()
    (gradient,) = torch.autograd.grad(penalty, w)
    assert gradient.isfinite().all()
    assert squared(torch.ones(2, 1, 2, 2)).tolist() == [4, 4]


class Counted(Penalty):
    """Counts and remembers."""

    def __init__(self, every: int = 1) -> None:
        super().__init__(1.0, every)
        self.calls: list[tuple[torch.dtype, bool]] = []

    def forward(self, inputs: PenaltyInput) -> Tensor:
        logits = inputs.discriminate(inputs.x)
        self.calls.append((logits.dtype, torch.is_autocast_enabled("cpu")))
        return self.weight * logits.square().mean()


@pytest.mark.parametrize(("every", "calls"), [(1, 12), (2, 6), (3, 4), (7, 0)])
def test_a_lazy_penalty_is_evaluated_every_so_many_iterations_in_every_step_of_d(every, calls):
    counted = Counted(every)
    fit(tiny_gan(penalties=[counted], discriminator_steps=2))
    assert len(counted.calls) == calls


def test_a_lazy_penalty_has_its_weight_multiplied_when_it_is_evaluated():
    trainer = fit(tiny_gan(penalties=[R1(0.5), R1(0.5, every=3)]), max_steps=3, log_every_n_steps=3)
    each, lazy = (trainer.callback_metrics[f"penalty/{name}"].item() for name in ("R1", "R1_2"))
    assert lazy == pytest.approx(3 * each, rel=1e-6)
    assert each > 0


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_penalties_are_computed_in_32_bits(precision):
    counted = Counted()
    fit(tiny_gan(penalties=[counted]), max_steps=1, precision=precision)
    assert counted.calls == [(torch.float32, False)]


def test_any_number_of_penalties_is_logged_each_by_its_name():
    trainer = fit(tiny_gan(penalties=[R1(), R2(), R1(0.1)]))
    names = [name for name in trainer.callback_metrics if name.startswith("penalty/")]
    assert names == ["penalty/R1", "penalty/R2", "penalty/R1_2"]


def test_a_checkpoint_names_its_penalties(tmp_path):
    gan = tiny_gan(penalties=[R1(3.0, every=2), LeCam()])
    fit(gan).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    again = GAN.load_from_checkpoint(tmp_path / "a.ckpt")
    assert [type(p) for p in again.penalties] == [R1, LeCam]
    assert (again.penalties[0].weight, again.penalties[0].every) == (3.0, 2)
    assert torch.equal(weights(again)["penalties.1.averages"], weights(gan)["penalties.1.averages"])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: R1(-0.1), "the weight of R1 is -0.1"),
        (lambda: R2(every=0), "every of R2 is 0"),
        (lambda: ApproximateR1(spread=0.0), "spread of ApproximateR1 is 0.0"),
        (lambda: ApproximateR2(spread=-0.1), "spread of ApproximateR2 is -0.1"),
        (lambda: DRAGAN(spread=0.0), "spread of DRAGAN is 0.0"),
        (lambda: LeCam(decay=1.0), "decay of LeCam is 1.0"),
        (lambda: LeCam(decay=-0.1), "decay of LeCam is -0.1"),
        (lambda: WeightClipping(0.0), "limit of WeightClipping is 0.0"),
    ],
)
def test_a_penalty_out_of_range_is_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()


# ---- with an augmentation -----------------------------------------------------------------------------------------


class Shaded(Augmentation):
    """Multiplies each image by a number of its own, and adds noise."""

    def __init__(self) -> None:
        super().__init__()
        self.shades: list[Tensor] = []
        self.seen: list[tuple[torch.dtype, bool]] = []

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        shade = 1 + uniform(len(x), 1, 1, 1)
        self.shades.append(shade.flatten())
        self.seen.append((x.dtype, torch.is_autocast_enabled("cpu")))
        return shade * x + normal(*x.shape)


class Linear(Discriminator):
    """D(x) = w'x, of one image or of a pack."""

    def __init__(self, packing: int = 1) -> None:
        super().__init__()
        self.image_shape, self.packing, self.calls = SHAPE, packing, 0
        self.layer = nn.Linear(16 * packing, 1, bias=False)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        self.calls += 1
        return DiscriminatorOutput(self.layer(x.flatten(1)).squeeze(1))


class Scales(Linear):
    """D(x) = (w'x, 2 w'x, 6 w'x): three logits of each image, of the mean 3 w'x."""

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput(super().forward(x, y).logits[:, None] * torch.tensor([1.0, 2.0, 6.0]))


def played(
    *penalties: Penalty, packing: int = 1, kind: type[Linear] = Linear, **options: Any
) -> tuple[Shaded, Linear, dict[str, float]]:
    """What an augmentation and D have seen in one iteration, and the penalties."""
    shaded, judge = Shaded(), kind(packing)
    nn.init.ones_(judge.layer.weight)
    gan = tiny_gan(discriminator=judge, augmentation=shaded, penalties=penalties)
    trainer = fit(gan, max_steps=1, log_every_n_steps=1, **options)
    terms = {k: v.item() for k, v in trainer.callback_metrics.items() if k.startswith("penalty/")}
    return shaded, judge, terms


def test_the_slope_is_that_at_the_image_before_augmentation():
    """D(s x + noise) of ones as weights has the slope s at each of 16 pixels, and s is that of D's first look."""
    shaded, judge, terms = played(R1(1.0), R2(1.0))
    real, fake, real_again, fake_again, of_generator = shaded.shades
    assert torch.equal(real, real_again)
    assert torch.equal(fake, fake_again)
    assert not torch.equal(real, fake)
    assert not torch.equal(fake, of_generator)
    assert terms["penalty/R1"] == pytest.approx(16 / 2 * real.square().mean().item(), rel=1e-5)
    assert terms["penalty/R2"] == pytest.approx(16 / 2 * fake.square().mean().item(), rel=1e-5)
    assert judge.calls == 3 + 2, "a penalty costs one look of D"


def test_the_form_without_second_derivatives_moves_the_image_before_augmentation():
    """(D(A(x + e)) - D(A(x)))^2 = (s sum of e)^2: both images are changed alike."""
    shaded, judge, terms = played(ApproximateR1(1.0, spread=1.0), ApproximateR2(1.0, spread=1.0))
    real, fake, twice_real, twice_fake, _ = shaded.shades
    assert torch.equal(real.repeat(2), twice_real)
    assert torch.equal(fake.repeat(2), twice_fake)
    assert judge.calls == 3 + 2
    assert all(0 < term < 16 * 4 * 8 for term in terms.values()), "the noise of A would add 32 or so to a difference"


def test_mixtures_and_neighbours_are_changed_as_the_real_images():
    shaded, _, terms = played(WGANGP(1.0), DRAGAN(1.0))
    real, _, between, around, _ = shaded.shades
    assert torch.equal(real, between)
    assert torch.equal(real, around)
    expected = (4 * real - 1).square().mean().item()
    assert list(terms.values()) == pytest.approx([expected, expected], rel=1e-5)


def test_the_slope_of_a_pack_is_that_of_all_its_images():
    shaded, _, terms = played(R1(1.0), packing=2)
    assert terms["penalty/R1"] == pytest.approx(16 / 2 * shaded.shades[0].view(4, 2).square().sum(1).mean().item())


def test_the_slope_of_several_logits_is_that_of_their_mean():
    shaded, _, terms = played(R1(1.0), R2(1.0), kind=Scales)
    real, fake = shaded.shades[:2]
    assert terms["penalty/R1"] == pytest.approx(9 * 16 / 2 * real.square().mean().item(), rel=1e-5)
    assert terms["penalty/R2"] == pytest.approx(9 * 16 / 2 * fake.square().mean().item(), rel=1e-5)


@pytest.mark.parametrize("penalty", ALL)
def test_every_penalty_sees_one_logit_an_image(penalty):
    """So a D of three logits has the penalties of the one logit that is their mean."""

    class Mean(Scales):
        def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
            return DiscriminatorOutput(super().forward(x, y).image_logits)

    three, one = (played(penalty(), kind=kind)[2] for kind in (Scales, Mean))
    assert three == pytest.approx(one, rel=1e-4)


@pytest.mark.parametrize("penalty", [R1, R2, ApproximateR1, ApproximateR2, WGANGP, DRAGAN])
def test_a_penalty_that_is_not_due_looks_at_nothing(penalty):
    shaded, judge, _ = played(penalty(1.0, every=2))
    assert (len(shaded.shades), judge.calls) == (3, 3)


def test_images_are_augmented_in_32_bits():
    shaded, _, _ = played(R1(1.0), R2(1.0), precision="bf16-mixed")
    assert {*shaded.seen} == {(torch.float32, False)}


@pytest.mark.parametrize("cls", [ADA, DiffAugment])
@pytest.mark.parametrize("penalty", [R1, R2])
def test_r1_through_an_augmentation_has_the_gradient_of_finite_differences(cls, penalty):
    """The second derivative goes through the augmentation."""
    torch.manual_seed(0)
    first = nn.Linear(3 * 36, 3)
    network = nn.Sequential(nn.Flatten(), first, nn.Softplus(), nn.Linear(3, 1), nn.Flatten(0)).double()
    stream = torch.Generator().manual_seed(0)
    x, fakes = torch.randn(2, 2, 3, 6, 6, generator=stream, dtype=torch.float64)
    normal = lambda *shape: torch.randn(shape, generator=stream, dtype=torch.float64)  # noqa: E731
    uniform = lambda *shape: torch.rand(shape, generator=stream, dtype=torch.float64)  # noqa: E731
    views = [View(ADA(p=1.0) if cls is ADA else cls(), (3, 6, 6), normal, uniform) for _ in range(2)]
    kept = [view(images) for view, images in zip(views, (x, fakes), strict=True)]

    def value(weight: Tensor) -> Tensor:
        discriminate = lambda z: torch.func.functional_call(network, {"1.weight": weight}, (z,))  # noqa: E731
        behind = [lambda z, view=view: discriminate(view(z)) for view in views]
        real, fake = (discriminate(images) for images in kept)
        return penalty(1.0)(PenaltyInput(behind[0], behind[1], x, fakes, real, fake, normal, uniform))

    assert torch.autograd.gradcheck(value, (first.weight.detach().requires_grad_(),), atol=1e-5, rtol=1e-3)


# ---- a weight that is picked --------------------------------------------------------------------------------------


def test_a_weight_that_is_not_given_grows_with_the_image_and_falls_with_the_batch():
    assert suited((32, 32), 256) == 0.5
    assert suited((64, 64), 256) == 2
    assert suited((32, 32), 64) == 1
    x = torch.zeros(4, 1, 32, 32)
    one = R1(None).gamma(PenaltyInput(flat, flat, x, x, flat(x), flat(x), torch.ones, torch.ones, batch=64))
    assert one == R1(1.0).weight


def flat(x: Tensor) -> Tensor:
    return x.flatten(1).sum(1)


def test_it_is_that_of_the_whole_step_however_it_is_accumulated():
    weights = []
    for parts in (1, 4):
        spy = Spy()
        fit(tiny_gan(penalties=[spy], discriminator_optimization=Optimization(accumulation=parts)), max_steps=1)
        weights += spy.seen
    assert len(weights) == 1 + 4
    assert {*weights} == {suited(SHAPE[1:], 8)}


class Spy(R1):
    """Remembers its weight."""

    def __init__(self) -> None:
        super().__init__(None)
        self.seen: list[float] = []

    def forward(self, inputs: PenaltyInput) -> Tensor:
        self.seen.append(self.gamma(inputs))
        return super().forward(inputs)


@pytest.mark.parametrize("cls", [WGANGP, DRAGAN, LeCam])
def test_only_some_penalties_pick_a_weight(cls):
    with pytest.raises(UserError, match=f"the weight of {cls.__name__} is null; give a number"):
        cls(weight=None)


def test_the_form_without_second_derivatives_does_not_take_a_power_iteration_for_a_slope():
    torch.manual_seed(0)
    network = MLPDiscriminator((1, 1, 2), hidden=[64, 64, 64], spectral_norm=True).double()  # slow to converge
    x = images(4).repeat(5_000, 1, 1, 1)
    discriminate = lambda z: network(z).logits.tanh()  # noqa: E731
    approximate = ApproximateR1(1.0, spread=1e-5)(seen(discriminate, x, x)).item()
    network.eval()
    assert approximate == pytest.approx(R1(1.0)(seen(discriminate, x, x)).item(), rel=0.1)
