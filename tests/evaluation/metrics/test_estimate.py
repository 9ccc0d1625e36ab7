"""The standard error beside each number."""

from math import inf
from statistics import NormalDist

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lightning.evaluation.metrics import (
    Estimate,
    authenticity,
    class_divergence,
    classifier_score,
    copying,
    density_coverage,
    frechet,
    kernel_distance,
    precision_recall,
)
from gan_lightning.evaluation.metrics.estimate import DEVIATIONS, t_deviations


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_the_error_of_a_mean_is_the_deviation_over_the_root_of_the_number():
    """Of 1, 2 and 6 the mean is 3 and the variance (4 + 1 + 9) / 2."""
    assert Estimate.mean(torch.tensor([1, 2, 6]))[:2] == pytest.approx((3, (7 / 3) ** 0.5))
    assert type(Estimate.mean(torch.tensor([1.0, 2.0])).error) is float
    found = Estimate.of(5, torch.tensor([1.0, 2.0, 6.0]))
    half = NormalDist().inv_cdf(0.975) * (7 / 3) ** 0.5
    assert found == pytest.approx((5, (7 / 3) ** 0.5, 5 - half, 5 + half))


def test_the_error_of_two_is_known_and_that_of_one_is_not():
    assert Estimate.mean(torch.tensor([0.0, 2.0]))[:2] == (1, 1)
    assert Estimate.mean(torch.tensor([4.0])) == (4, inf, -inf, inf)
    assert Estimate.exact(7) == (7, 0, 7, 7)


def test_a_share_has_the_limits_of_wilson_also_where_none_or_all_are_found():
    """Newcombe, 1998: 81 of 263 and 0 of 20."""
    assert Estimate.share(81, 263) == pytest.approx((81 / 263, (81 * 182 / 263**3) ** 0.5, 0.2553, 0.3662), abs=5e-5)
    assert Estimate.share(torch.tensor(0), 20) == pytest.approx((0, 0, 0, 0.1611), abs=5e-5)
    none, z2 = Estimate.share(0, 2500), DEVIATIONS**2
    assert (none.low, none.high) == (0, pytest.approx(z2 / (2500 + z2))), "0 of 2,500 copies do not tell that none is"
    assert Estimate.share(2500, 2500)[2:] == (pytest.approx(1 - none.high), 1)
    assert {type(number) for number in none} == {float}
    assert pytest.approx(NormalDist().inv_cdf(0.975), abs=1e-6) == DEVIATIONS


def test_the_deviations_of_students_t_are_those_of_the_tables():
    table = {3: 3.182, 5: 2.571, 10: 2.228, 30: 2.042, 1e9: 1.960}
    for freedom, expected in table.items():
        assert t_deviations(freedom) == pytest.approx(expected, abs=0.025)
    assert t_deviations(0.5) == t_deviations(3)


PROBABILITIES = torch.tensor([[0.0, 1.0, 2.0], [2.0, 0.0, 1.0]], dtype=torch.float64)
METRICS = {
    "frechet": lambda real, made: frechet(real, made),
    "kernel_distance": lambda real, made: kernel_distance(real, made),
    "precision": lambda real, made: precision_recall(real, made).precision,
    "recall": lambda real, made: precision_recall(real, made).recall,
    "density": lambda real, made: density_coverage(real, made).density,
    "coverage": lambda real, made: density_coverage(real, made).coverage,
    "C_T": lambda real, made: copying(real, normal(200, 2, 999), made),
    "authenticity": lambda real, made: authenticity(real, made),
    "classifier_score": lambda real, made: classifier_score((made @ PROBABILITIES).softmax(1)),
    "class_divergence": lambda real, made: class_divergence((made @ PROBABILITIES).softmax(1)),
}


@pytest.mark.parametrize("name", METRICS)
def test_the_standard_error_is_how_much_the_number_varies_from_one_set_of_samples_to_another(name):
    real = normal(400, 2)
    results = [METRICS[name](real, 0.8 * normal(300, 2, seed) + 0.5) for seed in range(1, 81)]
    values, errors, low, high = np.array(results).T
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.3)
    held = (low <= values.mean()) & (values.mean() <= high)
    assert held.mean() >= 0.95 - 3 * (0.95 * 0.05 / 80) ** 0.5
