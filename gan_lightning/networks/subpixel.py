"""Networks that are fast on a CPU: convolutions over patches instead of pixels, and dense layers over the whole image.

A patch is one position with a channel for each of its pixels, as in Shi et al., "Real-time single image and video
super-resolution using an efficient sub-pixel convolutional neural network", 2016, Section 3.2.
https://arxiv.org/abs/1609.05158
"""

from collections.abc import Sequence
from itertools import pairwise
from math import ceil

from torch import Tensor, nn

from gan_lightning.networks.contract import Discriminator, DiscriminatorOutput, Generator, ImageShape
from gan_lightning.networks.layers import (
    Head,
    Latent,
    Squash,
    channels_last,
    check_classes,
    check_sizes,
    halvings,
    normalised,
    smallest,
)


class SubPixelGenerator(Generator):
    """Dense layers from a latent to a small image, 3x3 convolutions, a patch of pixels from each position; tanh.

    Patches are 4x4, or 2x2 in images below 16x16. Each hidden layer has LeakyReLU(0.2) and batch normalisation, with
    the settings of MLPGenerator. Height and width must be even.

    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
    network", 2016, Section 3.2. https://arxiv.org/abs/1609.05158

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        latent_dim: Length of a latent vector.
        hidden: Width of each hidden dense layer.
        width: Channels of the small image.
        convolutions: Number of convolutions; the last one makes the patches.
        batch_norm: Whether to use batch normalisation.
        classes: Number of classes; a learned class embedding is appended to the latent. 0 for no labels.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int = 64,
        hidden: Sequence[int] = (128,),
        width: int = 32,
        convolutions: int = 2,
        batch_norm: bool = True,
        classes: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(width=width, convolutions=convolutions, **{f"hidden[{i}]": size for i, size in enumerate(hidden)})
        check_classes(classes)
        self.image_shape, self.latent_dim, self.classes = image_shape, latent_dim, classes
        patch, height, wide = places(image_shape, "SubPixelGenerator")
        self.latent = Latent(latent_dim, classes)
        *sizes, last = [self.latent.width, *hidden, width * height * wide]
        self.dense = nn.Sequential(
            *(
                nn.Sequential(nn.Linear(i, o), nn.LeakyReLU(0.2), *normed(nn.BatchNorm1d, o, batch_norm))
                for i, o in pairwise(sizes)
            ),
            nn.Linear(sizes[-1], last),
            ToImage(height, wide),
            nn.LeakyReLU(0.2),
            *normed(nn.BatchNorm2d, width, batch_norm),
        )
        self.layers = nn.Sequential(
            *(
                nn.Sequential(
                    nn.Conv2d(width, width, 3, padding=1),
                    nn.LeakyReLU(0.2),
                    *normed(nn.BatchNorm2d, width, batch_norm),
                )
                for _ in range(convolutions - 1)
            ),
            nn.Conv2d(width, image_shape[0] * patch**2, 3, padding=1),
            Squash(),
            JoinPatches(patch),
        )
        channels_last(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(self.dense(self.latent(z, y)))


class SubPixelDiscriminator(Discriminator):
    """An image cut into patches, 3x3 convolutions over them, dense layers, one logit; LeakyReLU(0.2).

    Patches are 4x4, or 2x2 in images below 16x16. The last convolution halves the map of patches; the dense layers
    see all of it.

    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel convolutional neural
    network", 2016, Section 3.2. https://arxiv.org/abs/1609.05158

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        width: Channels of each convolution.
        convolutions: Number of convolutions.
        hidden: Width of each hidden dense layer.
        spectral_norm: Divide each weight matrix by its largest singular value (Miyato et al., 2018).
        packing: Number of images judged together (PacGAN; Lin et al., 2018).
        classes: Number of classes; the label is projected onto the last hidden layer. 0 for no labels.
        auxiliary_classifier: Predict the class beside the logit instead of projecting it (Odena et al., 2017).
    """

    def __init__(
        self,
        image_shape: ImageShape,
        width: int = 32,
        convolutions: int = 2,
        hidden: Sequence[int] = (256,),
        spectral_norm: bool = False,
        packing: int = 1,
        classes: int = 0,
        auxiliary_classifier: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(width=width, convolutions=convolutions, packing=packing)
        check_sizes(**{f"hidden[{i}]": size for i, size in enumerate(hidden)})
        check_classes(classes, auxiliary_classifier, packing)
        self.image_shape, self.packing, self.classes = image_shape, packing, classes
        patch, height, wide = places(image_shape, "SubPixelDiscriminator")
        channels = [packing * image_shape[0] * patch**2, *[width] * convolutions]
        strides = [1] * (convolutions - 1) + [2]
        sizes = [width * ceil(height / 2) * ceil(wide / 2), *hidden]
        self.layers = nn.Sequential(
            SplitPatches(patch),
            *(
                nn.Sequential(normalised(nn.Conv2d(i, o, 3, stride, 1), spectral_norm), nn.LeakyReLU(0.2))
                for (i, o), stride in zip(pairwise(channels), strides, strict=True)
            ),
            FromImage(),
            *(nn.Sequential(normalised(nn.Linear(i, o), spectral_norm), nn.LeakyReLU(0.2)) for i, o in pairwise(sizes)),
        )
        self.features_dim = sizes[-1]
        self.head = Head(self.features_dim, classes, auxiliary_classifier, spectral_norm)
        channels_last(self)

    def features(self, x: Tensor) -> Tensor:
        return self.layers(x)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return self.head(self.features(x), y)


class SplitPatches(nn.Module):
    """Images (N, C, H, W) to patches (N, C * p * p, H / p, W / p), a channel for each pixel of a p x p patch.

    Like torch's `PixelUnshuffle`, but the channels of a position are contiguous in memory.
    """

    def __init__(self, patch: int) -> None:
        super().__init__()
        self.patch = patch

    def forward(self, x: Tensor) -> Tensor:
        p, (n, c, h, w) = self.patch, x.shape
        pixels = x.reshape(n, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5)
        return pixels.reshape(n, h // p, w // p, c * p * p).permute(0, 3, 1, 2)


class JoinPatches(nn.Module):
    """The inverse of SplitPatches."""

    def __init__(self, patch: int) -> None:
        super().__init__()
        self.patch = patch

    def forward(self, x: Tensor) -> Tensor:
        p, (n, c, h, w) = self.patch, x.shape
        pixels = x.permute(0, 2, 3, 1).reshape(n, h, w, c // p**2, p, p).permute(0, 3, 1, 4, 2, 5)
        return pixels.reshape(n, c // p**2, h * p, w * p)


class ToImage(nn.Module):
    """Numbers (N, H * W * C) to a small image (N, C, H, W) with contiguous channels; nothing is copied."""

    def __init__(self, height: int, width: int) -> None:
        super().__init__()
        self.size = height, width

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (*self.size, -1)).permute(0, 3, 1, 2)


class FromImage(nn.Module):
    """The inverse of ToImage."""

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).flatten(1)


def normed(kind: type[nn.Module], width: int, wanted: bool) -> list[nn.Module]:
    return [kind(width, eps=1e-3, momentum=0.2)] if wanted else []


def places(image_shape: ImageShape, network: str) -> tuple[int, int, int]:
    """The side of a patch, and the number of patches from top to bottom and from left to right."""
    count = min(2, halvings(image_shape, network))
    return 2**count, *smallest(image_shape, count)
