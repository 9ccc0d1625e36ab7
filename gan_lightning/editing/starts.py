"""Where to start the search for a latent: the samples that are nearest to an image."""

from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import mix
from gan_lightning.editing.matches import Match
from gan_lightning.editing.walk import Model, images_from

STARTS, CHAINS = 101, 102
"""The purposes of random streams in this room."""

MADE_TOGETHER = 100
"""Samples that are made at a time."""


class Starts(NamedTuple):
    """Latents to start from, the nearest first.

    Args:
        z: (N, S, latent_dim).
        y: Labels (N, S) int64; None for a model without labels.
    """

    z: Tensor
    y: Tensor | None


@torch.no_grad()
def nearest_samples(
    model: Model,
    measures: Tensor,
    match: Match,
    latent_dim: int,
    classes: int,
    labels: Tensor | None,
    candidates: int,
    starts: int,
    seed: int,
    weights: Tensor | None = None,
    in_turn: bool = False,
) -> Starts:
    """Returns the samples whose measures are nearest to those given.

    Args:
        model: Makes images.
        measures: (N, R), of the images to find.
        match: What measures images.
        latent_dim: Length of a latent.
        classes: Number of classes of the model; 0 for one without labels. Of several, all get as many samples.
        labels: The class of each image, (N,) int64, whose samples are then the only ones. If None, it may be any.
        candidates: Number of samples to choose from.
        starts: Number of samples to return for each image.
        seed: Fixes the samples. They are none of `model.sample`.
        weights: (N, R), how much each measure counts; all the same if None.
        in_turn: Whether the nearest sample of every class comes before the second nearest of any. A search keeps the
            class that it starts with, and the nearest samples may all be of a wrong one.
    """
    draw = torch.Generator().manual_seed(mix(STARTS, seed))
    z = torch.randn(candidates, latent_dim, generator=draw).to(measures)
    y = torch.arange(candidates, device=z.device) % classes if classes else None
    parts = [None] * len(z.split(MADE_TOGETHER)) if y is None else y.split(MADE_TOGETHER)
    found = [match(images_from(model, a, b)) for a, b in zip(z.split(MADE_TOGETHER), parts, strict=True)]
    distances = torch.cat([squared_distances(measures, part, weights) for part in found], 1)
    if y is not None and labels is not None:
        distances[labels[:, None] != y[None]] = torch.inf
    order = distances.argsort(dim=1, stable=True)
    if in_turn and y is not None and labels is None:
        turns = ranks_in_classes(distances, y).gather(1, order)
        order = order.gather(1, turns.argsort(dim=1, stable=True))
    chosen = order[:, : min(starts, candidates // max(1, classes))]
    return Starts(z[chosen], None if y is None else y[chosen])


def ranks_in_classes(distances: Tensor, y: Tensor) -> Tensor:
    """Returns how many samples of the same class are nearer, (N, M), of distances (N, M) and labels (M,)."""
    ranks = torch.empty_like(distances, dtype=torch.int64)
    for label in y.unique():
        ranks[:, y == label] = distances[:, y == label].argsort(dim=1, stable=True).argsort(1)
    return ranks


def squared_distances(x: Tensor, other: Tensor, weights: Tensor | None) -> Tensor:
    """Returns sum_r w_ir (x_ir - o_jr)^2, (N, M), of x and w (N, R) and o (M, R)."""
    w = torch.ones_like(x) if weights is None else weights
    return (w * x.square()).sum(1, keepdim=True) - 2 * (w * x) @ other.T + w @ other.square().T


def checked_labels(labels: Tensor | None, count: int, classes: int) -> Tensor | None:
    """Returns the labels asked for.

    Args:
        labels: (N,) int64, or one for all; None to infer them.
        count: N.
        classes: Number of classes of the model.

    Raises:
        UserError: The model does not know them.
    """
    if labels is None:
        return None
    if not classes:
        raise UserError("this model was trained without labels: leave out labels")
    labels = torch.as_tensor(labels, dtype=torch.int64).expand(count)
    wrong = [int(y) for y in labels if not 0 <= int(y) < classes]
    if wrong:
        raise UserError(f"{wrong[0]} is no label of this model: its classes are 0 to {classes - 1}")
    return labels


def check_same_kind(images: Tensor, image_shape: tuple[int, ...]) -> None:
    """Refuses images of another shape than the model's, or of another range.

    Args:
        images: (N, C, H, W).
        image_shape: Channels, height, width of the model's images.

    Raises:
        UserError: They have another shape, or values outside of [-1, 1].
    """
    if images.dim() != 4 or tuple(images.shape[1:]) != tuple(image_shape) or not len(images):
        raise UserError(f"images are {tuple(images.shape)}: this model makes {tuple(image_shape)}, so give images of "
                        f"(N, {', '.join(map(str, image_shape))})")  # fmt: skip
    if not images.is_floating_point() or not images.abs().max() <= 1:
        raise UserError("images hold values outside of [-1, 1]: scale them as x / 127.5 - 1")
    if tuple(image_shape[1:]) == (1, 1):
        raise UserError("this model makes points of the plane, not images: there is nothing to find or to complete")
