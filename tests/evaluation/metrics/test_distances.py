"""Measures of features against closed forms and independent references in NumPy."""

from math import exp, log

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics import (
    authenticity,
    class_divergence,
    classes_found,
    classifier_score,
    copying,
    density_coverage,
    frechet,
    kernel_distance,
    neighbours,
    precision_recall,
)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def with_moments(n: int, mean: Tensor, deviation: Tensor, seed: int = 0) -> Tensor:
    """Features whose sample mean and covariance are exactly these."""
    x = normal(n, len(mean), seed)
    x = x - x.mean(0)
    return mean + (x @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(x.T))).T) * deviation


# ---- the Fréchet distance -----------------------------------------------------------------------------------------


def test_the_frechet_distance_of_diagonal_gaussians_is_that_of_dowson_and_landau():
    means, deviations = normal(2, 5, 1), normal(2, 5, 2).abs() + 0.1
    one, other = (with_moments(200, m, s, seed) for seed, (m, s) in enumerate(zip(means, deviations, strict=True)))
    expected = (means[0] - means[1]).square().sum() + (deviations[0] - deviations[1]).square().sum()
    assert frechet(one, other).value == pytest.approx(expected.item(), rel=1e-9)


def test_the_frechet_distance_is_that_of_eigenvalues_of_the_product():
    """Tr (C D)^(1/2) is the sum of the square roots of the eigenvalues of C D, by NumPy's general solver."""
    a, b = normal(50, 4, 1) @ normal(4, 4, 2), normal(60, 4, 3) @ normal(4, 4, 4) + 1
    c, d = (np.cov(x.numpy().T) for x in (a, b))
    overlap = np.sqrt(np.real(np.linalg.eigvals(c @ d))).sum()
    mean = ((a.mean(0) - b.mean(0)) ** 2).sum().item()
    assert frechet(a, b).value == pytest.approx(mean + np.trace(c) + np.trace(d) - 2 * overlap, rel=1e-9)


def test_the_frechet_distance_of_features_that_lie_in_a_plane_is_finite_and_of_the_same_is_zero():
    flat = torch.cat([normal(30, 2), torch.zeros(30, 3)], dim=1)
    assert frechet(flat, flat).value == pytest.approx(0, abs=1e-7)
    assert frechet(flat, flat + 1).value == pytest.approx(5)


def test_the_bias_of_the_frechet_distance_is_that_of_the_delta_method():
    """Two clouds of N(0, I_d), N each: (2 d + d (d + 1) / 2) / N."""
    d, n = 64, 10_000
    distances = [frechet(normal(n, d, 2 * seed), normal(n, d, 2 * seed + 1)).value for seed in range(5)]
    assert np.mean(distances) == pytest.approx((2 * d + d * (d + 1) / 2) / n, rel=0.03)


# ---- the kernel distance ------------------------------------------------------------------------------------------


def plain_kernel_distance(x: np.ndarray, y: np.ndarray) -> float:
    x, y = ((z - x.mean(0)) / x.std(0) for z in (x, y))
    k = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3  # noqa: E731
    off = lambda m: (m.sum() - np.trace(m)) / (len(m) * (len(m) - 1))  # noqa: E731
    return off(k(x, x)) + off(k(y, y)) - 2 * k(x, y).mean()


def test_the_kernel_distance_is_the_unbiased_discrepancy_of_all_pairs_whatever_the_block():
    x, y = normal(40, 6, 1), normal(30, 6, 2) * 1.5 + 0.3
    expected = plain_kernel_distance(x.numpy(), y.numpy())
    assert [kernel_distance(x, y, block).value for block in (7, 1000)] == pytest.approx([expected] * 2, rel=1e-9)


def test_the_kernel_distance_is_zero_in_expectation_for_one_law():
    values = np.array(
        [kernel_distance(normal(200, 8, 2 * seed), normal(200, 8, 2 * seed + 1)).value for seed in range(100)]
    )
    assert abs(values.mean()) < 3 * values.std() / 10
    assert (values < 0).any(), "an unbiased estimate is sometimes below zero"


def test_the_kernel_distance_does_not_depend_on_the_scale_of_a_feature():
    x, y = normal(40, 3, 1), normal(40, 3, 2) + 1
    scale = torch.tensor([1.0, 1000.0, 1.0], dtype=torch.float64)
    assert kernel_distance(x * scale, y * scale).value == pytest.approx(kernel_distance(x, y).value, rel=1e-9)


# ---- neighbours ---------------------------------------------------------------------------------------------------


def plain_distances(x: Tensor, y: Tensor) -> np.ndarray:
    return np.linalg.norm(x.numpy()[:, None] - y.numpy()[None], axis=2)


def plain_radii(x: Tensor, k: int) -> np.ndarray:
    return np.sort(plain_distances(x, x), axis=1)[:, k]


@pytest.fixture(params=[5, 1024])
def block(request, monkeypatch) -> None:
    monkeypatch.setattr(neighbours, "ROW_BLOCK", request.param)


