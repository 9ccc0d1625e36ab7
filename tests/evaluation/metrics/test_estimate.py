"""The standard error beside each number."""

from math import inf

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lightning.evaluation.metrics import (
    Estimate,
    authenticity,
    class_divergence,
    classifier_score,
    density_coverage,
    frechet,
    kernel_distance,
    precision_recall,
)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_the_error_of_a_mean_is_the_deviation_over_the_root_of_the_number():
    """Of 1, 2 and 6 the mean is 3 and the variance (4 + 1 + 9) / 2."""
    assert Estimate.mean(torch.tensor([1, 2, 6])) == pytest.approx((3, (7 / 3) ** 0.5))
    assert Estimate.mean(torch.tensor([True, False, False])) == pytest.approx((1 / 3, 1 / 3))
    assert type(Estimate.mean(torch.tensor([1.0, 2.0])).error) is float
    assert Estimate.of(5, torch.tensor([1.0, 2.0, 6.0])) == pytest.approx((5, (7 / 3) ** 0.5))


def test_the_error_of_two_is_known_and_that_of_one_is_not():
    assert Estimate.mean(torch.tensor([0.0, 2.0])) == (1, 1)
    assert Estimate.mean(torch.tensor([4.0])) == (4, inf)


PROBABILITIES = torch.tensor([[0.0, 1.0, 2.0], [2.0, 0.0, 1.0]], dtype=torch.float64)
METRICS = {
    "frechet": lambda real, made: frechet(real, made),
    "kernel_distance": lambda real, made: kernel_distance(real, made),
    "precision": lambda real, made: precision_recall(real, made).precision,
    "density": lambda real, made: density_coverage(real, made).density,
    "coverage": lambda real, made: density_coverage(real, made).coverage,
    "authenticity": lambda real, made: authenticity(real, made),
    "classifier_score": lambda real, made: classifier_score((made @ PROBABILITIES).softmax(1)),
    "class_divergence": lambda real, made: class_divergence((made @ PROBABILITIES).softmax(1)),
}


@pytest.mark.parametrize("name", METRICS)
def test_the_standard_error_is_how_much_the_number_varies_from_one_set_of_samples_to_another(name):
    real = normal(400, 2)
    results = [METRICS[name](real, 0.8 * normal(300, 2, seed) + 0.5) for seed in range(1, 81)]
    values, errors = np.array(results).T
    assert errors.mean() == pytest.approx(values.std(ddof=1), rel=0.3)
