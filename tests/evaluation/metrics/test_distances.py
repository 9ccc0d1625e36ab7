"""Distances of two clouds against closed forms and independent references in NumPy."""

from statistics import stdev

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics import (
    authenticity,
    density_coverage,
    frechet,
    kernel_distance,
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


def test_the_frechet_distance_in_one_dimension_and_its_error_are_worked_out_by_hand():
    """(m - w)^2 + (s - t)^2 of means and deviations moves with a sample y by -2 (m - w)(y - w) + (1 - s/t)(y - w)^2."""
    real = torch.tensor([[0.0], [2.0], [4.0]], dtype=torch.float64)  # mean 2, deviation 2
    made = torch.tensor([[6.0], [7.0], [11.0]], dtype=torch.float64)  # mean 8, deviation 7^0.5
    influence = [12 * d + (1 - 2 / 7**0.5) * d**2 for d in (-2, -1, 3)]
    expected = (6**2 + (2 - 7**0.5) ** 2, stdev(influence) / 3**0.5)
    assert frechet(real, made) == pytest.approx(expected, rel=1e-9)
    assert frechet(1e-6 * real, 1e-6 * made) == pytest.approx([1e-12 * e for e in expected], rel=1e-9, abs=0)
    assert frechet(real[:2], made[:2]).value == pytest.approx(5.5**2 + (2**0.5 - 0.5**0.5) ** 2), "two are enough"


def test_the_frechet_distance_and_its_error_are_the_same_in_a_plane_of_a_larger_space():
    plane, _ = torch.linalg.qr(normal(6, 2, 9))
    for seed in range(20):
        real, made = normal(30, 2, seed), normal(25, 2, seed + 100) * 1.5 + 0.3
        assert frechet(real @ plane.T, made @ plane.T) == pytest.approx(frechet(real, made), rel=1e-6)


def test_a_direction_without_variance_stays_so_whatever_the_axes():
    """The samples have variances 1, 4, 9 and 16; the real images have none in the last two directions."""
    made = with_moments(50, torch.zeros(4).double(), torch.tensor([1.0, 2.0, 3.0, 4.0]).double())
    for seed in range(20):
        flat = with_moments(40, torch.zeros(2).double(), torch.ones(2).double(), seed)
        real = torch.cat([flat, torch.zeros(40, 2)], 1)
        turn, _ = torch.linalg.qr(normal(4, 4, seed))
        value, error = frechet(real @ turn, made @ turn)
        assert value == pytest.approx(0 + 1 + 9 + 16, rel=1e-6)
        assert error == pytest.approx(frechet(real, made).error, rel=1e-6)


def test_a_frechet_distance_is_never_below_zero():
    assert all(frechet(x, x).value >= 0 for x in (normal(9, 3, seed) for seed in range(20)))


def test_the_bias_of_the_frechet_distance_is_that_of_the_delta_method():
    """Two clouds of N(0, I_d), N each: (2 d + d (d + 1) / 2) / N."""
    d, n = 64, 10_000
    distances = [frechet(normal(n, d, 2 * seed), normal(n, d, 2 * seed + 1)).value for seed in range(5)]
    assert np.mean(distances) == pytest.approx((2 * d + d * (d + 1) / 2) / n, rel=0.03)


# ---- the kernel distance ------------------------------------------------------------------------------------------


def plain_kernel_distance(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    x, y = ((z - x.mean(0)) / x.std(0) for z in (x, y))
    k = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3  # noqa: E731
    off = lambda m: (m.sum(1) - np.diag(m)) / (len(m) - 1)  # noqa: E731
    near, across = off(k(y, y)), k(y, x).mean(1)
    return off(k(x, x)).mean() + near.mean() - 2 * across.mean(), 2 * (near - across).std(ddof=1) / len(y) ** 0.5


def test_the_kernel_distance_is_the_unbiased_discrepancy_of_all_pairs_whatever_the_block():
    x, y = normal(40, 6, 1), normal(30, 6, 2) * 1.5 + 0.3
    expected = plain_kernel_distance(x.numpy(), y.numpy())
    for options in ({}, {"block": 7}):
        assert kernel_distance(x, y, **options) == pytest.approx(expected, rel=1e-9)


def test_the_kernel_distance_of_two_and_two_is_worked_out_by_hand():
    """Of -1 and 1, and 0 and 2, which are standardised already: k(-1, 1) = 0, k(0, 2) = 1; across 1, 1, -1 and 27."""
    real, made = torch.tensor([[-1.0], [1.0]]), torch.tensor([[0.0], [2.0]])
    assert kernel_distance(real, made).value == pytest.approx(0 + 1 - 2 * (1 + 1 - 1 + 27) / 4)


def test_a_feature_that_is_the_same_in_all_real_images_is_not_scaled():
    x, y = normal(9, 1, 1), normal(8, 1, 2)
    x, y = ((z - x.mean()) / x.std(unbiased=False) for z in (x, y))
    flat, steps = torch.full((9, 1), 5.0).double(), torch.arange(8.0).double()[:, None]
    k = lambda a, b: ((a @ b.T) / 2 + 1) ** 3  # noqa: E731
    real, made = torch.cat([x, flat - 5], 1), torch.cat([y, steps - 5], 1)
    off = lambda z: (k(z, z).sum() - k(z, z).trace()) / (len(z) * (len(z) - 1))  # noqa: E731
    expected = off(real) + off(made) - 2 * k(real, made).mean()
    found = kernel_distance(torch.cat([x, flat], 1), torch.cat([y, steps], 1))
    assert found.value == pytest.approx(expected.item(), rel=1e-9)


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


# ---- both ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", [frechet, kernel_distance, precision_recall, density_coverage, authenticity])
def test_features_that_cannot_be_compared_are_refused(measure):
    with pytest.raises(UserError, match=r"features have shapes \(9, 3\) and \(9, 2\)"):
        measure(normal(9, 3), normal(9, 2))
    for real, made in ((normal(1, 3), normal(5, 3)), (normal(5, 3), normal(1, 3)), (normal(9, 3)[0], normal(9, 3))):
        with pytest.raises(UserError, match="features have shapes"):
            measure(real, made)


@pytest.mark.usefixtures("named_devices")
@pytest.mark.parametrize("measure", [frechet, kernel_distance])
def test_distances_are_computed_on_the_device_of_the_features(measure):
    assert measure(normal(9, 2, 1), normal(9, 2, 2))


@pytest.mark.parametrize("measure", [frechet, kernel_distance])
def test_features_of_a_network_in_training_and_in_32_bits_are_measured_in_64(measure):
    real, made = normal(9, 2, 1).float(), normal(9, 2, 2).float()
    expected = measure(real.double(), made.double())
    assert measure(real.requires_grad_(), made.requires_grad_()) == expected
