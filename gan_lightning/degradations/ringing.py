"""Images with waves around their edges, as sharpening and compression leave them."""

from math import pi

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core.precision import promoted
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.amounts import Amount, amounts, limits_of
from gan_lightning.degradations.degradation import Degradation

FILTER_REACH = 10
"""Pixels to each side of the filter's middle, as in the largest one of the paper."""

NODES = 96
"""Of an integral over half a circle; it is exact to single precision for waves of up to so many half circles."""

LEAST_CUTOFF = 0.1


class Ringing(Degradation):
    """Cuts high frequencies off, which rings: a circular low-pass filter ("sinc") of 21x21 pixels; edges are repeated.

    Wang et al., "Real-ESRGAN: training real-world blind super-resolution with pure synthetic data", 2021, Equation 2.
    https://arxiv.org/abs/2107.10833

    Args:
        cutoff: The lowest frequency that is cut off, in radians a pixel, from 0.1 to pi; or the lowest and the highest
            one, of which each image has another. The smaller, the stronger.
    """

    def __init__(self, cutoff: Amount = (pi / 3, pi)) -> None:
        super().__init__()
        self.limits = limits_of(cutoff, "cutoff of Ringing", LEAST_CUTOFF, pi)

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        exact = promoted(x)
        kernels = low_pass(amounts(self.limits, exact, uniform)).expand(-1, x.shape[1], -1, -1).flatten(0, 1)
        padded = F.pad(exact, (FILTER_REACH, FILTER_REACH, FILTER_REACH, FILTER_REACH), mode="replicate").flatten(0, 1)[
            None
        ]
        return F.conv2d(padded, kernels[:, None], groups=len(kernels)).view_as(x).clamp(-1, 1).to(x)


def low_pass(cutoff: Tensor) -> Tensor:
    """Returns filters (N, 1, 21, 21) of cutoffs w (N, 1, 1, 1): w J1(w r) / (2 pi r) at distance r, of sum one."""
    place = torch.arange(-FILTER_REACH, FILTER_REACH + 1, device=cutoff.device, dtype=cutoff.dtype)
    distance = torch.hypot(place[:, None], place[None]).clamp(min=1e-3)  # the limit at zero is w^2 / (4 pi)
    found = cutoff * bessel_j1(cutoff * distance) / (2 * pi * distance)
    return found / found.sum((2, 3), keepdim=True)


def bessel_j1(x: Tensor) -> Tensor:
    """The Bessel function J1(x): the mean of cos(t - x sin t) over t from 0 to pi. For devices that have no other."""
    t = (torch.arange(NODES, device=x.device, dtype=x.dtype) + 0.5) * (pi / NODES)
    return torch.cos(t - x[..., None] * torch.sin(t)).mean(-1)
