"""A feature network with large kernels and max pooling, the second judge of images."""

from itertools import pairwise
from math import ceil, log2

import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.networks.contract import ImageFeatures, ImageShape, logits_of_questions
from gan_lightning.networks.features import SLOPE, check_feature_options

COARSEST = 7
"""Images are halved until the shorter side is at most this long, in pixels."""

POOLED = 4
"""The last stage is pooled to this many rows and columns."""


class LeNetFeatures(ImageFeatures):
    """5x5 convolutions and max pooling, as in LeNet; in every respect another network than `FeatureNetwork`.

    LeCun et al., "Gradient-based learning applied to document recognition", 1998.
    http://yann.lecun.com/exdb/publis/pdf/lecun-98.pdf. Each stage is a convolution, an ELU and a max pooling that
    halves the image, and a dense layer with a leaky ReLU computes the features. Samples that were chosen by one judge
    should be judged by another: configs/second_extractor.yaml.

    Args:
        image_shape: Channels, height, width.
        classes: Number of classes to learn from; 0 to learn without labels.
        features: Length of the feature vector.
        width: Channels of the first stage; each further stage doubles them, up to four times.
    """

    def __init__(self, image_shape: ImageShape, classes: int = 0, features: int = 64, width: int = 16) -> None:
        super().__init__()
        check_feature_options(image_shape, classes, features, width)
        channels, height, width_of_image = image_shape
        self.image_shape: ImageShape = (channels, height, width_of_image)
        self.classes, self.features = classes, features
        halvings = max(1, ceil(log2(min(height, width_of_image) / COARSEST)))
        widths = [channels, *(min(width * 2**i, 4 * width) for i in range(halvings))]
        stages = [pooling_stage(before, after) for before, after in pairwise(widths)]
        self.stages = nn.Sequential(*stages, nn.AdaptiveAvgPool2d(POOLED), nn.Flatten())
        self.dense = nn.Linear(POOLED**2 * widths[-1], features)
        self.head = logits_of_questions(features, classes)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.dense(self.stages(x)), SLOPE)


def pooling_stage(channels: int, width: int) -> nn.Sequential:
    """A 5x5 convolution, an ELU, and a max pooling of 2x2."""
    return nn.Sequential(nn.Conv2d(channels, width, 5, padding=2), nn.ELU(), nn.MaxPool2d(2))
