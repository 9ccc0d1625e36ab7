"""Losses against values worked out by hand, and laws that hold for each objective, listed or not."""

from math import exp, log

import pytest
import torch

from gan_lightning.core.discovery import subclasses
from gan_lightning.objectives import (
    Hinge,
    LeastSquares,
    NonSaturating,
    Objective,
    RelativisticPaired,
    Saturating,
)

REAL, FAKE = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0])


def softplus(x: float) -> float:
    return log(1 + exp(x))


def test_the_classic_discriminator_loss_is_the_mean_of_the_real_and_the_fake_cross_entropy():
    real_term = (softplus(-2) + softplus(1)) / 2
    fake_term = (softplus(0.5) + softplus(-3)) / 2
    loss = NonSaturating(discriminator_weight=0.5).discriminator(REAL, FAKE)
    assert loss.item() == pytest.approx((real_term + fake_term) / 2, rel=1e-6)


def test_the_default_weight_gives_the_sum_of_the_paper():
    both = [NonSaturating(w).discriminator(REAL, FAKE).item() for w in (1.0, 0.5)]
    assert both[0] == pytest.approx(2 * both[1])
    assert NonSaturating().discriminator(REAL, FAKE).item() == both[0]


def test_the_non_saturating_generator_maximises_the_log_probability_of_being_taken_for_real():
    assert NonSaturating().generator(FAKE, None).item() == pytest.approx((softplus(-0.5) + softplus(3)) / 2, rel=1e-6)


def test_the_saturating_generator_minimises_what_the_discriminator_maximises():
    fake = FAKE.clone().requires_grad_()
    (slope_g,) = torch.autograd.grad(Saturating().generator(fake, None), fake)
    (slope_d,) = torch.autograd.grad(Saturating().discriminator(REAL, fake), fake)
    assert torch.equal(slope_g, -slope_d)
    assert Saturating().generator(FAKE, None).item() == pytest.approx(-(softplus(0.5) + softplus(-3)) / 2, rel=1e-6)


def test_least_squares_measures_the_distance_to_its_targets():
    loss = LeastSquares(a=-1, b=1, c=0)
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx((1 + 4) / 4 + (2.25 + 4) / 4)
    assert loss.generator(FAKE, None).item() == pytest.approx((0.25 + 9) / 4)


def test_hinge_ignores_what_is_beyond_the_margin():
    assert Hinge().discriminator(REAL, FAKE).item() == pytest.approx((0 + 2) / 2 + (1.5 + 0) / 2)
    assert Hinge().generator(FAKE, None).item() == pytest.approx((-0.5 + 3) / 2)


def test_relativistic_pairs_see_only_differences():
    loss = RelativisticPaired()
    assert loss.discriminator(REAL, FAKE).item() == pytest.approx((softplus(-1.5) + softplus(-2)) / 2, rel=1e-6)
    assert loss.generator(FAKE, REAL).item() == pytest.approx((softplus(1.5) + softplus(2)) / 2, rel=1e-6)
    assert loss.discriminator(REAL + 7, FAKE + 7).item() == pytest.approx(loss.discriminator(REAL, FAKE).item())


ALL = sorted((c for c in subclasses(Objective) if c.__module__.startswith("gan_lightning")), key=lambda c: c.__name__)


@pytest.mark.parametrize("objective", ALL)
def test_the_gradient_of_every_objective_is_that_of_finite_differences(objective):
    loss = objective()
    real, fake = (t.double().requires_grad_() for t in (REAL, FAKE))
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


@pytest.mark.parametrize("objective", [c for c in ALL if not c.compares])
def test_an_objective_that_does_not_compare_never_needs_real_logits_in_the_generators_turn(objective):
    assert torch.isfinite(objective().generator(FAKE, None))
