"""The network that sees images for those who judge them."""

from itertools import pairwise
from math import ceil, log2

import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.errors import UserError
from gan_lightning.networks.contract import ImageShape

SMALLEST = 4
"""Images are halved until the shorter side is at most this long, in pixels."""

SLOPE = 0.2
"""Of the leaky ReLUs, below zero."""


class FeatureNetwork(Configurable, nn.Module):
    """Convolutions that make a few numbers, the features, of an image; images that look alike have features alike.

    Each stage halves the image: a convolution of stride two, one of stride one, a leaky ReLU after each. The last stage
    is pooled to 2x2, and a dense layer with a leaky ReLU makes the features, so that none is always zero. There is no
    normalisation, so that blur and faint strokes are seen. It takes images of any channels and any size from 4x4 on.

    Args:
        image_shape: Channels, height, width.
        classes: How many labels there are to learn from; 0 to learn without labels.
        features: How many numbers describe an image.
        width: Channels of the first stage; each further one has twice as many, up to four times.
    """

    def __init__(self, image_shape: ImageShape, classes: int = 0, features: int = 64, width: int = 24) -> None:
        super().__init__()
        for key, value, least in (("classes", classes, 0), ("features", features, 1), ("width", width, 1)):
            if value < least:
                raise UserError(f"model.network.{key} is {value}; it must be at least {least}")
        channels, height, width_of_image = image_shape
        side = min(height, width_of_image)
        if side < 4:
            raise UserError(f"images of {height}x{width_of_image} have no features to learn; it takes 4x4 pixels")
        self.image_shape: ImageShape = (channels, height, width_of_image)
        self.classes, self.features = classes, features
        halvings = max(1, ceil(log2(side / SMALLEST)))
        widths = [channels, *(min(width * 2**i, 4 * width) for i in range(halvings))]
        stages = [convolution_stage(before, after) for before, after in pairwise(widths)]
        self.stages = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.dense = nn.Linear(4 * widths[-1], features)
        self.head = nn.Linear(features, classes or features)

    def forward(self, x: Tensor) -> Tensor:
        """Features (N, features) of images (N, C, H, W) in [-1, 1]."""
        return F.leaky_relu(self.dense(self.stages(x)), SLOPE)

    def scores(self, features: Tensor) -> Tensor:
        """Logits (N, classes) of the labels; without labels, what is compared in training (N, features)."""
        return self.head(features)


def convolution_stage(channels: int, width: int) -> nn.Sequential:
    """Two convolutions of 3x3, the first of stride two."""
    layers = []
    for before, step in ((channels, 2), (width, 1)):
        layers += [nn.Conv2d(before, width, 3, step, 1), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)
