"""The term that asks for the way back."""

from torch import Tensor

from gan_lightning.core.precision import promoted
from gan_lightning.terms.unpaired import OneWay, UnpairedTerm


class Cycle(UnpairedTerm):
    """E[|F(G(a)) - a|]: an image that is translated there and back is to be the same again.

    Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks", 2017, Equation 2.
    https://arxiv.org/abs/1703.10593

    Args:
        weight: The factor of the term; lambda in the paper.
    """

    goes_back = True

    def __init__(self, weight: float = 10.0) -> None:
        super().__init__(weight)

    def forward(self, inputs: OneWay) -> Tensor:
        assert inputs.backward is not None
        return (promoted(inputs.backward(inputs.made)) - inputs.source).abs().mean()