@pytest.mark.usefixtures("block")
def test_precision_recall_density_and_coverage_are_those_of_all_pairs():
    real, made = normal(30, 2, 1), normal(23, 2, 2) * 0.7
    d = plain_distances(made, real)
    precision = (d <= plain_radii(real, 3)).any(1).mean()
    recall = (plain_radii(made, 3) >= d.T).any(1).mean()
    assert [e.value for e in precision_recall(real, made)] == pytest.approx([precision, recall])
    density = (d <= plain_radii(real, 5)).sum() / (5 * 23)
    coverage = (d <= plain_radii(real, 5)).any(0).mean()
    assert [e.value for e in density_coverage(real, made)] == pytest.approx([density, coverage])


def test_density_and_coverage_of_one_law_are_one_and_that_of_naeem():
    n = m = 1000
    k = 5
    results = [density_coverage(normal(n, 4, 2 * seed), normal(m, 4, 2 * seed + 1), k) for seed in range(20)]
    density, coverage = np.array(results)[:, :, 0].T
    expected = 1 - np.prod([(n - i) / (n + m - i) for i in range(1, k + 1)])
    assert expected == pytest.approx(0.96898, abs=1e-5)
    for values, value in ((density, 1.0), (coverage, expected)):
        assert abs(values.mean() - value) < 4 * values.std(ddof=1) / len(values) ** 0.5


@pytest.mark.usefixtures("block")
def test_copies_are_not_authentic_and_are_told_by_both_measures():
    train, test = normal(200, 3, 1), normal(200, 3, 2)
    assert authenticity(train, train[:50]).value == 0
    assert authenticity(train, train[:50] + 100).value == 1
    assert 0.3 < authenticity(train, normal(200, 3, 3)).value < 0.7
    assert copying(train, test, train).value < -10
    assert abs(copying(train, test, normal(200, 3, 3)).value) < 3
    assert copying(train, test, normal(200, 3, 3) * 3).value > 3


def test_copying_is_the_standardised_u_of_mann_and_whitney():
    train, test, made = normal(20, 2, 1), normal(15, 2, 2), normal(18, 2, 3)
    far, held = plain_distances(made, train).min(1), plain_distances(test, train).min(1)
    u = sum(float(a > b) + 0.5 * (a == b) for a in far for b in held)
    expected = (u - 18 * 15 / 2) / np.sqrt(18 * 15 * (18 + 15 + 1) / 12)
    assert copying(train, test, made).value == pytest.approx(expected)


def test_what_precision_is_fooled_by_the_others_are_not():
    """One real image again and again: precision 1, recall and coverage near nothing."""
    real = normal(300, 4)
    made = real[:1].expand(300, 4)
    precision, recall = precision_recall(real, made)
    assert (precision.value, recall.value) == (1, pytest.approx(1 / 300))
    assert density_coverage(real, made).coverage.value < 0.05


@pytest.mark.parametrize("measure", [frechet, kernel_distance, precision_recall, density_coverage, authenticity])
def test_features_that_cannot_be_compared_are_refused(measure):
    with pytest.raises(UserError, match=r"features have shapes \(9, 3\) and \(9, 2\)"):
        measure(normal(9, 3), normal(9, 2))
    with pytest.raises(UserError, match="features have shapes"):
        measure(normal(1, 3), normal(1, 3))


# ---- classes ------------------------------------------------------------------------------------------------------


def test_the_classifier_score_is_the_number_of_classes_at_best_and_one_after_a_collapse():
    sure = torch.eye(7).repeat(3, 1)
    assert classifier_score(sure).value == pytest.approx(7)
    assert classifier_score(torch.eye(7)[:1].repeat(20, 1)).value == pytest.approx(1)
    assert classifier_score(torch.full((9, 4), 0.25)).value == pytest.approx(1)


def test_the_classifier_score_of_half_sure_answers_is_worked_out_by_hand():
    p = torch.tensor([[0.9, 0.1], [0.1, 0.9]])
    assert classifier_score(p).value == pytest.approx(exp(log(2) + 0.9 * log(0.9) + 0.1 * log(0.1)), rel=1e-6)


def test_classes_are_counted_among_the_sure_answers_only():
    p = torch.tensor([[0.95, 0.05, 0.0], [0.4, 0.6, 0.0], [0.3, 0.3, 0.4]])
    assert [classes_found(p, confidence) for confidence in (0.0, 0.5, 0.9)] == [3, 2, 1]


def test_the_divergence_of_classes_is_zero_where_they_occur_as_in_the_data():
    p = torch.eye(3)[[0, 0, 1, 2]]
    assert class_divergence(p, torch.tensor([20, 10, 10])).value == pytest.approx(0)
    assert class_divergence(p).value == pytest.approx(0.5 * log(1.5) + 2 * 0.25 * log(0.75))
    with pytest.raises(UserError, match="has no real images"):
        class_divergence(p, torch.tensor([1, 1, 0]))


@pytest.mark.parametrize("p", [torch.ones(3, 2), torch.ones(4), torch.tensor([[1.5, -0.5]]), torch.empty(0, 3)])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(UserError, match=r"must be \(N, K\) with rows that sum to 1"):
        classifier_score(p)


# ---- errors -------------------------------------------------------------------------------------------------------

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
