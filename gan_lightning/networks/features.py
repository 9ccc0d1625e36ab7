"""The feature network with which samples are evaluated."""

from itertools import pairwise
from math import ceil, log2

import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.networks.contract import ImageFeatures, ImageShape, logits_of_questions

SMALLEST = 4
"""Images are halved until the shorter side is at most this long, in pixels."""

SLOPE = 0.2
"""Negative slope of the leaky ReLUs."""


class FeatureNetwork(ImageFeatures):
    """Convolutions that map an image to a feature vector; similar images have similar features.

    Each stage halves the image: a convolution of stride two, one of stride one, a leaky ReLU after each. The last stage
    is pooled to 2x2, and a dense layer with a leaky ReLU computes the features, so that none is always zero. There is
    no normalisation, so that blur and faint strokes stay visible. Images have any number of channels, and at least 4x4
    pixels.

    Args:
        image_shape: Channels, height, width.
        classes: Number of classes to learn from; 0 to learn without labels.
        features: Length of the feature vector.
        width: Channels of the first stage; each further stage doubles them, up to four times.
    """

    def __init__(self, image_shape: ImageShape, classes: int = 0, features: int = 64, width: int = 24) -> None:
        super().__init__()
        check_feature_options(image_shape, classes, features, width)
        channels, height, width_of_image = image_shape
        side = min(height, width_of_image)
        self.image_shape: ImageShape = (channels, height, width_of_image)
        self.classes, self.features = classes, features
        halvings = max(1, ceil(log2(side / SMALLEST)))
        widths = [channels, *(min(width * 2**i, 4 * width) for i in range(halvings))]
        stages = [convolution_stage(before, after) for before, after in pairwise(widths)]
        self.stages = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.dense = nn.Linear(4 * widths[-1], features)
        self.head = logits_of_questions(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.dense(self.stages(x)), SLOPE)


def check_feature_options(image_shape: ImageShape, classes: int, features: int, width: int) -> None:
    """Refuses options of a feature network that no network can have.

    Raises:
        UserError: An option is too small, or the images are.
    """
    for key, value, least in (("classes", classes, 0), ("features", features, 1), ("width", width, 1)):
        if value < least:
            raise UserError(f"model.network.{key} is {value}; it must be at least {least}")
    _, height, width_of_image = image_shape
    if min(height, width_of_image) < SMALLEST:
        raise UserError(f"images of {height}x{width_of_image} are too small to have features; they need 4x4 pixels")


def convolution_stage(channels: int, width: int) -> nn.Sequential:
    """Two 3x3 convolutions, the first of stride two, with a leaky ReLU after each."""
    layers = []
    for before, step in ((channels, 2), (width, 1)):
        layers += [nn.Conv2d(before, width, 3, step, 1), nn.LeakyReLU(SLOPE)]
    return nn.Sequential(*layers)
