"""Fast nearest neighbours against all pairs in NumPy: the same numbers, also where matrix products round."""

from statistics import fmean, stdev

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics import copying, density_coverage, neighbours, precision_recall
from gan_lightning.evaluation.metrics.neighbours import (
    authenticity,
    nearest,
    nearest_of,
    radii,
    rank_deviation,
    realism,
    share_reached,
    within,
)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def on_a_grid(n: int, seed: int = 0) -> Tensor:
    return torch.randint(3, (n, 3), generator=torch.Generator().manual_seed(seed)).double()


def all_pairs(x: Tensor, y: Tensor) -> np.ndarray:
    return np.sqrt(((x.numpy()[:, None] - y.numpy()[None]) ** 2).sum(2))


CLOUDS = {
    "round": (normal(60, 7, 1), normal(80, 7, 2)),
    "with copies": (torch.cat([normal(80, 7, 2)[10:40], normal(20, 7, 1)]), normal(80, 7, 2)),
    "with ties": (on_a_grid(60, 1), on_a_grid(80, 2)),
    "of which each occurs nine times": (normal(9, 4, 1).repeat(9, 1), normal(9, 4, 2).repeat(9, 1)),
    "far from the origin": (normal(60, 7, 1) + 1e6, normal(80, 7, 2) + 1e6),
    "far from each other": (normal(60, 7, 1) + 1e6, normal(80, 7, 2)),
    "closer than a product can tell": (
        1 + 1e-9 * normal(60, 7, 1),
        torch.cat([1 + 1e-9 * normal(80, 7, 2), -normal(2, 7)]),
    ),
    "all the same": (torch.ones(30, 3).double(), torch.ones(40, 3).double()),
    "of one": (normal(5, 3), normal(1, 3, 1)),
}


@pytest.fixture(params=[7, 1024])
def block(request, monkeypatch) -> None:
    monkeypatch.setattr(neighbours, "ROW_BLOCK", request.param)
    monkeypatch.setattr(neighbours, "PAIRS", request.param)


@pytest.fixture(params=CLOUDS)
def clouds(request) -> tuple[Tensor, Tensor]:
    return CLOUDS[request.param]


@pytest.mark.usefixtures("block")
def test_the_nearest_are_those_of_all_pairs_and_of_equally_near_ones_the_first(clouds):
    x, centres = clouds
    d = all_pairs(x, centres)
    for k in {1, min(3, len(centres))}:
        distance, index = nearest(x, centres, k)
        assert distance.numpy() == pytest.approx(np.sort(d, axis=1)[:, :k], rel=1e-14, abs=0)
        assert d[np.arange(len(x))[:, None], index] == pytest.approx(distance.numpy(), rel=1e-14, abs=0)
    distance, index = nearest_of(x, centres)
    same = (d == 0).any(1)
    assert (distance.numpy()[same] == 0).all(), "copies lie at distance 0, not near it"
    assert index.numpy()[same].tolist() == d.argmin(1)[same].tolist()
    assert index.tolist() == neighbours.distances(x, centres).min(1).indices.tolist()


@pytest.mark.usefixtures("block")
def test_the_radii_are_those_of_all_other_features(clouds):
    for x in clouds:
        k = min(3, len(x) - 1)
        if k:
            assert radii(x, k).numpy() == pytest.approx(np.sort(all_pairs(x, x), axis=1)[:, k], rel=1e-14, abs=0)


@pytest.mark.usefixtures("block")
def test_a_ball_holds_what_lies_exactly_on_its_surface(clouds):
    """Each ball here has one of the points on it."""
    points, centres = clouds
    d = neighbours.distances(points, centres)
    radius = d[torch.arange(len(centres)) % len(points), torch.arange(len(centres))]
    found = within(points, centres, radius)
    inside = (d <= radius).long()
    assert torch.equal(found.balls, inside.sum(1))
    assert torch.equal(found.held, inside.sum(0))
    assert (found.held > 0).all()
    i, j = torch.arange(len(points)), torch.arange(len(centres))
    assert torch.equal(found.around.long(), torch.stack([inside @ j, inside @ j**2], 1)), "they name one ball or two"
    assert torch.equal(found.inside.long(), torch.stack([i @ inside, i**2 @ inside], 1))


@pytest.mark.usefixtures("block")
def test_authenticity_is_that_of_the_radii_of_all_training_images(clouds):
    made, real = clouds
    if len(real.unique(dim=0)) > 1:
        d = all_pairs(made, real)
        expected = (d.min(1) > np.sort(all_pairs(real, real), axis=1)[d.argmin(1), 1]).mean()
        assert authenticity(real, made).value == pytest.approx(expected)


def test_where_products_may_be_off_by_more_than_what_they_tell_all_pairs_are_looked_at():
    """The true squares are 1, 1.21 and 1.96, and each may be off by 0.5: the first is no candidate, and yet nearest."""
    centres = torch.tensor([[1.0], [1.1], [1.4]]).double()
    squares, error = torch.tensor([[1.45, 0.75, 1.44]]).double(), torch.tensor([0.5]).double()
    distance, index = neighbours.k_least(torch.zeros(1, 1).double(), centres, 1, squares, error, spare=2)
    assert (distance.item(), index.item()) == (1, 0)


