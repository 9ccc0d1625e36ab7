"""A discriminator that looks at images through a pretrained network."""

from itertools import pairwise
from math import ceil

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.core.precision import promoted
from gan_lightning.networks.backbones import Backbone, ColourBackbone
from gan_lightning.networks.contract import Discriminator, DiscriminatorOutput, ImageShape
from gan_lightning.networks.layers import Head, check_classes, check_sizes, normalised

SMALLEST_LOOK = 64
"""Backbones see little in smaller images."""
LAST_SIDE = 4
"""A head halves its map until it is at most this high or wide."""


class ProjectedDiscriminator(Discriminator):
    """Small heads that look at images through a frozen, pretrained backbone, each at another scale.

    Images are enlarged, or reduced, to the backbone's size. Its maps are mixed at random across channels, then from
    coarse to fine across scales, so that no head can look at a few of its features alone; neither mixing is trained.
    Each head is a few spectrally normalised convolutions down to a map of logits.

    It learns much faster than a discriminator that starts from nothing, above all from few images. Give it the
    objective Hinge, DiffAugment, and no penalties. Judge the samples by an extractor that is not its backbone.

    Sauer et al., "Projected GANs converge faster", 2021, Section 3. https://arxiv.org/abs/2111.01007. Here the heads
    have no batch normalisation.

    Args:
        image_shape: Channels, height, width. The command line takes them from the data. The backbone sees three
            channels at a time.
        backbone: The pretrained network.
        resolution: Height or width, the smaller one, at which the backbone sees images, in pixels. If null, that of the
            images, but at least 64.
        width: Channels of the finest map after mixing; each coarser one has twice as many.
        classes: Number of classes; the label is projected onto the last map of each head. 0 for no labels.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        backbone: Backbone = ColourBackbone(),
        resolution: int | None = None,
        width: int = 64,
        classes: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(width=width)
        check_classes(classes)
        self.image_shape, self.classes, self.backbone = image_shape, classes, backbone
        self.triples = [i % image_shape[0] for i in range(3 * ceil(image_shape[0] / 3))]
        self.size = size_shown(image_shape, backbone, resolution)
        widths = [width * 2**i for i in range(len(backbone.channels))]
        seen = [c * len(self.triples) // 3 for c in backbone.channels]
        self.across_channels = nn.ModuleList(RandomMixing(i, o, 1) for i, o in zip(seen, widths, strict=True))
        self.across_scales = nn.ModuleList(RandomMixing(o, i, 3) for i, o in pairwise(widths))
        self.features_dim = sum(widths)
        sides = [ceil(min(self.size) / stride) for stride in backbone.strides]
        self.head = nn.ModuleList(ScaleHead(w, side, classes) for w, side in zip(widths, sides, strict=True))

    def mixed(self, x: Tensor) -> list[Tensor]:
        """The mixed maps of images (N, C, H, W), the finest first."""
        x = x[:, self.triples].reshape(-1, 3, *x.shape[2:])
        if list(x.shape[2:]) != self.size:
            x = F.interpolate(promoted(x), self.size, mode="bilinear", antialias=True).to(x.dtype)
        maps = [m.reshape(-1, len(self.triples) // 3 * m.shape[1], *m.shape[2:]) for m in self.backbone.maps(x)]
        maps = [mix(m) for mix, m in zip(self.across_channels, maps, strict=True)]
        for i, mix in reversed([*enumerate(self.across_scales)]):
            maps[i] = maps[i] + F.interpolate(mix(maps[i + 1]), maps[i].shape[2:], mode="bilinear")
        return maps

    def features(self, x: Tensor) -> Tensor:
        return torch.cat([m.mean((2, 3)) for m in self.mixed(x)], 1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        logits = [head(m, y) for head, m in zip(self.head, self.mixed(x), strict=True)]
        return DiscriminatorOutput(torch.cat(logits, 1))


def size_shown(image_shape: ImageShape, backbone: Backbone, resolution: int | None) -> list[int]:
    """The height and width at which a backbone sees images.

    Raises:
        UserError: The backbone would see nothing.
    """
    _, *size = image_shape
    shorter = max(SMALLEST_LOOK, min(size)) if resolution is None else resolution
    if shorter < backbone.strides[-1]:
        raise UserError(
            f"resolution is {resolution}; for {type(backbone).__name__}, it must be at least {backbone.strides[-1]}"
        )
    return [round(side * shorter / min(size)) for side in size]


class RandomMixing(nn.Module):
    """A convolution with random weights that are not trained; He et al. (2015) scale them.

    Args:
        before: Channels of the input.
        after: Channels of the output.
        kernel: Height and width of the kernel.
    """

    weight: Tensor

    def __init__(self, before: int, after: int, kernel: int) -> None:
        super().__init__()
        deviation = (before * kernel**2) ** -0.5
        self.register_buffer("weight", deviation * torch.randn(after, before, kernel, kernel))

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, padding=self.weight.shape[-1] // 2)


class ScaleHead(nn.Module):
    """Maps (N, C, h, w) to logits (N, L), one for each place of the last map.

    Args:
        width: C.
        side: The smaller one of h and w.
        classes: Number of classes; 0 for none.
    """

    def __init__(self, width: int, side: int, classes: int) -> None:
        super().__init__()
        layers = []
        while side > LAST_SIDE:
            layers += [normalised(nn.Conv2d(width, width, 4, 2, 1), True), nn.LeakyReLU(0.2)]
            side //= 2
        self.layers = nn.Sequential(*layers, normalised(nn.Conv2d(width, width, 3, 1, 1), True), nn.LeakyReLU(0.2))
        self.last = Head(width, classes, spectral=True)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        places = self.layers(x).flatten(2).transpose(1, 2)  # (N, L, C)
        count = places.shape[1]
        return self.last(places.flatten(0, 1), y if y is None else y.repeat_interleave(count)).logits.view(-1, count)
