"""A large image made in tiles is the one made at once, or nearly so and without a step."""

from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core.tiles import Reach, rising, spans, tiled


def as_they_are(images: Tensor) -> np.ndarray:
    return images.permute(0, 2, 3, 1).numpy()


@pytest.mark.parametrize("overlap", [0, 4])
@pytest.mark.parametrize("size", [(1, 1), (3, 40), (17, 16), (33, 50)])
def test_what_depends_on_the_margin_alone_is_the_same_in_tiles(size, overlap):
    def make(x: Tensor) -> Tensor:
        return F.interpolate(F.conv2d(F.pad(x, (2, 2, 2, 2)), torch.ones(1, 1, 5, 5)), scale_factor=2)

    x = torch.randint(0, 9, (1, 1, *size)).float()
    assert (tiled(make, x, 2, Reach(2, overlap, 4), 16, as_they_are) == as_they_are(make(x))[0]).all()


def test_tiles_of_other_levels_are_blended_without_a_step():
    """Each tile is 0 or 1, as its mean would say: from one pixel to the next, there is at most the slope of sin^2."""
    levels = iter([0.0, 1.0, 0.0, 1.0, 0.0, 1.0])
    made = tiled(
        lambda x: torch.full_like(x, next(levels)), torch.zeros(1, 1, 40, 90), 1, Reach(4, 16), 30, as_they_are
    )
    assert made.min() == 0
    assert made.max() == 1
    assert max(abs(np.diff(made, axis=axis)).max() for axis in (0, 1)) <= torch.pi / 2 / 16


def test_two_neighbours_share_a_pixel_by_weights_that_add_up_to_one():
    up = rising(8, 3)
    assert up.shape == (1, 1, 1, 8)
    assert torch.allclose(up + up.flip(3), torch.ones(1))
    assert rising(2, 2).flatten().tolist() == pytest.approx([0.1464466, 0.8535534], abs=1e-6), "sin^2 of 22.5 degrees"


@pytest.mark.parametrize("side", [1, 63, 64, 65, 1000, 4000])
def test_tiles_cover_a_side_in_equal_steps_and_begin_at_multiples(side):
    found = spans(side, 512, Reach(20, 32, 64))
    assert found[0].start == 0
    assert found[-1].end == side
    assert all(span.low % 64 == 0 for span in found)
    assert all(b.start < a.end for a, b in pairwise(found))
    assert len(found) == -(-side // 512)
    inner = [span for span in found if span.low > 0 and span.high < side]
    assert all(span.start - span.low >= 20 <= span.high - span.end for span in inner)


def test_memory_is_bounded_by_the_tile_whatever_the_size():
    seen = []

    def make(x: Tensor) -> Tensor:
        seen.append(x.shape[2:])
        return x

    tiled(make, torch.zeros(1, 1, 300, 500), 1, Reach(8, 16, 4), 64, as_they_are)
    assert max(max(size) for size in seen) <= 64 + 2 * (8 + 8 + 4)