def test_products_are_the_squared_distances_and_their_bound_is_twice_that_of_higham():
    x, centres = normal(7, 3, 1), normal(5, 3, 2) + 9
    squares, error = neighbours.Products(centres).of(x)
    assert squares.numpy() == pytest.approx(all_pairs(x, centres) ** 2)
    middle = centres.mean(0)
    largest = (x - middle).square().sum(1) + (centres - middle).square().sum(1).max()
    assert error.tolist() == pytest.approx((2 * 2 * (3 + 4) * 2.0**-52 * largest).tolist(), abs=0)


@pytest.mark.parametrize("origin", [0.0, 1e5])
def test_few_of_many_neighbours_need_all_pairs(origin, monkeypatch):
    """Where products can tell, exact distances are computed for the candidates alone."""
    pairs = []

    def counted(x: Tensor, y: Tensor) -> Tensor:
        pairs.append(x.shape[:-1].numel() * y.shape[-2])
        return distances(x, y)

    distances = neighbours.distances
    monkeypatch.setattr(neighbours, "distances", counted)
    x, centres = normal(300, 8, 1) + origin, normal(500, 8, 2) + origin
    nearest(x, centres, 1)
    within(x, centres, torch.ones(500).double())
    assert sum(pairs) == 300 * (1 + neighbours.SPARE)


# ---- measures -----------------------------------------------------------------------------------------------------


def kth(x: Tensor, k: int) -> np.ndarray:
    """The distance of each from its k-th neighbour."""
    return np.sort(all_pairs(x, x), axis=1)[:, k]


@pytest.mark.usefixtures("block")
def test_precision_recall_density_and_coverage_are_those_of_all_pairs():
    real, made = normal(30, 2, 1), normal(23, 2, 2) * 0.7
    d = all_pairs(made, real)
    precision = (d <= kth(real, 3)).any(1).mean()
    recall = (kth(made, 3) >= d.T).any(1).mean()
    assert [e.value for e in precision_recall(real, made)] == pytest.approx([precision, recall])
    density = (d <= kth(real, 5)).sum() / (5 * 23)
    coverage = (d <= kth(real, 5)).any(0).mean()
    assert [e.value for e in density_coverage(real, made)] == pytest.approx([density, coverage])


LINE = torch.tensor([0.0, 1.0, 3.0, 7.0, 100.0], dtype=torch.float64)[:, None]
"""From the nearest other one: 1, 1, 2, 4, 93; from the second: 3, 2, 3, 6, 97."""
BESIDE = torch.tensor([0.5, 2.9, 4.9, 20.0, 1000.0], dtype=torch.float64)[:, None]


@pytest.mark.parametrize("rows", [1, 3, 1024])
def test_balls_on_a_line_are_counted_by_hand(rows, monkeypatch):
    """Those around 0 and 1 hold 0.5; that around 3 holds 2.9 and 4.9; around 7, 4.9; around 100, 20; none, 1000."""
    monkeypatch.setattr(neighbours, "ROW_BLOCK", rows)
    monkeypatch.setattr(neighbours, "PAIRS", rows)
    density, coverage = density_coverage(LINE, BESIDE, 1)
    assert density[:2] == pytest.approx((6 / 5, stdev([2, 1, 2, 1, 0]) / 5**0.5), rel=1e-12)
    first, second, found = 2**2 + 1 + 1, 1, 4  # 0.5 alone covers two, 4.9 and 20 one each; 2.9 and 4.9 one together
    variance = first**2 / (first + second) - found**2 / 5 + 1
    assert coverage[:2] == pytest.approx((1, variance**0.5 / 5), rel=1e-12)
    twice = density_coverage(LINE, BESIDE, 2).density
    assert twice[:2] == pytest.approx((11 / 10, stdev([3 / 2, 2, 3 / 2, 1 / 2, 0]) / 5**0.5), rel=1e-12)
    _, coverage = density_coverage(LINE[:3], BESIDE, 1)
    assert coverage[:2] == pytest.approx((1, (4**2 / (4 + 1) - 2**2 / 5 + 1) ** 0.5 / 3), rel=1e-12)
    precision, recall = precision_recall(LINE[:4], BESIDE, 1)
    assert precision[:2] == pytest.approx((0.6, (0.6 * 0.4 / 5) ** 0.5))
    assert recall.value == 1, "of 0, 1 and 3 within 2.4, 2 and 2 of a sample, 7 within 15.1 of 20"


def test_what_no_sample_reaches_alone_has_the_error_of_one_image():
    for reached, value in ((torch.full((50,), 9), 1), (torch.zeros(50).long(), 0)):
        found = share_reached(reached, torch.zeros(50, 2).double(), samples=30)
        assert found[:2] == (value, 1 / 50)
        assert 0 <= found.low <= value <= found.high <= 1


