"""Blurred images."""

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.amounts import Amount, amounts, limits_of
from gan_lightning.degradations.degradation import Degradation

LEAST_BLUR = 0.05
"""Pixels; a Gaussian of this deviation leaves an image as it is."""


class Blur(Degradation):
    """Blurs images by a Gaussian; edges are repeated.

    Args:
        deviation: Its standard deviation in pixels, at least 0.05; or the lowest and the highest one, of which each
            image has another.
    """

    def __init__(self, deviation: Amount = 1.6) -> None:
        super().__init__()
        self.limits = limits_of(deviation, "deviation of Blur", LEAST_BLUR)

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        return gaussian_blur(x, amounts(self.limits, x, uniform), max(1, round(3 * self.limits[1])))


def gaussian_blur(x: Tensor, deviation: Tensor, reach: int) -> Tensor:
    """Blurs images (N, C, H, W) by Gaussians of these deviations (N, 1, 1, 1), cut off at this many pixels."""
    place = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
    kernels = torch.softmax(-place.square() / (2 * deviation.square()), 3)
    kernels = kernels.expand(-1, x.shape[1], -1, -1).reshape(-1, 1, 1, len(place))
    padded = F.pad(x, (reach, reach, reach, reach), mode="replicate").flatten(0, 1)[None]
    rows = F.conv2d(padded, kernels, groups=len(kernels))
    return F.conv2d(rows, kernels.mT, groups=len(kernels)).view_as(x)
