"""Distances between two sets of features (N, d), computed in float64."""

from collections.abc import Iterator

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics.estimate import Estimate


def frechet(real: Tensor, made: Tensor) -> Estimate:
    """Returns the Fréchet distance of two Gaussians with the sets' means m, w and covariances C, D (of N - 1):

    |m - w|^2 + tr(C + D - 2 (C^(1/2) D C^(1/2))^(1/2)).

    Dowson and Landau, "The Fréchet distance between multivariate normal distributions", 1982, Equation 4; Heusel et
    al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", 2017, Equation 6.
    https://arxiv.org/abs/1706.08500

    It is biased: for two sets of N features of the same distribution, it is not 0, but about (2d + d(d + 1)/2) / N for
    standard normal features. So compare values at the same N only, and with the distance between two sets of real
    images.

    Args:
        real: Features of real images, (N, d).
        made: Features of samples, (M, d).

    Raises:
        UserError: There are fewer than two features of either, or their lengths differ.
    """
    real, made = clouds(real, made, least=2)
    difference = real.mean(0) - made.mean(0)
    c, d = (torch.cov(x.T).reshape(x.shape[1], x.shape[1]) for x in (real, made))
    root = power(c, 0.5)
    product = root @ d @ root
    overlap = torch.linalg.eigvalsh(product).clamp(min=0).sqrt().sum()
    distance = (difference.square().sum() + c.trace() + d.trace() - 2 * overlap).clamp(min=0)
    # the derivative with respect to D is I - C^(1/2) (C^(1/2) D C^(1/2))^(-1/2) C^(1/2)
    slope = torch.eye(len(c), dtype=c.dtype, device=c.device) - root @ power(product, -0.5) @ root
    centred = made - made.mean(0)
    influence = -2 * centred @ difference + ((centred @ slope) * centred).sum(1)
    return Estimate.of(distance, influence)


def power(c: Tensor, exponent: float) -> Tensor:
    """Returns a power of a covariance (d, d), which may be singular: directions without variance keep none."""
    values, vectors = torch.linalg.eigh(c)
    least = len(c) * torch.finfo(c.dtype).eps * values.abs().max()
    powers = torch.where(values > least, values.clamp(min=torch.finfo(c.dtype).tiny) ** exponent, 0.0)
    return (vectors * powers) @ vectors.T


def kernel_distance(real: Tensor, made: Tensor, block: int = 2048) -> Estimate:
    """Returns the squared maximum mean discrepancy under the kernel (x'y / d + 1)^3.

    It is unbiased: for equal distributions, it is 0 in expectation.

    Binkowski et al., "Demystifying MMD GANs", 2018, Section 4. https://arxiv.org/abs/1801.01401. All pairs are used
    rather than a few random subsets, so that nothing is drawn.

    Features are standardised first, by the mean and standard deviation of the real ones. Without that, the cube would
    make a feature of ten times the scale count a million times as much.

    Args:
        real: Features of real images, (N, d).
        made: Features of samples, (M, d).
        block: Rows of the kernel matrix that are computed at a time.

    Raises:
        UserError: There are fewer than two features of either, or their lengths differ.
    """
    real, made = clouds(real, made, least=2)
    mean, deviation = real.mean(0), real.std(0, unbiased=False)
    deviation = torch.where(deviation > 0, deviation, 1.0)
    real, made = (real - mean) / deviation, (made - mean) / deviation
    within = [
        (kernel_sums(x, x, block) - kernel(x, x, diagonal=True)) / (len(x) - 1) for x in (real, made)
    ]  # E_x'[k(x, x')]
    across = kernel_sums(made, real, block) / len(real)
    return Estimate.of(within[0].mean() + (within[1] - 2 * across).mean(), 2 * (within[1] - across))


def kernel_sums(x: Tensor, y: Tensor, block: int) -> Tensor:
    """Returns the sum of the kernel over all y for each x, (N,)."""
    return torch.cat([kernel(some, y).sum(1) for some in x.split(block)])


def kernel(x: Tensor, y: Tensor, diagonal: bool = False) -> Tensor:
    products = (x * y).sum(1) if diagonal else x @ y.T
    return (products / x.shape[1] + 1) ** 3


def clouds(real: Tensor, made: Tensor, least: int) -> Iterator[Tensor]:
    """Checks the shapes of two sets of features, and returns both as float64."""
    if real.dim() != 2 or made.dim() != 2 or real.shape[1] != made.shape[1] or min(len(real), len(made)) < least:
        raise UserError(
            f"features have shapes {tuple(real.shape)} and {tuple(made.shape)}; they must be (N, d) and (M, d) with "
            f"N and M at least {least}"
        )
    return (x.detach().double() for x in (real, made))


def cmmd(real: Tensor, made: Tensor, block: int = 2048) -> Estimate:
    """Returns 1,000 times the squared maximum mean discrepancy under the kernel exp(-|x - y|^2 / (2 * 10^2)).

    Jayasumana et al., "Rethinking FID: towards a better evaluation metric for image generation", 2024, Section 4.
    https://arxiv.org/abs/2401.09603. As in the authors' code, the estimate is the biased one, in which each feature is
    also paired with itself: Gretton et al., "A kernel two-sample test", 2012, Equation 5,
    https://jmlr.org/papers/v13/gretton12a.html. It is at least 0, and for equal distributions it is not 0, but
    1,000 (1/N + 1/M) (1 - E[k(x, x')]) on average, so compare values at the same N only. The features of the paper are
    those of `CLIP`.

    Args:
        real: Features of real images, (N, d).
        made: Features of samples, (M, d).
        block: Rows of the kernel matrix that are computed at a time.

    Raises:
        UserError: There are fewer than two features of either, or their lengths differ.
    """
    real, made = clouds(real, made, least=2)

    def likeness(x: Tensor, y: Tensor) -> Tensor:
        return torch.cat([torch.exp(-torch.cdist(some, y).square() / 200).mean(1) for some in x.split(block)])

    among, across = likeness(made, made), likeness(made, real)
    return Estimate.of(1000 * (likeness(real, real).mean() + (among - 2 * across).mean()), 2000 * (among - across))