@pytest.mark.usefixtures("block")
@pytest.mark.parametrize(("real", "made"), [(normal(40, 2, 1), normal(30, 2, 2)), (normal(30, 9, 1), normal(25, 9, 2))])
def test_the_variance_of_recall_is_half_of_the_jackknife_with_every_sample_left_out(real, made):
    def reached(kept: Tensor) -> int:
        return int((all_pairs(real, kept) <= kth(kept, 3)).any(1).sum())

    m = len(made)
    influence = [float(reached(made) - reached(made[torch.arange(m) != i])) for i in range(m)]
    variance = m * stdev(influence) ** 2 / 2 + 1
    recall = precision_recall(real, made, 3).recall
    assert recall[:2] == pytest.approx((reached(made) / len(real), variance**0.5 / len(real)))


def test_realism_is_the_largest_ratio_of_a_radius_of_the_denser_half_and_infinite_for_a_copy():
    """Of the radii 1, 1, 2, 4 and 93, the three smaller ones count: around 0, 1 and 3."""
    made = torch.tensor([[0.5], [1.0], [5.0], [103.0], [-2.0]]).double()
    expected = [1 / 0.5, np.inf, 2 / 2, 2 / 100, 1 / 2]
    assert realism(LINE, made, 1).tolist() == pytest.approx(expected)


@pytest.mark.usefixtures("block")
def test_realism_is_that_of_all_pairs():
    real, made = normal(60, 7, 1) + 1e5, normal(80, 7, 2) + 1e5
    radius = kth(real, 3)
    few = radius <= np.sort(radius)[29]
    expected = (radius[few] / all_pairs(made, real[torch.as_tensor(few)])).max(1)
    assert realism(real, made).numpy() == pytest.approx(expected, rel=1e-12)


def test_authenticity_on_a_line_is_counted_by_hand():
    """0.4 is near 0, 5.5 near 7; 2 is as far from 1 as that from 0; -2 is farther from 0 than that from 1."""
    made = torch.tensor([0.4, 5.5, 2.0, -2.0], dtype=torch.float64)[:, None]
    assert authenticity(LINE, made)[:2] == pytest.approx((1 / 4, (3 / 4**3) ** 0.5))


def test_all_can_be_the_nearest():
    distance, index = nearest(torch.zeros(1, 1).double(), LINE, 5)
    assert (distance.tolist(), index.tolist()) == ([[0, 1, 3, 7, 100]], [[0, 1, 2, 3, 4]])


@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
def test_no_neighbour_and_more_than_there_are_are_refused(measure):
    with pytest.raises(UserError, match="k is 0"):
        measure(LINE, BESIDE, 0)
    for real, made in ((LINE[:4], BESIDE), (LINE, BESIDE[:4])):
        with pytest.raises(UserError, match="features have shapes"):
            measure(real, made, 4)
        measure(real, made, 3)


@pytest.mark.usefixtures("named_devices")
def test_neighbours_are_counted_on_the_device_of_the_features():
    for measure in (precision_recall, density_coverage):
        assert measure(LINE, BESIDE, 1)


def test_the_balls_reach_to_the_third_neighbour_and_to_the_fifth_by_default():
    real, made = normal(200, 2, 1), normal(200, 2, 2) + 1
    assert precision_recall(real, made) == precision_recall(real, made, 3) != precision_recall(real, made, 2)
    assert density_coverage(real, made) == density_coverage(real, made, 5) != density_coverage(real, made, 4)


def test_two_real_images_are_enough_for_authenticity_and_one_is_not():
    assert authenticity(LINE[:2].float(), BESIDE[:2].float()).value == 0.5
    with pytest.raises(UserError, match="features have shapes"):
        authenticity(LINE[:1], BESIDE)


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
    far, held = all_pairs(made, train).min(1), all_pairs(test, train).min(1)
    u = sum(float(a > b) + 0.5 * (a == b) for a in far for b in held)
    expected = (u - 18 * 15 / 2) / np.sqrt(18 * 15 * (18 + 15 + 1) / 12)
    shares = [fmean([float(a > b) + 0.5 * (a == b) for b in held]) for a in far]
    error = stdev(shares) * 18**0.5 * 15 / np.sqrt(18 * 15 * (18 + 15 + 1) / 12)
    assert copying(train, test, made)[:2] == pytest.approx((expected, error))
    assert copying(LINE, LINE, LINE)[:2] == (0, 0), "ties count one half"
    with pytest.raises(UserError, match="features have shapes"):
        copying(LINE, LINE[:0], LINE)


def test_many_ranks_are_summed_without_rounding():
    m, n = 5001, 5003
    deviation = rank_deviation(torch.ones(m), torch.zeros(n))
    assert deviation.value == pytest.approx(m * n / 2 / (m * n * (m + n + 1) / 12) ** 0.5, rel=1e-12)
    assert {type(number) for number in deviation} == {float}


def test_what_precision_is_fooled_by_the_others_are_not():
    """One real image again and again: precision 1, recall and coverage near nothing."""
    real = normal(300, 4)
    made = real[:1].expand(300, 4)
    precision, recall = precision_recall(real, made)
    assert (precision.value, recall.value) == (1, pytest.approx(1 / 300))
    assert density_coverage(real, made).coverage.value < 0.05
