"""What every player promises."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from gan_lightning.errors import UserError
from gan_lightning.parts import Part

ImageShape = tuple[int, int, int]
"""Channels, height, width."""


class Generator(Part, nn.Module, ABC):
    """Makes images from latents.

    A subclass takes `image_shape`, which the command line links from the data, and sets both attributes.
    """

    latent_dim: int
    image_shape: ImageShape

    @abstractmethod
    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Images (N, *image_shape) in [-1, 1].

        Args:
            z: Latents (N, latent_dim), standard normal.
            y: Labels (N,) int64, for networks that look at them.
        """


class Discriminator(Part, nn.Module, ABC):
    """Tells real images from generated ones.

    A subclass takes `image_shape`, which the command line links from the data, and sets the attribute.
    """

    image_shape: ImageShape

    @abstractmethod
    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Logits (N,), high for real.

        Args:
            x: Images (N, *image_shape) in [-1, 1].
            y: Labels (N,) int64, for networks that look at them.
        """


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
