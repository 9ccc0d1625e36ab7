"""What generators, discriminators and feature networks owe: attributes, methods, and the sizes of images.

tests/networks/test_families.py asks every network for exactly this.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from math import factorial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape as ImageShape
from gan_lightning.core.precision import promoted
from gan_lightning.core.tiles import Reach as Reach


class Generator(Configurable, nn.Module, ABC):
    """Makes images from latents.

    A subclass takes `image_shape`, which the command line links from the data, and sets the attributes; `classes` only
    if it uses labels. It makes images of any number of channels and of every even height and width from 4 on. A size
    that it cannot make it refuses when it is built, with a `UserError` that names the class.
    """

    latent_dim: int
    image_shape: ImageShape
    classes: int = 0
    """Number of classes; 0 if it does not use labels."""

    @abstractmethod
    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Generates images (N, *image_shape) in [-1, 1].

        Args:
            z: Latents (N, latent_dim), standard normal.
            y: Labels (N,) int64 from 0 to classes - 1, for networks that use them.
        """


class DiscriminatorOutput(NamedTuple):
    """The discriminator's output for a batch of images.

    Args:
        logits: (N,), high for real images; or (N, L), for a discriminator that gives L opinions of each image.
        scores: (N, classes), high for the predicted class; None if D does not predict classes.
    """

    logits: Tensor
    scores: Tensor | None = None

    @property
    def image_logits(self) -> Tensor:
        """The mean logit (N,) of each image."""
        return self.logits if self.logits.dim() == 1 else self.logits.mean(1)


class Discriminator(Configurable, nn.Module, ABC):
    """Tells real images from generated ones.

    A subclass takes `image_shape`, which the command line links from the data, and sets the attributes; all but
    `image_shape` only where they differ from the defaults here. It judges images of the sizes that a generator makes,
    and refuses others in the same way. `features` may be left out: then no encoder and no VAE-GAN can be made of it.
    """

    image_shape: ImageShape
    classes: int = 0
    """Number of classes; 0 if it does not use labels."""
    packing: int = 1
    """Number of images judged together: Lin et al., "PacGAN: the power of two samples in generative adversarial
    networks", 2018, https://arxiv.org/abs/1712.04086. They come stacked as channels."""
    features_dim: int = 0
    """F, the length of `features`; 0 for a network that has none."""
    condition_channels: int = 0
    """Channels of the input that it sees in front of those of an image translated from it; 0 for images alone."""

    @abstractmethod
    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        """Judges images: one logit for each, or several, and class scores if it predicts classes.

        Args:
            x: Images (N, *image_shape) in [-1, 1], or packs of them (N, packing * C, H, W).
            y: Labels (N,) int64 from 0 to classes - 1, for networks that use them.
        """

    def features(self, x: Tensor) -> Tensor:
        """Features (N, F) of images (N, packing * C, H, W), on which the logits are based."""
        raise NotImplementedError

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        """Features of several layers, each (N, ...), by which two images can be compared; by default `features`."""
        return [self.features(x)]


class ImageToImage(Configurable, nn.Module, ABC):
    """Makes images from images.

    A subclass takes `image_shape`, which the command line links from the data, and sets the attributes; `factor` only
    if its images are larger than those it starts from. It takes every height and width.
    """

    image_shape: ImageShape
    """Of the images that it makes in training."""
    input_channels: int
    factor: int = 1
    """Height and width of an image over those of its input."""
    reach: Reach
    """What is around a place that decides what is made there, or nearly so, when a large image is made in tiles."""
    map_channels: Sequence[int] = ()
    """Channels of each of `feature_maps`; empty for a network that has none."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Makes images (N, C, factor * h, factor * w), in [-1, 1] or near it, from inputs (N, input_channels, h, w)."""

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        """Features of inputs in several layers, from fine to coarse, each (N, map_channels[i], ...), place by place."""
        raise NotImplementedError


