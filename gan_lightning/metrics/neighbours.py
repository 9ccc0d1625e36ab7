"""What nearest neighbours tell. Features are (N, d); distances are Euclidean, in float64.

They are computed block by block, so that no matrix of N x N is ever held.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.errors import UserError
from gan_lightning.metrics.distances import clouds
from gan_lightning.metrics.estimate import Estimate

BLOCK = 1024
"""Rows of a distance matrix that are held at a time."""


class PrecisionRecall(NamedTuple):
    """Shares, 0 to 1.

    Args:
        precision: The share of samples that lie where real images are.
        recall: The share of real images that lie where samples are.
    """

    precision: Estimate
    recall: Estimate


class DensityCoverage(NamedTuple):
    """How samples fill the neighbourhoods of real images.

    Args:
        density: How densely samples lie among real images; 1 in expectation for the same law, and it may be more.
        coverage: The share of real images that have a sample in their neighbourhood, 0 to 1.
    """

    density: Estimate
    coverage: Estimate


def precision_recall(real: Tensor, made: Tensor, k: int = 3) -> PrecisionRecall:
    """Whether samples lie in the balls around real images that reach to their k-th neighbour, and the reverse.

    Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", 2019,
    Equations 1 and 2. https://arxiv.org/abs/1904.06991

    Args:
        real: (N, d).
        made: (M, d).
        k: Which neighbour the balls reach to; no image is its own.

    Raises:
        UserError: There are not more than k of either, or their lengths differ.
    """
    real, made = checked(real, made, k)
    inside = [within(points, centres, radii(centres, k)) for points, centres in ((made, real), (real, made))]
    return PrecisionRecall(*(Estimate.mean(balls > 0) for balls, *_ in inside))


def density_coverage(real: Tensor, made: Tensor, k: int = 5) -> DensityCoverage:
    """How many balls around real images a sample lies in, over k; and how many of these balls hold a sample.

    Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020, Equations 2 and 3.
    https://arxiv.org/abs/2002.09797. For one law the expected density is 1 and the expected coverage
    1 - prod_{i=1..k} (N - i) / (N + M - i).

    Args:
        real: (N, d).
        made: (M, d).
        k: Which neighbour the balls reach to; no image is its own.

    Raises:
        UserError: There are not more than k of either, or their lengths differ.
    """
    real, made = checked(real, made, k)
    balls, held, holder = within(made, real, radii(real, k))
    covered = (held > 0).double().mean()
    alone = torch.bincount(holder[held == 1], minlength=len(made)).double()  # what would be lost without this sample
    return DensityCoverage(Estimate.mean(balls / k), Estimate.of(covered, alone * len(made) / len(real)))


def authenticity(real: Tensor, made: Tensor) -> Estimate:
    """The share of samples that are no copies: farther from the nearest real image than that is from its own nearest.

    Alaa et al., "How faithful is your synthetic data? Sample-level metrics for evaluating and auditing generative
    models", 2022, Section 4.3. https://arxiv.org/abs/2102.08921. About one half for the same law; near 0 for copies.

    Args:
        real: What was trained on, (N, d).
        made: (M, d).

    Raises:
        UserError: There are fewer than two real ones, or the lengths differ.
    """
    real, made = checked(real, made, 1)
    distance, nearest = nearest_of(made, real)
    return Estimate.mean(distance > radii(real, 1)[nearest])


def copying(train: Tensor, test: Tensor, made: Tensor) -> Estimate:
    """Data copying, C_T: how much nearer samples lie to the training images than held-out images do, in standard
    deviations of Mann and Whitney's U; below -3 says that training images are copied, above 3 that they are missed.

    Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying in generative models", 2020, Section
    2.2, with one cell. https://arxiv.org/abs/2004.05675

    Args:
        train: What was trained on, (N, d).
        test: Held-out images, (T, d).
        made: Samples, (M, d).

    Raises:
        UserError: One is empty, or their lengths differ.
    """
    samples, held_out = (nearest_of(*reversed([*clouds(train, x, least=1)]))[0] for x in (made, test))
    m, n = len(samples), len(held_out)
    ordered, _ = held_out.sort()
    below, upto = torch.searchsorted(ordered, samples), torch.searchsorted(ordered, samples, right=True)
    u = (below + upto).double().sum() / 2  # pairs in which the sample is the farther one; a tie counts one half
    return Estimate(((u - m * n / 2) / (m * n * (m + n + 1) / 12) ** 0.5).item(), 1.0)  # by its scale


def checked(real: Tensor, made: Tensor, k: int) -> tuple[Tensor, Tensor]:
    if k < 1:
        raise UserError(f"k is {k}; it must be at least 1 neighbour")
    first, second = clouds(real, made, least=k + 1)
    return first, second


def radii(x: Tensor, k: int) -> Tensor:
    """The distance (N,) of each of the features (N, d) from its k-th neighbour, not counting itself."""
    return by_block(x, lambda rows, first: leave_out(distances(rows, x), first).kthvalue(k, dim=1).values)


def leave_out(d: Tensor, first: int) -> Tensor:
    """Distances (n, N), in which each row's own column, which begins at `first`, is infinite."""
    rows = torch.arange(len(d), device=d.device)
    d[rows, rows + first] = torch.inf
    return d


def nearest_of(x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """For each of the features (N, d), the distance (N,) to the nearest centre, and which it is."""
    pairs = [distances(rows, centres).min(1) for rows in x.split(BLOCK)]
    return torch.cat([pair.values for pair in pairs]), torch.cat([pair.indices for pair in pairs])


def within(points: Tensor, centres: Tensor, radius: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """In how many balls each point lies (N,), how many points each ball holds (M,), and one of these points (M,)."""
    balls, held = [], torch.zeros(len(centres), dtype=torch.int64, device=centres.device)
    holder = torch.zeros_like(held)
    for i, rows in enumerate(points.split(BLOCK)):
        inside = distances(rows, centres) <= radius
        balls.append(inside.sum(1))
        held += inside.sum(0)
        holder = torch.where(inside.any(0), inside.int().argmax(0) + i * BLOCK, holder)
    return torch.cat(balls), held, holder


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Euclidean (N, M). Not by matrix products, which miss that two features are the same."""
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")


def by_block(x: Tensor, work: Callable[[Tensor, int], Tensor]) -> Tensor:
    return torch.cat([work(rows, i * BLOCK) for i, rows in enumerate(x.split(BLOCK))])
