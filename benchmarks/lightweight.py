"""lightweight-gan's networks, as a baseline: pip install lightweight-gan

https://github.com/lucidrains/lightweight-gan: its generator and discriminator, at their default widths. Its
loss by a decoder in the discriminator is left out; the logits of its two heads are opinions of one image.
"""

from typing import Any
from unittest import mock

import torch
from torch import Tensor

from gan_lightning.networks import Discriminator, DiscriminatorOutput, Generator, ImageShape


def theirs(name: str, size: int, **options: Any) -> torch.nn.Module:
    with mock.patch("torch.cuda.is_available", return_value=True):  # which the package asks for where it is imported
        import lightweight_gan.lightweight_gan as package  # pyright: ignore[reportMissingImports]
    return getattr(package, name)(image_size=size, **options)


class LightweightGenerator(Generator):
    """Theirs, for square images of a power of two."""

    classes = 0

    def __init__(self, image_shape: ImageShape, latent_dim: int = 256) -> None:
        super().__init__()
        self.image_shape, self.latent_dim = image_shape, latent_dim
        self.layers = theirs("Generator", image_shape[1], latent_dim=latent_dim)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(z).clamp(-1, 1)


class LightweightDiscriminator(Discriminator):
    """Theirs: logits of places of the image, and one of the image at 32x32."""

    def __init__(self, image_shape: ImageShape) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.layers = theirs("Discriminator", image_shape[1])

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        places, whole, _ = self.layers(x)
        return DiscriminatorOutput(torch.cat([places.flatten(1), whole.flatten(1)], 1))
