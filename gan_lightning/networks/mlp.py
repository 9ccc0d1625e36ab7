"""The dense networks that introductions to GANs use."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from gan_lightning.networks.contract import Discriminator, DiscriminatorOutput, Generator, ImageShape
from gan_lightning.networks.layers import Head, Latent, Squash, check_classes, check_sizes, normalised


class MLPGenerator(Generator):
    """Dense layers from a latent to an image, with LeakyReLU(0.2) and batch normalisation in hidden layers; tanh.

    Batch normalisation has the settings of the Keras networks that GANs are usually taught with: Keras momentum 0.8 is
    torch's 0.2, and eps is 1e-3.

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        latent_dim: Length of a latent vector.
        hidden: Width of each hidden layer.
        batch_norm: Whether to use batch normalisation.
        classes: Number of classes; a learned class embedding is appended to the latent. 0 for no labels.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int = 100,
        hidden: Sequence[int] = (256, 512, 1024),
        batch_norm: bool = True,
        classes: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(**{f"hidden[{i}]": width for i, width in enumerate(hidden)})
        check_classes(classes)
        self.image_shape, self.latent_dim, self.classes = image_shape, latent_dim, classes
        self.latent = Latent(latent_dim, classes)
        widths = [self.latent.width, *hidden]
        self.layers = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Linear(i, o),
                    nn.LeakyReLU(0.2),
                    *([nn.BatchNorm1d(o, eps=1e-3, momentum=0.2)] if batch_norm else []),
                )
                for i, o in pairwise(widths)
            ),
            nn.Linear(widths[-1], prod(image_shape)),
            Squash(),
        )

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(self.latent(z, y)).unflatten(1, self.image_shape)


class MLPDiscriminator(Discriminator):
    """Dense layers from an image to one logit, with LeakyReLU(0.2) in hidden layers.

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        hidden: Width of each hidden layer.
        spectral_norm: Divide each weight matrix by its largest singular value (Miyato et al., 2018).
        packing: Number of images judged together (PacGAN; Lin et al., 2018).
        classes: Number of classes; the label is projected onto the last hidden layer. 0 for no labels.
        auxiliary_classifier: Predict the class beside the logit instead of projecting it (Odena et al., 2017).
    """

    def __init__(
        self,
        image_shape: ImageShape,
        hidden: Sequence[int] = (512, 256),
        spectral_norm: bool = False,
        packing: int = 1,
        classes: int = 0,
        auxiliary_classifier: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(packing=packing, **{f"hidden[{i}]": width for i, width in enumerate(hidden)})
        check_classes(classes, auxiliary_classifier, packing)
        self.image_shape, self.packing, self.classes = image_shape, packing, classes
        widths = [packing * prod(image_shape), *hidden]
        self.layers = nn.Sequential(
            *(nn.Sequential(normalised(nn.Linear(i, o), spectral_norm), nn.LeakyReLU(0.2)) for i, o in pairwise(widths))
        )
        self.features_dim = widths[-1]
        self.head = Head(widths[-1], classes, auxiliary_classifier, spectral_norm)

    def features(self, x: Tensor) -> Tensor:
        return self.layers(x.flatten(1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return self.head(self.features(x), y)
