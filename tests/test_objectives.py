"""Losses against values worked out by hand, and laws that hold for each objective, listed or not."""

from math import exp, log

import pytest
import torch

from gan_lightning.core.discovery import subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.objectives import (
    Hinge,
    KullbackLeibler,
    LeastSquares,
    NonSaturating,
    Objective,
    Pearson,
    RelativisticAverage,
    RelativisticPaired,
    Saturating,
    Wasserstein,
)

ALL = sorted((c for c in subclasses(Objective) if c.__module__.startswith("gan_lightning")), key=lambda c: c.__name__)
REAL = torch.tensor([0.5, -1.25, 3.0], dtype=torch.float64)
FAKE = torch.tensor([-2.0, 0.75, -0.5], dtype=torch.float64)

# ---- values -------------------------------------------------------------------------------------------------------


def mean(*values: float) -> float:
    return sum(values) / len(values)


def yes(logit: float) -> float:
    """-log s(v), the surprise at a real image of who believes so with this logit."""
    return log(1 + exp(-logit))


def no(logit: float) -> float:
    """-log(1 - s(v)), the surprise at a generated one."""
    return log(1 + exp(logit))


MEAN_REAL, MEAN_FAKE = 2.25 / 3, -1.75 / 3
VALUES: dict[type[Objective], list[tuple[Objective, float, float]]] = {
    NonSaturating: [
        (
            NonSaturating(),
            mean(yes(0.5), yes(-1.25), yes(3)) + mean(no(-2), no(0.75), no(-0.5)),
            mean(yes(-2), yes(0.75), yes(-0.5)),
        ),
        (
            NonSaturating(discriminator_weight=0.3, smoothing=0.2),
            0.3 * 0.8 * mean(yes(0.5), yes(-1.25), yes(3))
            + 0.3 * 0.2 * mean(no(0.5), no(-1.25), no(3))
            + 0.3 * mean(no(-2), no(0.75), no(-0.5)),
            mean(yes(-2), yes(0.75), yes(-0.5)),
        ),
    ],
    Saturating: [
        (
            Saturating(),
            mean(yes(0.5), yes(-1.25), yes(3)) + mean(no(-2), no(0.75), no(-0.5)),
            -mean(no(-2), no(0.75), no(-0.5)),
        ),
    ],
    LeastSquares: [
        (
            LeastSquares(),
            mean(0.5**2, 2.25**2, 2**2) / 2 + mean(1**2, 1.75**2, 0.5**2) / 2,
            mean(2**2, 0.75**2, 0.5**2) / 2,
        ),
        (
            LeastSquares(a=0.25, b=0.75, c=2),
            mean(0.25**2, 2**2, 2.25**2) / 2 + mean(2.25**2, 0.5**2, 0.75**2) / 2,
            mean(4**2, 1.25**2, 2.5**2) / 2,
        ),
    ],
    Hinge: [(Hinge(), mean(0.5, 2.25, 0) + mean(0, 1.75, 0.5), -MEAN_FAKE)],
    RelativisticPaired: [
        (
            RelativisticPaired(),
            mean(no(-2 - 0.5), no(0.75 + 1.25), no(-0.5 - 3)),
            mean(no(0.5 + 2), no(-1.25 - 0.75), no(3 + 0.5)),
        ),
    ],
    RelativisticAverage: [
        (
            RelativisticAverage(),
            mean(*(yes(v - MEAN_FAKE) for v in (0.5, -1.25, 3))) + mean(*(no(v - MEAN_REAL) for v in (-2, 0.75, -0.5))),
            mean(*(yes(v - MEAN_REAL) for v in (-2, 0.75, -0.5))) + mean(*(no(v - MEAN_FAKE) for v in (0.5, -1.25, 3))),
        ),
    ],
    Wasserstein: [(Wasserstein(), MEAN_FAKE - MEAN_REAL, -MEAN_FAKE)],
    KullbackLeibler: [
        (
            KullbackLeibler(),
            mean(exp(-3), exp(-0.25), exp(-1.5)) - MEAN_REAL,
            -mean(exp(-3), exp(-0.25), exp(-1.5)),
        ),
    ],
    Pearson: [
        (
            Pearson(),
            mean(4 / 4 - 2, 0.75**2 / 4 + 0.75, 0.25 / 4 - 0.5) - MEAN_REAL,
            -mean(4 / 4 - 2, 0.75**2 / 4 + 0.75, 0.25 / 4 - 0.5),
        ),
    ],
}
"""Of each objective, the discriminator's and the generator's loss of REAL and FAKE, from the formulas of its paper."""


