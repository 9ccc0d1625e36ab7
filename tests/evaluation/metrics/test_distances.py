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
    distances,
    frechet,
    frechet_infinity,
    kernel_distance,
    kid,
    memorisation,
    nearness,
    precision_recall,
    realism,
)
from gan_lightning.evaluation.metrics.distances import intercept


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
    assert frechet(flat, flat).value == pytest.approx(0, abs=1e-14)
    assert frechet(flat, flat + 1).value == pytest.approx(5)


@pytest.mark.parametrize(("n", "d"), [(9, 3), (200, 64), (40, 64), (2, 5)])
def test_equal_clouds_have_the_distance_zero_to_rounding(n, d):
    x = normal(n, d) + 100
    assert 0 <= frechet(x, x[torch.randperm(n)]).value < 1e-12


def test_directions_in_which_only_one_cloud_varies_are_exact():
    """Each axis varies in one of the two only: the product of the covariances is zero, the distance both traces."""
    x = with_moments(50, torch.zeros(2).double(), torch.tensor([1.0, 1e-4]).double())
    y = with_moments(60, torch.zeros(2).double(), torch.tensor([3.0, 1e-4]).double())
    turn, _ = torch.linalg.qr(normal(4, 4, 5))
    real, made = torch.cat([x, 0 * x], 1) @ turn, torch.cat([0 * y, y], 1) @ turn
    assert frechet(real, made).value == pytest.approx(1 + 9 + 2e-8, rel=1e-13)


def test_a_collapse_onto_one_image_has_the_distance_of_a_point():
    """|m - w|^2 + tr C, also from fewer real images than features, and its samples do not vary."""
    for n, d in ((30, 4), (5, 8)):
        real = normal(n, d)
        value, error, *_ = frechet(real, torch.ones(7, d))
        assert value == pytest.approx((real.mean(0) - 1).square().sum().item() + torch.cov(real.T).trace().item())
        assert error == pytest.approx(0, abs=1e-12)


def test_fewer_images_than_features_have_the_distance_of_their_singular_covariances():
    a, b = normal(6, 9, 1), normal(4, 9, 2) * 2
    c, d = (np.cov(x.numpy().T) for x in (a, b))
    overlap = np.sqrt(np.real(np.linalg.eigvals(c @ d)).clip(0)).sum()
    expected = (a.mean(0) - b.mean(0)).square().sum().item() + np.trace(c) + np.trace(d) - 2 * overlap
    assert frechet(a, b).value == pytest.approx(expected, rel=1e-6), "by a solver that keeps half of the digits"
    assert frechet(b, a).value == pytest.approx(frechet(a, b).value, rel=1e-12)


def test_the_distance_at_infinity_of_one_law_is_zero_and_that_of_two_is_theirs():
    near, far = [], []
    for seed in range(20):
        real, made = normal(800, 8, 2 * seed), normal(800, 8, 2 * seed + 1)
        near.append(frechet_infinity(real, made).value)
        far.append(frechet_infinity(real, 2 * made + 1).value)
    for values, expected in ((near, 0), (far, 8 * (1 + 1))):
        assert abs(np.mean(values) - expected) < 4 * np.std(values) / 20**0.5
    assert frechet(normal(800, 8, 0), normal(800, 8, 1)).value > 3 * np.std(near), "which all images alone do not show"


def test_the_line_is_fitted_by_least_squares_and_the_global_random_stream_is_left_alone():
    x, y = torch.tensor([1.0, 2.0, 4.0]).double(), normal(3, 1)[:, 0]
    assert (intercept(x) @ y).item() == pytest.approx(np.polyfit(x.numpy(), y.numpy(), 1)[1])
    before = torch.get_rng_state()
    real, made = normal(50, 2, 1), normal(50, 2, 2)
    assert frechet_infinity(real, made) == frechet_infinity(real, made)
    assert kid(real, made, size=10) == kid(real, made, size=10) != kid(real, made, size=10, seed=1)
    assert torch.equal(before, torch.get_rng_state())


def test_too_few_images_to_extrapolate_from_are_refused():
    frechet_infinity(normal(12, 3), normal(12, 3, 1))
    with pytest.raises(UserError, match=r"11 images are too few to extrapolate .* 3 features: at least 12"):
        frechet_infinity(normal(12, 3), normal(11, 3, 1))


def test_the_frechet_distance_in_one_dimension_and_its_error_are_worked_out_by_hand():
    """(m - w)^2 + (s - t)^2 of means and deviations moves with a sample y by -2 (m - w)(y - w) + (1 - s/t)(y - w)^2."""
    real = torch.tensor([[0.0], [2.0], [4.0]], dtype=torch.float64)  # mean 2, deviation 2
    made = torch.tensor([[6.0], [7.0], [11.0]], dtype=torch.float64)  # mean 8, deviation 7^0.5
    influence = [12 * d + (1 - 2 / 7**0.5) * d**2 for d in (-2, -1, 3)]
    expected = (6**2 + (2 - 7**0.5) ** 2, stdev(influence) / 3**0.5)
    assert frechet(real, made)[:2] == pytest.approx(expected, rel=1e-9)
    assert frechet(1e-6 * real, 1e-6 * made)[:2] == pytest.approx([1e-12 * e for e in expected], rel=1e-9, abs=0)
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
        value, error, *_ = frechet(real @ turn, made @ turn)
        assert value == pytest.approx(0 + 1 + 9 + 16, rel=1e-6)
        assert error == pytest.approx(frechet(real, made).error, rel=1e-6)


