"""What every player promises."""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.errors import UserError
from gan_lightning.parts import Part

ImageShape = tuple[int, int, int]
"""Channels, height, width."""


class Generator(Part, nn.Module, ABC):
    """Makes images from latents.

    A subclass takes `image_shape`, which the command line links from the data, and sets the attributes; `classes` only
    if it looks at labels.
    """

    latent_dim: int
    image_shape: ImageShape
    classes: int = 0
    """How many labels it knows; 0 if it does not look at them."""

    @abstractmethod
    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images (N, *image_shape) in [-1, 1].

        Args:
            z: Latents (N, latent_dim), standard normal.
            y: Labels (N,) int64 from 0 to classes - 1, for networks that look at them.
        """


class Discriminator(Part, nn.Module, ABC):
    """Tells real images from generated ones.

    A subclass takes `image_shape`, which the command line links from the data, and sets the attributes; all but
    `image_shape` only if they differ from what they are here.
    """

    image_shape: ImageShape
    classes: int = 0
    """How many labels it knows; 0 if it does not look at them."""
    packing: int = 1
    """How many images it judges at once: Lin et al., "PacGAN: the power of two samples in generative adversarial
    networks", 2018, https://arxiv.org/abs/1712.04086. They come as the channels of one."""
    features_dim: int = 0
    """F, the length of `features`; 0 for a network that has none."""

    @abstractmethod
    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Logits (N,), high for real; or (N, 1 + classes), where scores of the classes follow each logit.

        Args:
            x: Images (N, *image_shape) in [-1, 1], or packs of them (N, packing * C, H, W).
            y: Labels (N,) int64 from 0 to classes - 1, for networks that look at them.
        """

    def features(self, x: Tensor) -> Tensor:
        """What is seen in images (N, packing * C, H, W) before it is judged: (N, F)."""
        raise NotImplementedError


def packed(x: Tensor, packing: int) -> Tensor:
    """Images (N, C, H, W) as packs (N / packing, packing * C, H, W) of neighbours."""
    if packing == 1:
        return x
    if len(x) % packing:
        raise UserError(
            f"{len(x)} images do not make packs of {packing}: set data.batch_size to a multiple of model.discriminator"
            ".packing times model.discriminator_steps (times the accumulation)"
        )
    return x.reshape(len(x) // packing, packing * x.shape[1], *x.shape[2:])


class Verdict(NamedTuple):
    """What D makes of images.

    Args:
        logits: (N,), high for real.
        scores: (N, classes), high for the class that it takes an image for; None from a D that does not say.
    """

    logits: Tensor
    scores: Tensor | None = None

    @classmethod
    def of(cls, out: Tensor) -> "Verdict":
        """What a discriminator gave: (N,), or (N, 1 + classes)."""
        return cls(out) if out.dim() == 1 else cls(out[:, 0], out[:, 1:])


def naming(y: Tensor, *verdicts: Verdict) -> dict[str, Tensor]:
    """The loss of an auxiliary classifier: the sum, over verdicts, of the cross-entropy of their scores with y (N,).

    Both players add it to their objective. It is absent if D does not name classes.

    Odena et al., "Conditional image synthesis with auxiliary classifier GANs", 2017, Equation 3.
    https://arxiv.org/abs/1610.09585
    """
    losses = [F.cross_entropy(verdict.scores, y) for verdict in verdicts if verdict.scores is not None]
    return {"classification": torch.stack(losses).sum()} if losses else {}


def check_images(x: Tensor, image_shape: ImageShape) -> None:
    """Refuses a batch that the networks would misread.

    Raises:
        UserError: It is not floating point, not of the networks' shape, or not in [-1, 1].
    """
    if not x.is_floating_point():
        raise UserError(f"images are {x.dtype}; the game takes floats in [-1, 1]: x.float() / 127.5 - 1 for bytes")
    if tuple(x.shape[1:]) != tuple(image_shape):
        raise UserError(
            f"a batch of images has shape {tuple(x.shape)}, the networks are made for (N, *{tuple(image_shape)}): "
            "give both the same image_shape"
        )
    check_finite(x)
    low, high = x.min().item(), x.max().item()
    if not -1.01 <= low <= high <= 1.01:
        raise UserError(f"images lie in [{low:.3g}, {high:.3g}]; the game takes [-1, 1]")
    if low >= 0 and low < high:
        raise UserError(
            f"images lie in [{low:.3g}, {high:.3g}], which looks like [0, 1]; the game takes [-1, 1]: x * 2 - 1"
        )


def check_finite(x: Tensor) -> None:
    """Refuses a batch with a pixel that is not a number or is infinite, and names the image.

    Raises:
        UserError: The first such image, by its place in the batch.
    """
    good = x.isfinite().flatten(1).all(1)
    if not good.all():
        raise UserError(
            f"image {int(good.int().argmin())} of the batch, counted from 0, has pixels that are not finite "
            f"({int((~good).sum())} of {len(x)} images have): repair it or take it out"
        )


def check_classes(known: int | None, classes: int, keys: str) -> None:
    """Refuses data with other classes than those that networks are made for.

    Args:
        known: How many the data says it has; None if it does not say.
        classes: How many the networks are made for.
        keys: What says so.

    Raises:
        UserError: The data has none, or others.
    """
    if known not in (None, classes):
        has = f"the data has {known}" if known else "the data has no labels"
        raise UserError(f"the networks are made for {classes} classes, but {has}: set {keys} to {known}")


def check_labels(batch: Any, classes: int, keys: str) -> None:
    """Refuses labels that networks made for this many classes would misread.

    Args:
        batch: (x, y), or something without labels.
        classes: How many the networks are made for.
        keys: What says so.

    Raises:
        UserError: There are no labels, or others.
    """
    _, *labels = batch if isinstance(batch, (tuple, list)) else (batch,)
    if not labels:
        check_classes(0, classes, keys)
    y = labels[0]
    if y.dtype != torch.int64 or y.dim() != 1:
        raise UserError(
            f"labels are {y.dtype} of shape {tuple(y.shape)}; the game takes whole numbers (N,), torch.int64"
        )
    low, high = y.min().item(), y.max().item()
    if not 0 <= low <= high < classes:
        raise UserError(
            f"labels go from {low} to {high}, the networks know the classes 0 to {classes - 1}: set {keys} to "
            f"{high + 1}"
        )
