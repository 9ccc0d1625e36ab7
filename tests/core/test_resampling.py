"""Reading between pixels, against the definition in loops."""

import math

import pytest
import torch
from torch import Tensor

from gan_lightning.core.resampling import PEAK, SYM6, mapped, reflected, resampled, weighing


def test_places_beyond_an_edge_are_reflected_at_its_pixel():
    places = torch.arange(-5, 9)
    assert reflected(places, 4).tolist() == [1, 2, 3, 2, 1, 0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert reflected(places, 1).tolist() == [0] * 14
    assert reflected(places, 2).tolist() == [1, 0] * 7


def test_a_matrix_weighs_the_pixels_at_its_places():
    matrix = weighing(torch.tensor([[0, 1], [-1, 2]]), torch.tensor([2.0, 3.0]), 3)
    assert matrix.tolist() == [[2, 3, 0], [0, 2, 3]]
    assert weighing(torch.tensor([[-1, 1]]), torch.tensor([2.0, 3.0]), 2).tolist() == [[0, 5]], "twice the same pixel"


def test_sym6_is_orthogonal_and_has_six_vanishing_moments():
    """Daubechies, 1992, Section 6.1: what defines the filter, up to its phase."""
    h = torch.tensor(SYM6, dtype=torch.float64)
    assert h.sum().item() == pytest.approx(2**0.5)
    for shift in range(6):
        assert (h[2 * shift :] * h[: 12 - 2 * shift]).sum().item() == pytest.approx(float(not shift), abs=1e-10)
    places, signs = torch.arange(12.0, dtype=torch.float64), torch.tensor([1.0, -1] * 6, dtype=torch.float64)
    for power in range(6):
        assert (signs * h * places**power).sum().item() == pytest.approx(0, abs=1e-5)
    assert h.argmax() == PEAK


def turn(angle: float, right: float = 0.0, down: float = 0.0, scale: float = 1.0) -> Tensor:
    c, s = scale * math.cos(angle), scale * math.sin(angle)
    return torch.tensor([[[c, -s, right], [s, c, down], [0, 0, 1]]], dtype=torch.float64)


def by_loops(x: list[list[float]], map_: list[list[float]]) -> list[list[float]]:
    """The definition: zeros between pixels, SYM6, linear reading, SYM6 backwards, every second place."""
    height, width = len(x), len(x[0])
    fold = lambda i, side: min(i % (2 * side - 2), -i % (2 * side - 2))  # noqa: E731
    known: dict[tuple[int, int], float] = {}

    def fine(i: int, j: int) -> float:
        if (i, j) not in known:
            known[i, j] = sum(
                2 * SYM6[a] * SYM6[b] * x[fold((i + 5 - a) // 2, height)][fold((j + 5 - b) // 2, width)]
                for a in range((i + 1) % 2, 12, 2)
                for b in range((j + 1) % 2, 12, 2)
            )
        return known[i, j]

    def read(i: int, j: int) -> float:
        down, right = i / 2 - (height - 1) / 2, j / 2 - (width - 1) / 2
        to_right, to_down = (row[0] * right + row[1] * down + row[2] for row in map_[:2])
        u, v = 2 * to_down + height - 1, 2 * to_right + width - 1
        k, m = math.floor(u), math.floor(v)
        return sum((1 - abs(u - k - a)) * (1 - abs(v - m - b)) * fine(k + a, m + b) for a in range(2) for b in range(2))

    there = {(i, j): read(i, j) for i in range(-5, 2 * height + 5) for j in range(-5, 2 * width + 5)}
    return [
        [
            sum(SYM6[a] * SYM6[b] * there[2 * i + a - 5, 2 * j + b - 5] for a in range(12) for b in range(12)) / 2
            for j in range(width)
        ]
        for i in range(height)
    ]


@pytest.mark.parametrize(
    "map_", [turn(0.4), turn(0.0, 0.5, -2.3), turn(-2.0, 9.0, 4.0, 1.7), turn(0.3, -40.0, 3.0, 0.4)], ids=str
)
def test_resampling_is_its_definition(map_):
    x = torch.randn(1, 2, 6, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    out = resampled(x, map_)
    for channel in range(2):
        expected = by_loops(x[0, channel].tolist(), map_[0].tolist())
        assert torch.allclose(out[0, channel], torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-9)


MOVES = {
    "nothing": (turn(0.0), lambda x: x),
    "a quarter turn": (turn(math.pi / 2), lambda x: x.rot90(1, (2, 3))),
    "a half turn": (turn(math.pi), lambda x: x.rot90(2, (2, 3))),
    "a pixel to the left": (turn(0.0, 1.0), lambda x: torch.cat([x[..., 1:], x[..., -2:-1]], dim=3)),
    "two pixels down": (turn(0.0, 0.0, -2.0), lambda x: torch.cat([x[:, :, [2, 1]], x[:, :, :-2]], dim=2)),
}


@pytest.mark.parametrize("move", MOVES)
def test_what_comes_from_whole_pixels_is_copied_bit_for_bit(move):
    map_, expected = MOVES[move]
    for size in (7, 8):
        x = torch.randn(3, 2, size, size)
        assert torch.equal(resampled(x, map_.float().expand(3, 3, 3)), expected(x))


def test_each_image_has_its_own_map():
    x = torch.randn(1, 1, 5, 8, dtype=torch.float64).expand(2, 1, 5, 8)
    maps = [turn(0.0), turn(0.3)]
    out = resampled(x, torch.cat(maps))
    assert torch.equal(out[:1], x[:1])
    assert torch.allclose(out[1:], resampled(x[1:], maps[1]), rtol=0, atol=1e-12)


def test_an_image_that_does_not_move_is_what_it_was_even_without_the_copy():
    """SYM6 is orthogonal. A shift by a thousandth and a half of a pixel is no copy."""
    x = torch.randn(1, 1, 9, 12, dtype=torch.float64)
    near = resampled(x, turn(0.0, 0.0015))
    assert not torch.equal(near, x)
    assert torch.allclose(near, x, atol=0.02)


def test_places_are_counted_from_the_first_pixel():
    columns, rows = torch.tensor([0.0, 3.0]).double(), torch.tensor([1.0]).double()
    places = mapped(turn(0.0, 0.25, -3.0), columns, rows, (1, 1, 5, 8), [1, 2])
    assert places.tolist() == [[[[0.25, -1.0], [3.25, -1.0]]]]


@pytest.mark.parametrize("size", [(1, 1), (1, 6), (2, 5)])
def test_thin_images_are_resampled_as_well(size):
    x = torch.ones(1, 1, *size)
    assert torch.allclose(resampled(x, turn(0.3, 0.2, 0.7).float()), x, atol=1e-5)


def test_it_can_be_differentiated_twice():
    x = torch.randn(2, 1, 4, 5, dtype=torch.float64, requires_grad=True)
    maps = torch.cat([turn(0.7, 0.3), turn(0.0, 1.0)])
    assert torch.autograd.gradcheck(lambda x: resampled(x, maps), (x,))
    assert torch.autograd.gradgradcheck(lambda x: resampled(x, maps).sin(), (x,))
