"""What few samples tell of a collapse, against closed forms."""

from functools import partial
from math import exp

import pytest
import torch

from gan_lightning.data import Digits, Ring
from gan_lightning.data.image_data import scale
from gan_lightning.evaluation.metrics import Variety, thumbnails, variety
from gan_lightning.evaluation.metrics.collapse import effective_number, energy
from gan_lightning.evaluation.metrics.neighbours import distances

N = 128


def ring(modes: int, seed: int) -> torch.Tensor:
    """Points of the first modes of the ring, as the networks see them."""
    data = Ring()
    points, labels = data.draw(20 * N, seed)
    return thumbnails(data.plane.images(points[labels < modes][:N]))


def digits(part: int) -> torch.Tensor:
    data = Digits()
    data.setup("fit")
    assert data.source is not None
    order = torch.randperm(14 * N, generator=torch.Generator().manual_seed(0)) % 1797  # writer by writer on the disk
    return thumbnails(scale(data.source[order.split(N)[part]][0]))


def test_copies_of_four_points_far_from_each_other_are_four():
    corners = torch.tensor([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]).repeat(5, 1)
    d = distances(corners, corners)
    assert effective_number(d, torch.tensor(0.01)) == pytest.approx(4)
    assert effective_number(d, torch.tensor(1e3)) == pytest.approx(1, abs=1e-4), "seen from afar"


def test_unequal_shares_count_as_the_inverse_of_the_chance_that_two_are_the_same():
    x = torch.tensor([0.0, 0.0, 0.0, 9.0])[:, None]
    assert effective_number(distances(x, x), torch.tensor(0.1)) == pytest.approx(1 / (0.75**2 + 0.25**2))


@pytest.mark.parametrize(("w", "expected"), [([0.0, 1.0], 0.0), ([7.0, 7.0], 12 / 13)])
def test_the_distance_is_that_of_its_definition(w, expected):
    """For x in {0, 1} and w = 7 everywhere: 2 E|x - w| = 13, E|x - x'| = 1, E|w - w'| = 0."""
    x, y = torch.tensor([0.0, 1.0])[:, None], torch.tensor(w)[:, None]
    assert energy(distances(x, x), distances(y, y), distances(x, y)) == pytest.approx(expected)


def test_a_comparison_is_worked_out_by_hand():
    """Three real points at 0, 1 and 3, whose median distance is 2, and samples at 9, 9 and 10."""
    real, made = torch.tensor([0.0, 1.0, 3.0])[:, None], torch.tensor([9.0, 9.0, 10.0])[:, None]
    found = variety(real.double(), made.double())
    kernel = [exp(-((d / (0.25 * 2)) ** 2)) for d in (0, 1, 2, 3)]
    assert found.real == pytest.approx(9 / (3 + 2 * (kernel[1] + kernel[2] + kernel[3])))
    assert found.distinct == pytest.approx(9 / (3 + 2 * (1 + kernel[1] + kernel[1])))
    assert found.distance == pytest.approx((2 * 8 - 2 - 2 / 3) / (2 * 8))
    assert found.samples == 3
    assert {type(number) for number in found[:3]} == {float}
    assert found.fewness == pytest.approx(0.4 / (0.4 + found.distinct / found.real))
    assert found.farness == pytest.approx(found.distance / (0.08 + found.distance))
    assert found.score == pytest.approx((found.fewness + found.farness) / 2)


@pytest.mark.usefixtures("named_devices")
def test_a_comparison_is_made_on_the_device_of_the_features():
    assert variety(torch.rand(4, 2), torch.rand(4, 2)).samples == 4


def test_half_way_to_a_collapse_is_one_half():
    half = Variety(distinct=4.0, real=10.0, distance=0.08, samples=16)
    assert (half.fewness, half.farness, half.score) == (0.5, 0.5, 0.5)
    assert Variety(1.0, 10.0, 0.0, 16).farness == 0


def test_the_reason_is_few_samples_where_less_than_half_of_the_variety_is_left():
    assert [Variety(distinct, 10.0, 0.0, 16).reason.split(":")[0] for distinct in (4.9, 5.0)] == [
        "samples are alike",
        "samples are unlike real images",
    ]


@pytest.mark.parametrize("take", [partial(ring, 8), digits], ids=["points", "digits"])
def test_real_images_in_place_of_samples_are_healthy(take):
    for i in range(1, 6):
        found = variety(take(0), take(i))
        assert found.score < 0.3, found
        assert found.distinct > 0.7 * found.real


@pytest.mark.parametrize("take", [partial(ring, 8), digits], ids=["points", "digits"])
def test_one_sample_over_and_over_is_a_collapse_though_it_is_real(take):
    found = variety(take(0), take(1)[:1].expand(N, -1))
    assert found.distinct == pytest.approx(1)
    assert found.score > 0.7
    assert found.reason.startswith("samples are alike: 1.0 of 128 are distinct, against ")


@pytest.mark.parametrize("modes", [1, 2, 3])
def test_less_than_half_of_the_modes_is_a_collapse(modes):
    assert variety(ring(8, 0), ring(modes, 1)).score > 0.5


def test_noise_is_varied_and_yet_not_like_digits():
    found = variety(digits(0), torch.rand(N, 256, generator=torch.Generator().manual_seed(0)) * 2 - 1)
    assert found.distinct > 100
    assert found.reason.startswith("samples are unlike real images")
    assert found.farness > 0.5


def test_images_are_made_small_and_points_stay_what_they_are():
    assert thumbnails(torch.rand(3, 2, 40, 30)).shape == (3, 2 * 16 * 16)
    assert thumbnails(torch.rand(3, 1, 8, 30)).shape == (3, 8 * 16)
    assert thumbnails(torch.rand(3, 1, 30, 8)).shape == (3, 16 * 8)
    small = thumbnails(torch.rand(3, 1, 2, 2, requires_grad=True).double())
    assert (small.dtype, small.requires_grad) == (torch.float32, False)
    points = torch.rand(3, 2, 1, 1)
    assert torch.equal(thumbnails(points), points.flatten(1))
    squares = torch.arange(4.0).view(1, 1, 2, 2).repeat_interleave(16, 2).repeat_interleave(16, 3)
    assert thumbnails(squares).view(16, 16)[::8, ::8].flatten().tolist() == [0, 1, 2, 3]