def padded_to_multiple(x: Tensor, multiple: int, least: int = 1) -> Tensor:
    """Repeats the last row and column of images until height and width are multiples of a number, and not too small."""
    height, width = (max(least, -(-side // multiple) * multiple) for side in x.shape[2:])
    return F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]), mode="replicate")


def at_least(x: Tensor, side: int) -> Tensor:
    """Repeats the edges of images that are lower or narrower than this, on both sides."""
    down, right = (max(0, side - now) for now in x.shape[2:])
    if not down and not right:
        return x
    return F.pad(x, (right // 2, right - right // 2, down // 2, down - down // 2), mode="replicate")


QUARTERS = 4
"""Parts of an image that are shuffled to learn from; they have 4! = 24 orders."""


class ImageFeatures(Configurable, nn.Module, ABC):
    """Maps an image to a feature vector; similar images have similar features.

    A subclass takes `image_shape`, which the command line links from the data, `classes` and `features`, and sets all
    three, and `head` by `logits_of_questions`. It takes images of any number of channels and at least 4x4 pixels, and
    each image is seen by itself.
    """

    image_shape: ImageShape
    classes: int
    """Number of classes to learn from; 0 to learn without labels."""
    features: int
    """Length of a feature vector."""
    head: nn.Linear

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Features (N, features) of images (N, C, H, W) in [-1, 1]."""

    def scores(self, features: Tensor) -> Tensor:
        """Class logits (N, classes)."""
        return self.head(features)[:, : self.classes]

    def order_scores(self, features: Tensor) -> Tensor:
        """Logits (N, 24) of the order of the image's quarters."""
        return self.head(features)[:, self.classes :]


def logits_of_questions(features: int, classes: int) -> nn.Linear:
    """Returns the layer from features to logits: of the classes, then of the orders of quarters."""
    return nn.Linear(features, classes + factorial(QUARTERS))


def packed(x: Tensor, packing: int) -> Tensor:
    """Stacks neighbouring images (N, C, H, W) into packs (N / packing, packing * C, H, W)."""
    if packing == 1:
        return x
    if len(x) % packing:
        raise UserError(
            f"{len(x)} images do not make packs of {packing}: set data.batch_size to a multiple of model.discriminator"
            ".packing times model.discriminator_steps (times the accumulation)"
        )
    return x.reshape(len(x) // packing, packing * x.shape[1], *x.shape[2:])


def judged(discriminator: Discriminator, x: Tensor, y: Tensor) -> DiscriminatorOutput:
    """Returns a discriminator's output for images and labels, in 32 bits at least, whatever its precision.

    Raises:
        UserError: A network of the user's returns something else.
    """
    output = discriminator(x, y)
    if not isinstance(output, DiscriminatorOutput) or output.logits.dim() not in (1, 2):
        raise UserError(
            f"{type(discriminator).__name__} returns {said(output)} for {len(x)} images: its forward must return "
            "DiscriminatorOutput(logits) with logits (N,) or (N, L)"
        )
    logits, scores = output
    return DiscriminatorOutput(promoted(logits), None if scores is None else promoted(scores))


def said(output: object) -> str:
    """What a discriminator has returned, for a message."""
    shaped = output.logits if isinstance(output, DiscriminatorOutput) else output
    kind = "logits" if isinstance(output, DiscriminatorOutput) else f"a {type(output).__name__}"
    return f"{kind} {tuple(shaped.shape)}" if isinstance(shaped, Tensor) else kind


def class_loss(y: Tensor, *outputs: DiscriminatorOutput) -> dict[str, Tensor]:
    """The loss of an auxiliary classifier: the cross-entropy of the scores with y (N,), summed over outputs.

    Both players add it to their objective. It is absent if D does not predict classes.

    Odena et al., "Conditional image synthesis with auxiliary classifier GANs", 2017, Equation 3.
    https://arxiv.org/abs/1610.09585
    """
    losses = [F.cross_entropy(output.scores, y) for output in outputs if output.scores is not None]
    return {"classification": torch.stack(losses).sum()} if losses else {}
