"""The dense networks with which GANs are usually taught."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from gan_lightning.networks.contract import Discriminator, Generator, ImageShape


class MLPGenerator(Generator):
    """Dense layers from a latent to an image: each hidden one LeakyReLU(0.2) and batch normalisation; tanh at the end.

    Batch normalisation has the settings of the Keras networks that it is usually taught with: Keras momentum 0.8 is
    torch's 0.2, and eps is 1e-3.

    Args:
        image_shape: Channels, height, width. The command line takes it from the data.
        latent_dim: Numbers in a latent.
        hidden: Width of each hidden layer.
    """

    def __init__(
        self, image_shape: ImageShape, latent_dim: int = 100, hidden: Sequence[int] = (256, 512, 1024)
    ) -> None:
        super().__init__()
        self.image_shape, self.latent_dim = image_shape, latent_dim
        widths = [latent_dim, *hidden]
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(i, o), nn.LeakyReLU(0.2), nn.BatchNorm1d(o, eps=1e-3, momentum=0.2))
                for i, o in pairwise(widths)
            ),
            nn.Linear(widths[-1], prod(image_shape)),
            nn.Tanh(),
        )

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(z).unflatten(1, self.image_shape)


class MLPDiscriminator(Discriminator):
    """Dense layers from an image to one logit: each hidden one LeakyReLU(0.2).

    Args:
        image_shape: Channels, height, width. The command line takes it from the data.
        hidden: Width of each hidden layer.
    """

    def __init__(self, image_shape: ImageShape, hidden: Sequence[int] = (512, 256)) -> None:
        super().__init__()
        self.image_shape = image_shape
        widths = [prod(image_shape), *hidden]
        self.layers = nn.Sequential(
            *(nn.Sequential(nn.Linear(i, o), nn.LeakyReLU(0.2)) for i, o in pairwise(widths)),
            nn.Linear(widths[-1], 1),
        )

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(x.flatten(1)).squeeze(1)
