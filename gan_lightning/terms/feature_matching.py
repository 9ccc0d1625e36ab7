"""The distance of the discriminator's features."""

import torch
from torch import Tensor

from gan_lightning.core.precision import promoted
from gan_lightning.terms.term import Term, TermInput


class FeatureMatching(Term):
    """The mean over D's layers of the mean absolute difference of features.

    Wang et al., "High-resolution image synthesis and semantic manipulation with conditional GANs", 2018, Equation 4
    (there the layers are added, with a weight of 10). https://arxiv.org/abs/1711.11585
    """

    compares_features = True

    def forward(self, inputs: TermInput) -> Tensor:
        assert inputs.feature_maps is not None
        with torch.no_grad():
            theirs = inputs.feature_maps(inputs.target)
        return mean_distance(inputs.feature_maps(inputs.made), theirs)


def mean_distance(maps: list[Tensor], theirs: list[Tensor]) -> Tensor:
    """Returns the mean over layers of the mean absolute difference."""
    pairs = zip(maps, theirs, strict=True)
    return torch.stack([(promoted(a) - promoted(b)).abs().mean() for a, b in pairs]).mean()
