"""The distance of a pretrained network's features."""

from collections.abc import Sequence

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.networks.backbones import Backbone, ColourBackbone
from gan_lightning.terms.feature_matching import mean_distance
from gan_lightning.terms.term import Term, TermInput


class Perceptual(Term):
    """The mean absolute difference of features of a frozen, pretrained network: its mean over layers, or a sum.

    Johnson et al., "Perceptual losses for real-time style transfer and super-resolution", 2016, Section 3.2 (there with
    squares). https://arxiv.org/abs/1603.08155. Do not judge what comes of it by the same network.

    Args:
        weight: The factor of the term.
        backbone: The pretrained network. Grey images are shown to it as colour.
        layers: A factor for each layer, the finest first, with which the layers are added. If null, their mean is
            taken.
    """

    def __init__(
        self,
        weight: float = 1.0,
        backbone: Backbone = ColourBackbone(),
        layers: Sequence[float] | None = None,
    ) -> None:
        super().__init__(weight)
        count = len(backbone.channels)
        if layers is not None and (len(layers) != count or not (min(layers) >= 0 and 0 < sum(layers) < float("inf"))):
            raise UserError(f"layers of Perceptual are {[*layers]}; {type(backbone).__name__} has {count}: give a "
                            "factor of at least 0 for each, one of them above 0")  # fmt: skip
        self.backbone, self.layers = backbone, layers

    def forward(self, inputs: TermInput) -> Tensor:
        with torch.no_grad():
            theirs = self.backbone.maps(in_threes(inputs.target))
        made = self.backbone.maps(in_threes(inputs.made))
        if self.layers is None:
            return mean_distance(made, theirs)
        pairs = zip(self.layers, made, theirs, strict=True)
        return sum((factor * mean_distance([a], [b]) for factor, a, b in pairs), torch.zeros((), device=made[0].device))


def in_threes(x: Tensor) -> Tensor:
    """Returns images (N, C, H, W) with three channels: the first ones, or one three times."""
    return x[:, [i % x.shape[1] for i in range(3)]]
