"""A walk as a film, and as a picture: rows of images on the way from stop to stop."""

from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_lightning.core.films import Film
from gan_lightning.core.images import labelled_tiles, tile, to_uint8
from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.sweep import images_along
from gan_lightning.editing.walk import Model, Walk

COLUMNS, ROWS = 9, 12
"""Images in a row of a strip, and rows, at most."""

SHORTEST_SIDE = 256
"""Pixels. Smaller frames are enlarged to about this size, by an integer factor."""


def frames_of(batches: Iterable[Tensor], together: int = 1) -> Iterator[np.ndarray]:
    """Yields frames (H, W, C), uint8, from batches of images (N, C, H, W): each tiles as many neighbouring images.

    Args:
        batches: Each holds whole frames.
        together: Images in a frame.
    """
    columns = round(together**0.5) if together > 3 else together
    for images in batches:
        for group in np.split(pixels := to_uint8(images), len(pixels) // together):
            yield tile(group, columns)


def filmed(frames: Iterable[np.ndarray], films: Sequence[Film], kept: Collection[int] = ()) -> dict[int, np.ndarray]:
    """Writes frames into films as they come, and returns those that are asked for by their number.

    Args:
        frames: (H, W, C), uint8.
        films: Open films. Small frames are enlarged for them.
        kept: Numbers of frames, from 0.
    """
    found = {}
    for number, frame in enumerate(frames):
        if number in kept:
            found[number] = frame
        large = enlarged_frame(frame)
        for film in films:
            film.write(large)
    return found


def enlarged_frame(frame: np.ndarray) -> np.ndarray:
    """Enlarges a small frame (H, W, C) by an integer factor, each pixel to a square."""
    factor = max(1, round(SHORTEST_SIDE / min(frame.shape[:2])))
    return frame.repeat(factor, 0).repeat(factor, 1)


def rows_of(walk: Walk) -> list[list[int]]:
    """Returns the frames in the strip of a walk: a row for each leg, from stop to stop; of many legs, some."""
    legs = sorted({round(leg) for leg in np.linspace(0, max(0, walk.legs - 1), min(max(1, walk.legs), ROWS))})
    shares = np.linspace(0, walk.steps if walk.legs else 0, min(COLUMNS, walk.steps + 1) if walk.legs else 1)
    return [[(leg * walk.steps + round(share)) % len(walk) for share in shares] for leg in legs]


def strip(walk: Walk, images: dict[int, np.ndarray]) -> Image.Image:
    """Draws the strip of a walk; the names of its stops stand below them.

    Args:
        walk: The walk.
        images: Those of `rows_of`, (H, W, C), by the number of the frame.
    """
    rows, names = rows_of(walk), walk.stops.names
    labels = {leg * walk.steps: name for leg, name in enumerate(names)}
    shown = [number for row in rows for number in row]
    texts = [labels.get(number, "") for number in shown]
    return labelled_tiles(np.stack([images[number] for number in shown]), texts, len(rows[0]))


def sweep_sheet(
    model: Model, stops: Latents, vectors: Iterable[Tensor], names: Sequence[str], extent: float
) -> Image.Image:
    """Draws sweeps: a row for each stop and direction, whose name stands below its first image.

    Args:
        model: Makes the images.
        stops: N latents.
        vectors: K directions, (D,) each.
        names: What the rows are called, K * N of them.
        extent: How far the images at both ends are moved.
    """
    values = torch.linspace(-extent, extent, COLUMNS).tolist()
    rows = torch.cat([images_along(model, stops, vector, values) for vector in vectors])
    texts = [f"{value:+.3g}" for value in values]
    labels = [text for name in names for text in (name, *texts[1:])]
    return labelled_tiles(to_uint8(rows.flatten(0, 1)), labels, COLUMNS)