@pytest.mark.parametrize("objective", ALL)
def test_the_losses_of_every_objective_are_those_worked_out_by_hand(objective):
    assert objective in VALUES, f"{objective.__name__} has no row in VALUES: work its losses out by hand"
    for given, discriminator, generator in VALUES[objective]:
        assert type(given) is objective
        assert given.discriminator(REAL, FAKE).item() == pytest.approx(discriminator, rel=1e-12, abs=1e-12)
        real = REAL if objective.compares else None
        assert given.generator(FAKE, real).item() == pytest.approx(generator, rel=1e-12, abs=1e-12)


SEVERAL = tuple(torch.stack([logits, -logits, 2 * logits + 0.25], 1) for logits in (REAL, FAKE))
"""Three logits of each image."""


@pytest.mark.parametrize("objective", ALL)
def test_with_several_logits_an_image_the_losses_are_averages_over_all_of_them(objective):
    """Each logit of an image plays with its own kind alone; pairs and averages do not mix kinds."""
    real, fake = SEVERAL
    for given, _, _ in VALUES[objective]:
        by_kind = [
            (given.discriminator(*pair), given.generator(*pair[::-1])) for pair in zip(real.T, fake.T, strict=True)
        ]
        for loss, losses in zip(
            (given.discriminator(real, fake), given.generator(fake, real)), zip(*by_kind, strict=True), strict=True
        ):
            assert loss.item() == pytest.approx(mean(*(part.item() for part in losses)), rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("objective", ALL)
def test_one_logit_in_a_row_of_its_own_is_that_logit_exactly(objective):
    for given, _, _ in VALUES[objective]:
        row = REAL[:, None], FAKE[:, None]
        assert torch.equal(given.discriminator(*row), given.discriminator(REAL, FAKE))
        assert torch.equal(given.generator(*row[::-1]), given.generator(FAKE, REAL))


def test_several_logits_against_values_worked_out_by_hand():
    real, fake = torch.tensor([[2.0, 0.5, -1.0]]), torch.tensor([[-3.0, 1.0, 0.0]])
    assert Hinge().discriminator(real, fake).item() == pytest.approx(mean(0, 0.5, 2) + mean(0, 2, 1))
    assert Hinge().generator(fake, None).item() == pytest.approx(2 / 3)
    assert RelativisticPaired().discriminator(real, fake).item() == pytest.approx(
        mean(no(-5), no(0.5), no(1)), rel=1e-6
    )


def test_the_sign_of_a_logit_says_something_where_zero_is_in_doubt():
    assert {c for c in ALL if c.signed} == {NonSaturating, Saturating, LeastSquares, Hinge, Pearson}


@pytest.mark.parametrize("smoothing", [-0.001, 0.5])
def test_smoothing_out_of_range_is_refused(smoothing):
    with pytest.raises(UserError, match=f"smoothing of NonSaturating is {smoothing}; it must be at least 0 and below"):
        NonSaturating(smoothing=smoothing)
    assert NonSaturating(smoothing=0.499).smoothing == 0.499


# ---- laws ---------------------------------------------------------------------------------------------------------


def test_the_saturating_generator_minimises_what_the_discriminator_maximises():
    fake = FAKE.clone().requires_grad_()
    (slope_g,) = torch.autograd.grad(Saturating().generator(fake, None), fake)
    (slope_d,) = torch.autograd.grad(Saturating().discriminator(REAL, fake), fake)
    assert torch.equal(slope_g, -slope_d)


@pytest.mark.parametrize("objective", [RelativisticPaired(), RelativisticAverage(), Wasserstein()])
def test_some_objectives_see_only_differences(objective):
    loss = objective.discriminator(REAL, FAKE)
    assert objective.discriminator(REAL + 7, FAKE + 7).item() == pytest.approx(loss.item())


@pytest.mark.parametrize("objective", ALL)
def test_the_gradient_of_every_objective_is_that_of_finite_differences(objective):
    loss = objective()
    real, fake = (t.clone().requires_grad_() for t in (REAL, FAKE))
    assert torch.autograd.gradcheck(loss.discriminator, (real, fake))
    assert torch.autograd.gradcheck(lambda f: loss.generator(f, real.detach()), (fake,))


@pytest.mark.parametrize("objective", ALL)
def test_every_objective_pulls_the_players_apart(objective):
    real, fake = (torch.zeros(4, requires_grad=True) for _ in range(2))
    up, down = torch.autograd.grad(objective().discriminator(real, fake), (real, fake))
    (wanted,) = torch.autograd.grad(objective().generator(fake - 0.5, real.detach()), fake)
    assert (up < 0).all(), "D raises real logits"
    assert (down > 0).all(), "D lowers fake logits"
    assert (wanted < 0).all(), "G raises fake logits"


@pytest.mark.parametrize("objective", ALL)
def test_the_generators_loss_looks_at_real_logits_where_the_objective_compares_and_nowhere_else(objective):
    loss = objective()
    assert objective.compares == (loss.generator(FAKE, REAL) != loss.generator(FAKE, REAL + 1)).item()
