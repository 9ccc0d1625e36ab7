"""The distance of a pretrained network's features."""

import torch
from torch import Tensor

from gan_lightning.networks.backbones import Backbone, ColourBackbone
from gan_lightning.terms.feature_matching import mean_distance
from gan_lightning.terms.term import Term, TermInput


class Perceptual(Term):
    """The mean over layers of a frozen, pretrained network of the mean absolute difference of features.

    Johnson et al., "Perceptual losses for real-time style transfer and super-resolution", 2016, Section 3.2 (there with
    squares). https://arxiv.org/abs/1603.08155. Do not judge what comes of it by the same network.

    Args:
        weight: The factor of the term.
        backbone: The pretrained network. Grey images are shown to it as colour.
    """

    def __init__(self, weight: float = 1.0, backbone: Backbone = ColourBackbone()) -> None:
        super().__init__(weight)
        self.backbone = backbone

    def forward(self, inputs: TermInput) -> Tensor:
        with torch.no_grad():
            theirs = self.backbone.maps(in_threes(inputs.target))
        return mean_distance(self.backbone.maps(in_threes(inputs.made)), theirs)


def in_threes(x: Tensor) -> Tensor:
    """Returns images (N, C, H, W) with three channels: the first ones, or one three times."""
    return x[:, [i % x.shape[1] for i in range(3)]]
