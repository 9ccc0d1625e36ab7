"""A discriminator that judges every patch of an image by itself."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.networks.contract import Discriminator, DiscriminatorOutput, ImageShape, at_least
from gan_lightning.networks.layers import check_sizes, normalised
from gan_lightning.networks.unet import instance_norm


class PatchDiscriminator(Discriminator):
    """A map of logits, each of which sees a patch of the image, or of the image and its condition; LeakyReLU(0.2).

    4x4 convolutions, of which `halvings` are strided, then two that are not. With three halvings a patch has 70x70
    pixels, with two 34x34, with one 16x16. At each further scale the image is halved first, so its patches cover twice
    as much. Without spectral normalisation there is instance normalisation, whose means come from the whole image.

    Isola et al., "Image-to-image translation with conditional adversarial networks", 2017, Section 6.1.
    https://arxiv.org/abs/1611.07004; scales: Wang et al., "High-resolution image synthesis and semantic manipulation
    with conditional GANs", 2018, Section 3.2. https://arxiv.org/abs/1711.11585

    Args:
        image_shape: Channels, height, width. The command line takes them from the data. Images smaller than 3 times
            2^halvings are padded by their edges.
        width: Channels after the first convolution; each further one doubles them. 64 in the paper.
        max_width: Maximum number of channels.
        halvings: Number of strided convolutions.
        scales: Number of scales.
        condition_channels: Channels of the input image that it sees beside each image; 0 to judge images alone.
        spectral_norm: Divide each weight matrix by its spectral norm (Miyato et al., 2018).
    """

    def __init__(
        self,
        image_shape: ImageShape,
        width: int = 32,
        max_width: int = 256,
        halvings: int = 3,
        scales: int = 1,
        condition_channels: int = 0,
        spectral_norm: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(width=width, max_width=max_width, halvings=halvings, scales=scales)
        self.image_shape, self.condition_channels = image_shape, condition_channels
        self.smallest = 3 * 2**halvings
        channels = image_shape[0] + condition_channels
        widths = [channels, *(min(max_width, width * 2**i) for i in range(halvings + 1))]
        self.layers = nn.ModuleList(patch_layers(widths, spectral_norm) for _ in range(scales))
        self.head = nn.ModuleList(normalised(nn.Conv2d(widths[-1], 1, 4, 1, 1), spectral_norm) for _ in range(scales))
        self.features_dim = scales * widths[-1]

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        maps = [head(layers(x)) for head, layers, x in zip(self.head, self.layers, self.looks(x), strict=True)]
        return DiscriminatorOutput(torch.cat([logits.flatten(1) for logits in maps], 1))

    def features(self, x: Tensor) -> Tensor:
        """Means (N, F) over all places of what the last convolution of each scale sees."""
        looks = zip(self.layers, self.looks(x), strict=True)
        return torch.cat([layers(x).mean((2, 3)) for layers, x in looks], 1)

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        maps = []
        for layers, seen in zip(self.layers, self.looks(x), strict=True):
            for layer in layers:  # type: ignore[union-attr]
                seen = layer(seen)
                maps.append(seen)
        return maps

    def looks(self, x: Tensor) -> list[Tensor]:
        """Returns the images at each scale."""
        found = [x]
        for _ in self.layers[1:]:
            found.append(F.avg_pool2d(at_least(found[-1], 2), 3, 2, 1, count_include_pad=False))
        return [at_least(seen, self.smallest) for seen in found]


def patch_layers(widths: list[int], spectral: bool) -> nn.Sequential:
    """Returns the layers of one scale: strided convolutions, then one that is not."""
    strides = [2] * (len(widths) - 2) + [1]
    return nn.Sequential(
        *(
            nn.Sequential(
                normalised(nn.Conv2d(i, o, 4, stride, 1), spectral),
                *instance_norm(o, level > 0 and not spectral),
                nn.LeakyReLU(0.2),
            )
            for level, ((i, o), stride) in enumerate(zip(pairwise(widths), strides, strict=True))
        )
    )
