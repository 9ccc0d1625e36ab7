"""Distances of pixels, over the whole image, or only where the input shows nothing, or something."""

from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.terms.term import Region, Term, TermInput


class L1(Term):
    """The mean absolute difference of pixels.

    Isola et al., "Image-to-image translation with conditional adversarial networks", 2017, Equation 3 (there with a
    weight of 100). https://arxiv.org/abs/1611.07004

    Args:
        weight: The factor of the term.
        region: all; or, if the degradation leaves something out, only what is missing or what is shown.
    """

    def __init__(self, weight: float = 1.0, region: Region = "all") -> None:
        super().__init__(weight)
        self.region: Region = region

    def forward(self, inputs: TermInput) -> Tensor:
        return mean_in((inputs.made - inputs.target).abs(), self.region, inputs.missing)


class L2(Term):
    """The mean squared difference of pixels.

    Args:
        weight: The factor of the term.
        region: all; or, if the degradation leaves something out, only what is missing or what is shown.
    """

    def __init__(self, weight: float = 1.0, region: Region = "all") -> None:
        super().__init__(weight)
        self.region: Region = region

    def forward(self, inputs: TermInput) -> Tensor:
        return mean_in((inputs.made - inputs.target).square(), self.region, inputs.missing)


class Charbonnier(Term):
    """The mean of sqrt(d^2 + epsilon^2) over differences d of pixels: L1, but smooth at zero.

    Lai et al., "Deep Laplacian pyramid networks for fast and accurate super-resolution", 2017, Section 3.3.
    https://arxiv.org/abs/1704.03915

    Args:
        weight: The factor of the term.
        epsilon: Where pixels are in [-1, 1].
        region: all; or, if the degradation leaves something out, only what is missing or what is shown.
    """

    def __init__(self, weight: float = 1.0, epsilon: float = 1e-3, region: Region = "all") -> None:
        super().__init__(weight)
        if not epsilon > 0:
            raise UserError(f"epsilon of Charbonnier is {epsilon}; it must be above 0")
        self.epsilon = epsilon
        self.region: Region = region

    def forward(self, inputs: TermInput) -> Tensor:
        distance = ((inputs.made - inputs.target).square() + self.epsilon**2).sqrt()
        return mean_in(distance, self.region, inputs.missing)


def mean_in(values: Tensor, region: Region, missing: Tensor | None) -> Tensor:
    """Returns the mean over images of the mean of values (N, C, H, W) in a region of each."""
    if region == "all":
        return values.mean()
    assert missing is not None
    inside = (missing if region == "missing" else 1 - missing).expand_as(values)
    return ((values * inside).sum((1, 2, 3)) / inside.sum((1, 2, 3)).clamp(min=1)).mean()
