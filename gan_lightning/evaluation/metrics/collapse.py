"""Whether samples are still as varied as the data: what few of them tell, at little cost. Features are (N, d)."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.evaluation.metrics.neighbours import distances

THUMBNAIL_SIDE = 16
"""Pixels along each side of an image that are compared at most."""

WIDTH = 0.25
"""How near two samples must be to count as alike, in median distances of two real images."""

FEW, FAR = 0.4, 0.08
"""What is half way to a collapse: a share of the distinct samples that there should be, and a distance of two laws."""


class Variety(NamedTuple):
    """How samples compare with as many real images.

    Args:
        distinct: The effective number of distinct samples, from 1 (all alike) to all.
        real: The same of the real images.
        distance: Of both laws, from 0 (the same) to 1.
        samples: How many there are of each.
    """

    distinct: float
    real: float
    distance: float
    samples: int

    @property
    def fewness(self) -> float:
        """0 to 1, one half where the samples' variety is the share `FEW` of the real images'."""
        return FEW / (FEW + self.distinct / self.real)

    @property
    def farness(self) -> float:
        """0 to 1, one half at the distance `FAR`."""
        return self.distance / (FAR + self.distance)

    @property
    def score(self) -> float:
        """How far this is from health, 0 to 1: the mean of the two."""
        return (self.fewness + self.farness) / 2

    @property
    def reason(self) -> str:
        """What the score comes from, in words."""
        if self.distinct < self.real / 2:
            few = f"samples are alike: {self.distinct:.1f} distinct ones of {self.samples}"
            return f"{few}, real images have {self.real:.1f}"
        return f"samples are not like real images: their distance is {self.distance:.2f} of 1, of good ones below {FAR}"


def variety(real: Tensor, made: Tensor) -> Variety:
    """Compares samples (N, d) with as many real images (N, d), or points.

    No D is asked: its accuracy, its E[sign D(x)] and its gradient are about as large in good games as in bad ones.
    """
    far = distances(real, real)
    width = WIDTH * off_diagonal(far).median()
    near = distances(made, made)
    return Variety(
        effective_number(near, width), effective_number(far, width), energy(far, near, distances(real, made)), len(made)
    )


def effective_number(d: Tensor, width: Tensor) -> float:
    """How many of N features are distinct: 1 / mean_ij k_ij^2, with the kernel k = exp(-d^2 / (2 width^2)).

    The Vendi score of order 2, the inverse of the sum of squares of the eigenvalues of k / N. Friedman and Dieng, "The
    Vendi score: a diversity evaluation metric for machine learning", 2023, https://arxiv.org/abs/2210.02410; Pasarkar
    and Dieng, "Cousins of the Vendi score", 2024, https://arxiv.org/abs/2310.12952.

    Args:
        d: Distances (N, N) of the features from each other.
        width: Of the kernel.
    """
    return 1 / torch.exp(-((d / width) ** 2)).mean().item()


def energy(far: Tensor, near: Tensor, between: Tensor) -> float:
    """The coefficient (2 E|x - w| - E|x - x'| - E|w - w'|) / 2 E|x - w|: 0 for two samples of one law, at most 1.

    Székely and Rizzo, "Energy statistics: a class of statistics based on distances", 2013, Section 7, unbiased: pairs
    of a feature with itself are left out. https://doi.org/10.1016/j.jspi.2013.03.018

    Args:
        far: Distances (N, N) of real features x from each other.
        near: The same of features w of samples.
        between: Distances of each x from each w.
    """
    twice = 2 * between.mean()
    return ((twice - off_diagonal(far).mean() - off_diagonal(near).mean()) / twice).clamp(min=0).item()


def off_diagonal(d: Tensor) -> Tensor:
    """The entries (N (N - 1),) of a matrix (N, N) that are not on its diagonal."""
    return d[~torch.eye(len(d), dtype=torch.bool, device=d.device)]


def thumbnails(x: Tensor) -> Tensor:
    """Small images, flat, (N, d) on the CPU, float32: what is compared of images (N, C, H, W), whatever their size."""
    height, width = x.shape[2:]
    small = F.adaptive_avg_pool2d(x.detach().float(), (min(height, THUMBNAIL_SIDE), min(width, THUMBNAIL_SIDE)))
    return small.flatten(1).cpu()
