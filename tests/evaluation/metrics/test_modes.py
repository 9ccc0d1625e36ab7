"""The protocol of PacGAN against closed forms."""

from math import exp, log

import pytest
import torch

from gan_lightning.data import Grid, Ring
from gan_lightning.evaluation.metrics import HIGH_QUALITY, SHRUNK, kl_floor, modes

MEANS = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])


def test_three_deviations_hold_the_chi_squared_share_of_an_exact_sampler():
    assert pytest.approx(1 - exp(-4.5)) == HIGH_QUALITY
    grid = Grid()
    points, _ = grid.draw(100_000, seed=1)
    found = modes(points, grid.means, grid.deviation)
    assert found.found == 25
    assert found.high_quality == pytest.approx(HIGH_QUALITY, abs=0.001)  # three standard errors


def test_the_kl_of_an_exact_sampler_is_modes_less_one_over_twice_the_samples():
    ring = Ring()
    kls = [modes(ring.draw(2500, seed)[0], ring.means, ring.deviation).kl for seed in range(200)]
    assert sum(kls) / 200 == pytest.approx(kl_floor(8, 2500), rel=0.15)  # four standard errors
    assert kl_floor(8, 2500) == 7 / 5000


def test_an_exact_sampler_is_not_taken_for_a_shrunk_one_by_chance_alone():
    error = (HIGH_QUALITY * (1 - HIGH_QUALITY) / 2500) ** 0.5
    assert pytest.approx(HIGH_QUALITY + 2 * error, abs=2e-4) == SHRUNK


def test_a_mode_counts_with_one_good_sample_and_not_with_any_number_of_bad_ones():
    points = torch.tensor([[0.0, 0.29], [10.0, 0.31], [10.31, 0.0], [10.0, -0.31]])
    found = modes(points, MEANS, 0.1)
    assert found == (1, 0.25, pytest.approx(0.25 * log(0.75) + 0.75 * log(2.25), rel=1e-12))
    assert [type(number) for number in found] == [int, float, float]


def test_a_sample_at_three_deviations_is_still_good():
    assert modes(torch.tensor([[3.0, 0.0]]), MEANS, 1.0).high_quality == 1


def test_a_collapse_onto_one_mode_has_the_kl_of_all_modes():
    assert modes(torch.zeros(50, 2), MEANS, 0.1) == (1, 1.0, pytest.approx(log(3)))


def test_even_modes_have_no_kl():
    assert modes(MEANS.repeat(4, 1), MEANS, 0.1) == (3, 1.0, pytest.approx(0))
