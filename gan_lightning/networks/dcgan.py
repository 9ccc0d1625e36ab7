"""The convolutional networks of DCGAN.

Radford, Metz and Chintala, "Unsupervised representation learning with deep convolutional generative adversarial
networks", 2016, Section 3 and Figure 1. https://arxiv.org/abs/1511.06434
"""

from itertools import pairwise

from torch import Tensor, nn

from gan_lightning.networks.contract import Discriminator, DiscriminatorOutput, Generator, ImageShape
from gan_lightning.networks.layers import (
    Head,
    Latent,
    MinibatchStddev,
    Squash,
    channels_last,
    check_classes,
    check_sizes,
    halvings,
    normalised,
    smallest,
)


class DCGANGenerator(Generator):
    """A dense layer, then transposed convolutions (4x4, stride 2) with batch normalisation that double the image; tanh.

    Height and width must be even. Images of 28x28 start from 7x7, images of 64x64 from 4x4.

    Radford et al., "Unsupervised representation learning with deep convolutional generative adversarial networks",
    2016. https://arxiv.org/abs/1511.06434

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        latent_dim: Length of a latent vector.
        width: Channels at half the full size; each further halving doubles them, up to 8 times.
        classes: Number of classes; a learned class embedding is appended to the latent. 0 for no labels.
    """

    def __init__(self, image_shape: ImageShape, latent_dim: int = 100, width: int = 64, classes: int = 0) -> None:
        super().__init__()
        check_sizes(width=width)
        check_classes(classes)
        self.image_shape, self.latent_dim, self.classes = image_shape, latent_dim, classes
        count = halvings(image_shape, "DCGANGenerator")
        widths = [width * min(8, 2**i) for i in reversed(range(count))]
        height, wide = smallest(image_shape, count)
        self.latent = Latent(latent_dim, classes)
        self.start = nn.Sequential(
            nn.Linear(self.latent.width, widths[0] * height * wide, bias=False),
            nn.Unflatten(1, (widths[0], height, wide)),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        self.layers = nn.Sequential(
            *(
                nn.Sequential(nn.ConvTranspose2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU())
                for i, o in pairwise(widths)
            ),
            nn.ConvTranspose2d(widths[-1], image_shape[0], 4, 2, 1),
            Squash(),
        )
        self.apply(begin)
        channels_last(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(self.start(self.latent(z, y)))


class DCGANDiscriminator(Discriminator):
    """Convolutions (4x4, stride 2) with LeakyReLU(0.2) that halve an image until it is small, then one logit.

    All but the first have batch normalisation, as in the paper. Each call has its own statistics, so real and generated
    images are normalised separately. Set `batch_norm: false` for gradient penalties: otherwise an image's logit depends
    on the other images.

    Radford et al., "Unsupervised representation learning with deep convolutional generative adversarial networks",
    2016. https://arxiv.org/abs/1511.06434

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        width: Channels of the first layer; each further layer doubles them, up to 8 times.
        batch_norm: Whether to use batch normalisation.
        spectral_norm: Divide each weight matrix by its largest singular value (Miyato et al., 2018).
        minibatch_stddev: Show the last layer how much images differ, in groups of this size (Karras et al., 2018); 0 to
            turn it off.
        packing: Number of images judged together (PacGAN; Lin et al., 2018).
        classes: Number of classes; the label is projected onto the features. 0 for no labels.
        auxiliary_classifier: Predict the class beside the logit instead of projecting it (Odena et al., 2017).
    """

    def __init__(
        self,
        image_shape: ImageShape,
        width: int = 64,
        batch_norm: bool = True,
        spectral_norm: bool = False,
        minibatch_stddev: int = 0,
        packing: int = 1,
        classes: int = 0,
        auxiliary_classifier: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(width=width, packing=packing)
        check_classes(classes, auxiliary_classifier, packing)
        self.image_shape, self.packing, self.classes = image_shape, packing, classes
        count = halvings(image_shape, "DCGANDiscriminator")
        widths = [packing * image_shape[0], *(width * min(8, 2**i) for i in range(count))]
        self.layers = nn.Sequential(
            *(
                nn.Sequential(
                    normalised(nn.Conv2d(i, o, 4, 2, 1, bias=not batch_norm or not level), spectral_norm),
                    *([nn.BatchNorm2d(o)] if batch_norm and level else []),
                    nn.LeakyReLU(0.2),
                )
                for level, (i, o) in enumerate(pairwise(widths))
            ),
            *([MinibatchStddev(minibatch_stddev)] if minibatch_stddev else []),
            nn.Flatten(),
        )
        height, wide = smallest(image_shape, count)
        self.features_dim = (widths[-1] + bool(minibatch_stddev)) * height * wide
        self.head = Head(self.features_dim, classes, auxiliary_classifier, spectral_norm)
        self.apply(begin)
        channels_last(self)

    def features(self, x: Tensor) -> Tensor:
        return self.layers(x)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return self.head(self.features(x), y)


def begin(layer: nn.Module) -> None:
    """Draws the paper's initial weights: normal, standard deviation 0.02."""
    if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, std=0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, mean=1.0, std=0.02)
