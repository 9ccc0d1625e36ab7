"""A discriminator that judges every pixel, from all that is around it."""

import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.networks.contract import Discriminator, DiscriminatorOutput, ImageShape, at_least
from gan_lightning.networks.layers import check_sizes, normalised

LEVELS = 3
"""Times that an image is halved."""

SMALLEST_SIDE = 2 * 2**LEVELS


class UNetDiscriminator(Discriminator):
    """A logit for each pixel: down by strided convolutions, up by bilinear interpolation, the ways across added.

    All convolutions but the first and the last are spectrally normalised; LeakyReLU(0.2).

    Wang et al., "Real-ESRGAN: training real-world blind super-resolution with pure synthetic data", 2021, Figure 6.
    https://arxiv.org/abs/2107.10833

    Args:
        image_shape: Channels, height, width. The command line takes them from the data. Images smaller than 16 pixels
            are padded by their edges.
        width: Channels of the whole image; each halving doubles them. 64 in the paper.
        condition_channels: Channels of the input image that it sees beside each image; 0 to judge images alone.
    """

    def __init__(self, image_shape: ImageShape, width: int = 32, condition_channels: int = 0) -> None:
        super().__init__()
        check_sizes(width=width)
        self.image_shape, self.condition_channels = image_shape, condition_channels
        widths = [width * 2**level for level in range(LEVELS + 1)]
        self.first = nn.Conv2d(image_shape[0] + condition_channels, width, 3, 1, 1)
        steps = [(widths[level], widths[level + 1]) for level in range(LEVELS)]
        self.down = nn.ModuleList(normalised(nn.Conv2d(i, o, 4, 2, 1, bias=False), True) for i, o in steps)
        self.up = nn.ModuleList(normalised(nn.Conv2d(o, i, 3, 1, 1, bias=False), True) for i, o in reversed(steps))
        self.refine = nn.ModuleList(normalised(nn.Conv2d(width, width, 3, 1, 1, bias=False), True) for _ in range(2))
        self.head = nn.Conv2d(width, 1, 3, 1, 1)
        self.features_dim = width

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput(self.head(self.feature_maps(x)[-1]).flatten(1))

    def features(self, x: Tensor) -> Tensor:
        """Means (N, F) over all places of what the last convolution sees."""
        return self.feature_maps(x)[-1].mean((2, 3))

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        found = self.descent(x)
        seen, across = found[-1], found[-2::-1]
        for layer, beside in zip(self.up, across, strict=True):
            wider = F.interpolate(seen, size=beside.shape[2:], mode="bilinear")
            seen = F.leaky_relu(layer(wider), 0.2) + beside
            found.append(seen)
        for layer in self.refine:
            seen = F.leaky_relu(layer(seen), 0.2)
            found.append(seen)
        return found

    def descent(self, x: Tensor) -> list[Tensor]:
        """Returns the maps on the way down, the largest first."""
        found = [F.leaky_relu(self.first(at_least(x, SMALLEST_SIDE)), 0.2)]
        for layer in self.down:
            found.append(F.leaky_relu(layer(found[-1]), 0.2))
        return found
