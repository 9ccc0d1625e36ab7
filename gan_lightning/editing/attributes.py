"""Directions of an attribute: what separates the latents whose images have more of it from those with less."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.editing.directions import Directions
from gan_lightning.editing.walk import Model, images_from, in_batches

EXTREMES = 0.02
"""The share of the samples, at either end of an attribute, that the boundary is fitted to: Shen et al., Section 4.1."""

LEAST_SCORED = 20
"""Latents at either end, at least."""


class Attribute(NamedTuple):
    """Something that can be read from images.

    Args:
        name: What it is called.
        score: Maps images (N, C, H, W) in [-1, 1] to numbers (N,), high where there is much of it.
    """

    name: str
    score: Callable[[Tensor], Tensor]


def boundary(more: Tensor, less: Tensor) -> Tensor:
    """Returns the unit normal (D,) of the plane between two sets of latents, that of a linear SVM; it points to more.

    Shen, Gu, Tang and Zhou, "Interpreting the latent space of GANs for semantic face editing", 2020, Section 3.1.
    https://arxiv.org/abs/1907.10786

    Args:
        more: Latents (N, D) with the attribute.
        less: Latents (M, D) without it.

    Raises:
        UserError: One of them is empty, or a latent is in both.
    """
    from sklearn.svm import LinearSVC

    if not len(more) or not len(less):
        raise UserError("a direction needs latents on both sides: give seeds with and seeds without the attribute")
    if (more[:, None] == less).all(2).any():
        raise UserError("some seeds are on both sides: give other ones with than without the attribute")
    z = torch.cat([more, less]).double().cpu().numpy()
    has = [1] * len(more) + [0] * len(less)
    options: dict[str, Any] = {
        "C": 0.01,
        "dual": True,
        "class_weight": "balanced",
        "max_iter": 100_000,
        "random_state": 0,
    }
    fitted = LinearSVC(**options).fit(z, has)
    return F.normalize(torch.from_numpy(fitted.coef_[0]), dim=0)


@torch.no_grad()
def scored(model: Model, z: Tensor, y: Tensor | None, attributes: Sequence[Attribute], batch: int = 500) -> Tensor:
    """Returns the scores (A, N) of the images of latents (N, D)."""
    blocks = []
    for some, labels in in_batches(z, y, batch):
        images = images_from(model, some, labels).float().cpu()
        blocks.append(torch.stack([attribute.score(images) for attribute in attributes]))
    return torch.cat(blocks, 1)


def attribute_directions(
    model: Model,
    attributes: Sequence[Attribute],
    z: Tensor,
    y: Tensor | None = None,
    unchanged: Sequence[Attribute] = (),
) -> Directions:
    """Finds a direction for each attribute, by what its scores of images say.

    Args:
        model: Called as model(z, y); returns images.
        attributes: What the directions are to change.
        z: Latents to look at, (N, D); some thousands.
        y: Their labels (N,).
        unchanged: What they are not to change: they are made perpendicular to the directions of these.

    Raises:
        UserError: An attribute is the same in all images.
    """
    scores = scored(model, z, y, [*attributes, *unchanged]).double()
    count = max(LEAST_SCORED, round(EXTREMES * len(z)))
    normals = []
    for attribute, values in zip([*attributes, *unchanged], scores, strict=True):
        order = values.argsort(stable=True)
        if not values[order[-count]] > values[order[count - 1]]:
            raise UserError(f"{attribute.name} is the same in almost all images: there is no direction of it")
        normals.append(boundary(z[order[-count:]], z[order[:count]]))
    vectors = torch.stack(normals)
    n = len(attributes)
    vectors = without(vectors[:n], vectors[n:])
    along = torch.stack([torch.corrcoef(torch.stack([v, z.double() @ d]))[0, 1] for v, d in zip(scores, vectors)])  # noqa: B905
    return Directions(vectors, along, [attribute.name for attribute in attributes])


def without(vectors: Tensor, others: Tensor) -> Tensor:
    """Returns unit vectors (K, D) that are perpendicular to others (M, D), as near to the given ones as that allows.

    Shen et al. (2020), Section 3.2 (conditional manipulation).

    Raises:
        UserError: Nothing is left of a vector.
    """
    if not len(others):
        return vectors
    basis = torch.linalg.qr(others.T)[0]
    left = vectors - vectors @ basis @ basis.T
    if (left.norm(dim=1) < 1e-6).any():
        raise UserError("what is to change and what is not are the same: leave one of them out")
    return F.normalize(left, dim=1)
