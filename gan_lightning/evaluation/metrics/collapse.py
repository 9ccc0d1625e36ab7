"""A cheap comparison of the variety of samples and of real images, from few of each. Features are (N, d)."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.evaluation.metrics.neighbours import distances

THUMBNAIL_SIDE = 16
"""The largest height and width, in pixels, at which images are compared."""

WIDTH = 0.25
"""The distance below which two samples count as alike, in median distances of two real images."""

FEW, FAR = 0.4, 0.08
"""The values half way to a collapse: the ratio of distinct samples to distinct real images, and the distance between
the two distributions."""


class Variety(NamedTuple):
    """A comparison of samples with as many real images.

    Args:
        distinct: The effective number of distinct samples, from 1 (all alike) to all.
        real: The same for the real images.
        distance: The distance between the two distributions, from 0 (equal) to 1.
        samples: The number of samples, and of real images.
    """

    distinct: float
    real: float
    distance: float
    samples: int

    @property
    def fewness(self) -> float:
        """How few samples are distinct, 0 to 1; one half if their ratio to distinct real images is `FEW`."""
        return FEW / (FEW + self.distinct / self.real)

    @property
    def farness(self) -> float:
        """How far samples are from real images, 0 to 1; one half at the distance `FAR`."""
        return self.distance / (FAR + self.distance)

    @property
    def score(self) -> float:
        """How far samples are from healthy, 0 to 1: the mean of fewness and farness."""
        return (self.fewness + self.farness) / 2

    @property
    def reason(self) -> str:
        """The main cause of the score, in words."""
        if self.distinct < self.real / 2:
            few = f"samples are alike: {self.distinct:.1f} of {self.samples} are distinct"
            return f"{few}, against {self.real:.1f} for real images"
        return f"samples are unlike real images: the distance is {self.distance:.2f}, for good samples below {FAR}"


def variety(real: Tensor, made: Tensor) -> Variety:
    """Compares samples (N, d) with as many real images (N, d), or points.

    It does not ask D: its accuracy, its E[sign D(x)] and its gradient are about as large in good games as in bad ones.
    """
    far = distances(real, real)
    width = WIDTH * off_diagonal(far).median()
    near = distances(made, made)
    return Variety(
        effective_number(near, width), effective_number(far, width), energy(far, near, distances(real, made)), len(made)
    )


def effective_number(d: Tensor, width: Tensor) -> float:
    """Returns the effective number of distinct features: 1 / mean_ij k_ij^2, for a kernel k = exp(-d^2 / (2 width^2)).

    The Vendi score of order 2, the inverse of the sum of squares of the eigenvalues of k / N. Friedman and Dieng, "The
    Vendi score: a diversity evaluation metric for machine learning", 2023, https://arxiv.org/abs/2210.02410; Pasarkar
    and Dieng, "Cousins of the Vendi score", 2024, https://arxiv.org/abs/2310.12952.

    Args:
        d: Distances (N, N) between the features.
        width: The width of the kernel.
    """
    return 1 / torch.exp(-((d / width) ** 2)).mean().item()


def energy(far: Tensor, near: Tensor, between: Tensor) -> float:
    """Returns (2 E|x - w| - E|x - x'| - E|w - w'|) / 2 E|x - w|: 0 for two samples of one distribution, at most 1.

    The energy coefficient of Székely and Rizzo, "Energy statistics: a class of statistics based on distances", 2013,
    Section 7, unbiased: pairs of a feature with itself are left out. https://doi.org/10.1016/j.jspi.2013.03.018

    Args:
        far: Distances (N, N) between the features x of real images.
        near: Distances (N, N) between the features w of samples.
        between: Distances (N, N) from each x to each w.
    """
    twice = 2 * between.mean()
    return ((twice - off_diagonal(far).mean() - off_diagonal(near).mean()) / twice).clamp(min=0).item()


def off_diagonal(d: Tensor) -> Tensor:
    """Returns the off-diagonal entries (N (N - 1),) of a matrix (N, N)."""
    return d[~torch.eye(len(d), dtype=torch.bool, device=d.device)]


def thumbnails(x: Tensor) -> Tensor:
    """Scales images (N, C, H, W) of any size down and flattens them, for comparison: (N, d), float32 on the CPU."""
    height, width = x.shape[2:]
    small = F.adaptive_avg_pool2d(x.detach().float(), (min(height, THUMBNAIL_SIDE), min(width, THUMBNAIL_SIDE)))
    return small.flatten(1).cpu()
