"""The modes of a mixture of round Gaussians that samples find, how well, and how evenly: the protocol of PacGAN.

Lin et al., "PacGAN: the power of two samples in generative adversarial networks", 2018, Section 4.1.
https://arxiv.org/abs/1712.04086
"""

from math import exp
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.evaluation.metrics.checks import check_finite_features

REACH = 3.0
"""The largest distance of a high-quality sample from the nearest mean, in standard deviations."""

HIGH_QUALITY = 1 - exp(-(REACH**2) / 2)
"""The share of high-quality samples of an exact sampler, .98889: the squared distance from the mean, over the variance,
is chi-squared with two degrees of freedom."""

SHRUNK = 0.993
"""A larger share, among 2,500 samples, is two standard errors above an exact sampler's: the modes are too narrow."""


class Modes(NamedTuple):
    """How samples lie among the modes.

    Args:
        found: The number of modes with at least one high-quality sample.
        high_quality: The share of high-quality samples, 0 to 1.
        kl: KL(samples over modes || uniform over modes) in nats. Each sample counts for its nearest mean.
    """

    found: int
    high_quality: float
    kl: float


def modes(points: Tensor, means: Tensor, deviation: float) -> Modes:
    """Measures how samples lie among the modes. The protocol takes 2,500 samples.

    Args:
        points: Samples (N, 2).
        means: The centres of the modes (K, 2).
        deviation: The standard deviation of each mode, along each axis.

    Raises:
        UserError: Some samples are not finite.
    """
    check_finite_features(points, "samples")
    differences = points.double()[:, None] - means.double()  # not torch.cdist: its matrix product rounds
    distance, nearest = differences.square().sum(2).sqrt().min(1)
    good = distance <= REACH * deviation
    shares = torch.bincount(nearest, minlength=len(means)).double() / len(points)
    kl = torch.xlogy(shares, shares * len(means)).sum()
    return Modes(len(nearest[good].unique()), good.double().mean().item(), kl.item())


def kl_floor(modes: int, samples: int) -> float:
    """Returns the expected KL of an exact sampler, (K - 1) / 2N to first order, for K modes and N samples.

    Miller, "Note on the bias of information estimates", 1955.

    Args:
        modes: The number of modes, K.
        samples: The number of samples, N.
    """
    return (modes - 1) / (2 * samples)
