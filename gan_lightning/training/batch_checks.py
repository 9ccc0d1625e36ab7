"""Checks that refuse batches which the networks would misread, before training on them."""

from typing import Any

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.networks import ImageShape


def images_of(batch: Any) -> Tensor:
    """The images of a batch: (x, y), (x,) or x."""
    return batch[0] if isinstance(batch, (tuple, list)) else batch


def images_and_labels(batch: Any) -> tuple[Tensor, Tensor]:
    """The images and labels of a batch; zeros if it has no labels."""
    x, *labels = batch if isinstance(batch, (tuple, list)) else (batch,)
    return x, labels[0] if labels else torch.zeros(len(x), dtype=torch.int64, device=x.device)


def check_images(x: Tensor, image_shape: ImageShape) -> None:
    """Refuses images that are not floats of the networks' shape in [-1, 1].

    Raises:
        UserError: Says what the images are and what they must be.
    """
    if not x.is_floating_point():
        raise UserError(f"images are {x.dtype}; they must be floats in [-1, 1]: x.float() / 127.5 - 1 for bytes")
    if tuple(x.shape[1:]) != tuple(image_shape):
        raise UserError(
            f"a batch of images has shape {tuple(x.shape)}, but the networks take (N, *{tuple(image_shape)}): "
            "give both the same image_shape"
        )
    check_finite(x)
    low, high = x.min().item(), x.max().item()
    if not -1.01 <= low <= high <= 1.01:
        raise UserError(f"images lie in [{low:.3g}, {high:.3g}]; they must lie in [-1, 1]")
    if low >= 0 and low < high:
        raise UserError(
            f"images lie in [{low:.3g}, {high:.3g}], which looks like [0, 1]; they must lie in [-1, 1]: x * 2 - 1"
        )


def check_finite(x: Tensor) -> None:
    """Refuses pixels that are infinite or NaN.

    Raises:
        UserError: Names the first such image by its position in the batch.
    """
    good = x.isfinite().flatten(1).all(1)
    if not good.all():
        raise UserError(
            f"image {int(good.int().argmin())} of the batch, counted from 0, has pixels that are not finite "
            f"({int((~good).sum())} of {len(x)} images do): repair or remove it"
        )


def check_class_count(known: int | None, classes: int, keys: str) -> None:
    """Refuses data with another number of classes than the networks are made for.

    Args:
        known: Number of classes in the data; None if unknown.
        classes: Number of classes that the networks are made for.
        keys: The options that set it.

    Raises:
        UserError: Names both numbers and the options.
    """
    if known not in (None, classes):
        has = f"the data has {known}" if known else "the data has no labels"
        raise UserError(f"the networks are made for {classes} classes, but {has}: set {keys} to {known}")


def check_labels(batch: Any, classes: int, keys: str) -> None:
    """Refuses labels that are missing, not whole numbers, or out of range.

    Args:
        batch: (x, y), or images alone.
        classes: Number of classes that the networks are made for.
        keys: The options that set it.

    Raises:
        UserError: Says what is wrong with the labels.
    """
    _, *labels = batch if isinstance(batch, (tuple, list)) else (batch,)
    if not labels:
        check_class_count(0, classes, keys)
    y = labels[0]
    if y.dtype != torch.int64 or y.dim() != 1:
        raise UserError(f"labels are {y.dtype} of shape {tuple(y.shape)}; they must be whole numbers (N,), torch.int64")
    low, high = y.min().item(), y.max().item()
    if not 0 <= low <= high < classes:
        raise UserError(
            f"labels range from {low} to {high}, but the networks know classes 0 to {classes - 1}: set {keys} to "
            f"{high + 1}"
        )
