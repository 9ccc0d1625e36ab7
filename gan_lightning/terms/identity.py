"""The term that leaves alone what needs no change."""

from torch import Tensor

from gan_lightning.core.precision import promoted
from gan_lightning.terms.unpaired import OneWay, UnpairedTerm


class Identity(UnpairedTerm):
    """E[|G(b) - b|]: an image that is on the other side already is to stay as it is, with its colours.

    Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks", 2017, Section 5.2.
    https://arxiv.org/abs/1703.10593

    Args:
        weight: The factor of the term; in the paper, half of that of `Cycle`.
    """

    def __init__(self, weight: float = 5.0) -> None:
        super().__init__(weight)

    def forward(self, inputs: OneWay) -> Tensor:
        return (promoted(inputs.generator(inputs.target)) - inputs.target).abs().mean()
