"""The DCGAN that is copied most, as a baseline: the networks of eriklindernoren's PyTorch-GAN, written anew.

https://github.com/eriklindernoren/PyTorch-GAN. Batch normalisation there has eps 0.8, which was meant as a momentum.
"""

from torch import Tensor, nn

from gan_lightning.networks import Discriminator, DiscriminatorOutput, Generator, ImageShape
from gan_lightning.networks.dcgan import begin
from gan_lightning.networks.layers import Head, Latent, smallest


class PopularGenerator(Generator):
    """A dense layer to a quarter of the size, doublings with a 3x3 convolution each, one at full size; tanh."""

    def __init__(self, image_shape: ImageShape, latent_dim: int = 100, classes: int = 0) -> None:
        super().__init__()
        self.image_shape, self.latent_dim, self.classes = image_shape, latent_dim, classes
        height, width = smallest(image_shape, 2)
        self.latent = Latent(latent_dim, classes)
        self.layers = nn.Sequential(
            nn.Linear(self.latent.width, 128 * height * width),
            nn.Unflatten(1, (128, height, width)),
            nn.BatchNorm2d(128),
            *doubled(128, 128),
            *doubled(128, 64),
            nn.Conv2d(64, image_shape[0], 3, padding=1),
            nn.Tanh(),
        )
        self.apply(begin)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(self.latent(z, y))


def doubled(into: int, out: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(into, out, 3, padding=1)
    return nn.Upsample(scale_factor=2), convolution, nn.BatchNorm2d(out, eps=0.8), nn.LeakyReLU(0.2)


class PopularDiscriminator(Discriminator):
    """Four 3x3 convolutions of stride 2, each with LeakyReLU, dropout and (but for the first) batch normalisation."""

    def __init__(self, image_shape: ImageShape, classes: int = 0) -> None:
        super().__init__()
        self.image_shape, self.classes = image_shape, classes
        layers: list[nn.Module] = []
        for into, out in ((image_shape[0], 16), (16, 32), (32, 64), (64, 128)):
            layers += [nn.Conv2d(into, out, 3, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Dropout2d(0.25)]
            layers += [nn.BatchNorm2d(out, eps=0.8)] if out > 16 else []
        height, width = smallest(image_shape, 4)
        self.layers = nn.Sequential(*layers, nn.Flatten())
        self.head = Head(128 * height * width, classes)
        self.apply(begin)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return self.head(self.layers(x), y)
