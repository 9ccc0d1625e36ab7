"""Fast nearest neighbours against all pairs in NumPy: the same numbers, also where matrix products round."""

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lightning.evaluation.metrics import neighbours
from gan_lightning.evaluation.metrics.neighbours import authenticity, nearest, nearest_of, radii, within


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
    balls, held, holder = within(points, centres, radius)
    inside = (d <= radius).numpy()
    assert balls.tolist() == inside.sum(1).tolist()
    assert held.tolist() == inside.sum(0).tolist()
    assert (held > 0).all()
    assert inside[holder, range(len(centres))].all()


@pytest.mark.usefixtures("block")
def test_authenticity_is_that_of_the_radii_of_all_training_images(clouds):
    made, real = clouds
    if len(real) > 1:
        d = all_pairs(made, real)
        expected = (d.min(1) > np.sort(all_pairs(real, real), axis=1)[d.argmin(1), 1]).mean()
        assert authenticity(real, made).value == pytest.approx(expected)


def test_few_of_many_neighbours_need_all_pairs(monkeypatch):
    """Where products can tell, exact distances are computed for the candidates alone."""
    pairs = []

    def counted(x: Tensor, y: Tensor) -> Tensor:
        pairs.append(x.shape[:-1].numel() * y.shape[-2])
        return distances(x, y)

    distances = neighbours.distances
    monkeypatch.setattr(neighbours, "distances", counted)
    x, centres = normal(300, 8, 1), normal(500, 8, 2)
    nearest(x, centres, 1)
    within(x, centres, torch.ones(500).double())
    assert sum(pairs) == 300 * (1 + neighbours.SPARE)
