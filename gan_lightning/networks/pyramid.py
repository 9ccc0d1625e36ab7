"""Networks for photographs on a CPU: convolutions at every size from about 4x4 up to patches of pixels.

A patch is one position with a channel for each of its pixels, as in Shi et al., "Real-time single image and video
super-resolution using an efficient sub-pixel convolutional neural network", 2016, Section 3.2, so that no convolution
works at full size. https://arxiv.org/abs/1609.05158
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import prod

from torch import Tensor, nn

from gan_lightning.core.errors import UserError
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
from gan_lightning.networks.subpixel import FromImage, JoinPatches, SplitPatches, ToImage


class PyramidGenerator(Generator):
    """A dense layer to a small image, doublings with a 3x3 convolution each, a patch from each position; tanh.

    Each layer but the last has LeakyReLU(0.2) and batch normalisation, with the settings of MLPGenerator. Height and
    width must be even. Images of 32x32 start from 4x4 and end in 16x16 patches of 2x2.

    Odena, Dumoulin and Olah, "Deconvolution and checkerboard artifacts", 2016 (doubling, then a convolution).
    https://distill.pub/2016/deconv-checkerboard. For the patches, see Shi et al., 2016.
    https://arxiv.org/abs/1609.05158

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        latent_dim: Length of a latent vector.
        width: Channels of the largest map; each halving doubles them.
        max_width: Maximum number of channels.
        patch: Side of a patch, a power of two.
        classes: Number of classes; a learned class embedding is appended to the latent. 0 for no labels.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int = 64,
        width: int = 32,
        max_width: int = 128,
        patch: int = 2,
        classes: int = 0,
    ) -> None:
        super().__init__()
        check_classes(classes)
        self.image_shape, self.latent_dim, self.classes = image_shape, latent_dim, classes
        sizes = Sizes(image_shape, patch, "PyramidGenerator")
        first, *others = sizes.widths(width, max_width)[::-1]
        self.latent = Latent(latent_dim, classes)
        self.layers = nn.Sequential(
            nn.Linear(self.latent.width, first * prod(sizes.smallest)),
            ToImage(*sizes.smallest),
            *activated(first),
            *(
                nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(i, o, 3, padding=1), *activated(o))
                for i, o in pairwise([first, *others])
            ),
            nn.Conv2d([first, *others][-1], image_shape[0] * sizes.patch**2, 3, padding=1),
            Squash(),
            JoinPatches(sizes.patch),
        )
        channels_last(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(self.latent(z, y))


class PyramidDiscriminator(Discriminator):
    """An image cut into patches, 3x3 convolutions that halve it until it is small, dense layers, one logit.

    LeakyReLU(0.2), and no normalisation, so that gradient penalties see each image by itself. It mirrors the generator.

    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
    network", 2016, Section 3.2. https://arxiv.org/abs/1609.05158

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        width: Channels of the largest map; each halving doubles them.
        max_width: Maximum number of channels.
        patch: Side of a patch, a power of two.
        hidden: Width of each hidden dense layer.
        spectral_norm: Divide each weight matrix by its largest singular value (Miyato et al., 2018).
        minibatch_stddev: Show the dense layers how much images differ, in groups of this size (Karras et al., 2018); 0
            to turn it off.
        packing: Number of images judged together (PacGAN; Lin et al., 2018).
        classes: Number of classes; the label is projected onto the last hidden layer. 0 for no labels.
        auxiliary_classifier: Predict the class beside the logit instead of projecting it (Odena et al., 2017).
    """

    def __init__(
        self,
        image_shape: ImageShape,
        width: int = 32,
        max_width: int = 128,
        patch: int = 2,
        hidden: Sequence[int] = (256,),
        spectral_norm: bool = False,
        minibatch_stddev: int = 0,
        packing: int = 1,
        classes: int = 0,
        auxiliary_classifier: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(packing=packing, **{f"hidden[{i}]": size for i, size in enumerate(hidden)})
        check_classes(classes, auxiliary_classifier, packing)
        self.image_shape, self.packing, self.classes = image_shape, packing, classes
        sizes = Sizes(image_shape, patch, "PyramidDiscriminator")
        widths = [packing * image_shape[0] * sizes.patch**2, *sizes.widths(width, max_width)]
        dense = [(widths[-1] + bool(minibatch_stddev)) * prod(sizes.smallest), *hidden]
        convolutions = (
            nn.Conv2d(i, o, 3, stride=2 if level else 1, padding=1) for level, (i, o) in enumerate(pairwise(widths))
        )
        self.layers = nn.Sequential(
            SplitPatches(sizes.patch),
            *judging(convolutions, spectral_norm),
            *([MinibatchStddev(minibatch_stddev)] if minibatch_stddev else []),
            FromImage(),
            *judging((nn.Linear(i, o) for i, o in pairwise(dense)), spectral_norm),
        )
        self.features_dim = dense[-1]
        self.head = Head(self.features_dim, classes, auxiliary_classifier, spectral_norm)
        channels_last(self)

    def features(self, x: Tensor) -> Tensor:
        return self.layers(x)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return self.head(self.features(x), y)


class Sizes:
    """The sizes of the maps: patches at first, then halved as often as the image allows.

    Args:
        image_shape: Channels, height, width.
        patch: Side of a patch; smaller in images that cannot be halved as often.
        network: The name of the network, for messages.

    Raises:
        UserError: The patch is not a power of two, or the image is of an odd size.
    """

    def __init__(self, image_shape: ImageShape, patch: int, network: str) -> None:
        if patch < 1 or patch & (patch - 1):
            raise UserError(f"patch of {network} is {patch}; it must be 1, 2, 4 or another power of two")
        count = halvings(image_shape, network)
        self.patch = min(patch, 2**count)
        self.smallest = smallest(image_shape, count)
        self.levels = count - self.patch.bit_length() + 2

    def widths(self, width: int, max_width: int) -> list[int]:
        """Returns the channels of each map, from the largest map to the smallest."""
        check_sizes(width=width, max_width=max_width)
        return [min(max_width, width * 2**level) for level in range(self.levels)]


def activated(width: int) -> tuple[nn.Module, nn.Module]:
    return nn.LeakyReLU(0.2), nn.BatchNorm2d(width, eps=1e-3, momentum=0.2)


def judging(layers: Iterable[nn.Module], spectral_norm: bool) -> list[nn.Module]:
    return [nn.Sequential(normalised(layer, spectral_norm), nn.LeakyReLU(0.2)) for layer in layers]