def test_a_frechet_distance_is_never_below_zero():
    assert all(frechet(x, x).value >= 0 for x in (normal(9, 3, seed) for seed in range(20)))


def test_the_bias_of_the_frechet_distance_is_that_of_the_delta_method():
    """Two clouds of N(0, I_d), N each: (2 d + d (d + 1) / 2) / N."""
    d, n = 64, 10_000
    values = [frechet(normal(n, d, 2 * seed), normal(n, d, 2 * seed + 1)).value for seed in range(5)]
    assert np.mean(values) == pytest.approx((2 * d + d * (d + 1) / 2) / n, rel=0.03)


# ---- the kernel distance ------------------------------------------------------------------------------------------


def plain_kernel_distance(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Hoeffding's variance of U, each expectation over distinct samples, in loops."""
    x, y = ((z - x.mean(0)) / x.std(0) for z in (x, y))
    k = lambda a, b: (a @ b.T / a.shape[1] + 1) ** 3  # noqa: E731
    off = lambda m: (m.sum(1) - np.diag(m)) / (len(m) - 1)  # noqa: E731
    m, across = len(y), k(y, x).mean(1)
    g = k(y, y) - across[:, None] - across
    distinct = [(i, j, h) for i in range(m) for j in range(m) for h in range(m) if len({i, j, h}) == 3]
    pairs = np.array([g[i, j] for i in range(m) for j in range(m) if i != j])
    z1 = np.mean([g[i, j] * g[i, h] for i, j, h in distinct]) - pairs.mean() ** 2
    variance = (4 * (m - 2) * z1 + 2 * pairs.var()) / (m * (m - 1))
    return off(k(x, x)).mean() + pairs.mean(), variance**0.5


def test_the_kernel_distance_is_the_unbiased_discrepancy_of_all_pairs_whatever_the_block(monkeypatch):
    x, y = normal(40, 6, 1), normal(30, 6, 2) * 1.5 + 0.3
    expected = plain_kernel_distance(x.numpy(), y.numpy())
    for rows in (2048, 7):
        monkeypatch.setattr(distances, "KERNEL_ROWS", rows)
        assert kernel_distance(x, y)[:2] == pytest.approx(expected, rel=1e-9)


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


MEASURES = [
    frechet,
    frechet_infinity,
    kernel_distance,
    kid,
    precision_recall,
    density_coverage,
    realism,
    authenticity,
    nearness,
    lambda real, made: memorisation(real, real + 1, made),
]


@pytest.mark.parametrize("measure", MEASURES)
def test_features_that_cannot_be_compared_are_refused(measure):
    with pytest.raises(UserError, match=r"features have shapes \(9, 3\) and \(9, 2\)"):
        measure(normal(9, 3), normal(9, 2))
    for real, made in ((normal(1, 3), normal(5, 3)), (normal(5, 3), normal(1, 3)), (normal(9, 3)[0], normal(9, 3))):
        with pytest.raises(UserError, match="features have shapes"):
            measure(real, made)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_one_feature_that_is_no_number_is_refused_and_said_to_be_of_which_images(measure, value):
    for i, whose in enumerate(("real images", "samples")):
        clouds = [normal(30, 3, 1), normal(30, 3, 2)]
        clouds[i][4, 1] = value
        with pytest.raises(UserError, match=f"1 of 30 {whose} have features that are infinite or not a number"):
            measure(*clouds)


@pytest.mark.parametrize("measure", MEASURES)
def test_real_images_that_are_all_the_same_are_refused_and_such_samples_are_measured(measure):
    with pytest.raises(UserError, match="the features of all 30 real images are the same: compare with different"):
        measure(torch.ones(30, 3), normal(30, 3))
    assert measure(normal(30, 3), torch.ones(30, 3)) is not None


@pytest.mark.usefixtures("named_devices")
@pytest.mark.parametrize("measure", [frechet, kernel_distance])
def test_distances_are_computed_on_the_device_of_the_features(measure):
    assert measure(normal(9, 2, 1), normal(9, 2, 2))


@pytest.mark.parametrize("measure", [frechet, kernel_distance])
def test_features_of_a_network_in_training_and_in_32_bits_are_measured_in_64(measure):
    real, made = normal(9, 2, 1).float(), normal(9, 2, 2).float()
    expected = measure(real.double(), made.double())
    assert measure(real.requires_grad_(), made.requires_grad_()) == expected
