"""Large images, made in tiles that are blended where they meet; memory is bounded by a row of tiles and the result."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import zip_longest
from math import pi
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gan_lightning.core.images import to_uint8

TILE = 512
"""Maximum pixels of the input from one tile to the next, in each direction."""


class Reach(NamedTuple):
    """What surrounds a tile, in pixels of the input.

    Args:
        margin: Around what is kept of a tile, what it sees besides.
        overlap: Over which two tiles are blended; 0 if both make the same.
        multiple: Tiles begin at multiples of it, so that they are halved at the same places as the whole image.
    """

    margin: int
    overlap: int = 0
    multiple: int = 1


class Span(NamedTuple):
    """A tile along one side: it sees the input from `low` to `high`, and is kept from `start` to `end`."""

    low: int
    start: int
    end: int
    high: int


def tiled(
    make: Callable[[Tensor], Tensor],
    inputs: Tensor,
    factor: int,
    reach: Reach,
    tile: int = TILE,
    pixels_of: Callable[[Tensor], np.ndarray] = to_uint8,
) -> np.ndarray:
    """Makes an image in tiles, and returns its pixels (H, W, C).

    Args:
        make: Makes an image (1, C, H, W) from an input (1, c, h, w).
        inputs: The whole input.
        factor: H over h.
        reach: What surrounds a tile.
        tile: Maximum pixels of the input from one tile to the next.
        pixels_of: Turns images (1, C, H, W) into pixels (1, H, W, C).
    """
    rows, columns = (spans(side, tile, reach) for side in inputs.shape[2:])

    def made(row: Span, column: Span) -> Tensor:
        seen = make(inputs[:, :, row.low : row.high, column.low : column.high])
        return kept_of_tile(kept_of_tile(seen, row, factor, 2), column, factor, 3)

    bands = (torch.cat([*crossfaded((made(row, column) for column in columns), columns, factor, 3)], 3) for row in rows)
    return np.concatenate([pixels_of(band)[0] for band in crossfaded(bands, rows, factor, 2)])


def spans(side: int, tile: int, reach: Reach) -> list[Span]:
    """Returns the tiles of a side, which are as large as each other but for the last."""
    step = multiple_above(-(-side // -(-side // tile)), reach.multiple)
    half, found = reach.overlap // 2, []
    for first in range(0, side, step):
        start, end = max(0, first - half), min(side, first + step + half)
        low = max(0, start - reach.margin) // reach.multiple * reach.multiple
        found.append(Span(low, start, end, min(side, multiple_above(end + reach.margin, reach.multiple))))
    return found


def multiple_above(number: int, multiple: int) -> int:
    """Returns the least multiple that is not below a number."""
    return -(-number // multiple) * multiple


def kept_of_tile(seen: Tensor, span: Span, factor: int, axis: int) -> Tensor:
    """Returns what is kept along an axis of what a tile has made."""
    return seen.narrow(axis, (span.start - span.low) * factor, (span.end - span.start) * factor)


def crossfaded(parts: Iterable[Tensor], spans: Sequence[Span], factor: int, axis: int) -> Iterator[Tensor]:
    """Yields an image from one end of an axis to the other, from parts that overlap."""
    shared = None
    for part, span, following in zip_longest(parts, spans, spans[1:]):
        if shared is not None:
            length = shared.shape[axis]
            head = torch.lerp(shared, part.narrow(axis, 0, length), rising(length, axis).to(part))
            part = torch.cat([head, part.narrow(axis, length, part.shape[axis] - length)], axis)
        done = ((following.start if following else span.end) - span.start) * factor
        yield part.narrow(axis, 0, done)
        shared = part.narrow(axis, done, part.shape[axis] - done)


def rising(length: int, axis: int) -> Tensor:
    """Returns weights along an axis of (1, C, H, W) that rise smoothly from 0 to 1: sin^2."""
    place = (torch.arange(length) + 0.5) / length
    return (place * pi / 2).sin().square().view([-1 if i == axis else 1 for i in range(4)])
