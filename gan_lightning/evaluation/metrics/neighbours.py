"""Metrics based on nearest neighbours. Features are (N, d); distances are Euclidean, in float64.

Distances are computed block by block, so that no N x N matrix is held in memory.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics.distances import clouds
from gan_lightning.evaluation.metrics.estimate import Estimate

ROW_BLOCK = 256
"""Rows of a distance matrix that are held at a time."""

PAIRS = 65_536
"""Pairs of features that are held at a time."""

SPARE = 4
"""Candidates for the nearest neighbours, beyond the number asked for."""


class PrecisionRecall(NamedTuple):
    """Precision and recall of samples, as shares from 0 to 1.

    Args:
        precision: The share of samples that lie where real images lie.
        recall: The share of real images that lie where samples lie.
    """

    precision: Estimate
    recall: Estimate


class DensityCoverage(NamedTuple):
    """How samples fill the neighbourhoods of real images.

    Args:
        density: How densely samples lie around real images; 1 in expectation for the same distribution, possibly more.
        coverage: The share of real images with a sample in their neighbourhood, 0 to 1.
    """

    density: Estimate
    coverage: Estimate


def precision_recall(real: Tensor, made: Tensor, k: int = 3) -> PrecisionRecall:
    """Measures the share of samples within balls around real images that reach to the k-th neighbour, and the reverse.

    Kynkäänniemi et al., "Improved precision and recall metric for assessing generative models", 2019,
    Equations 1 and 2. https://arxiv.org/abs/1904.06991

    Args:
        real: Features of real images, (N, d).
        made: Features of samples, (M, d).
        k: The neighbour to which the balls reach; an image is not its own neighbour.

    Raises:
        UserError: There are not more than k features of either, or their lengths differ.
    """
    real, made = checked_numbers(real, made, k)
    inside = [within(points, centres, radii(centres, k)) for points, centres in ((made, real), (real, made))]
    return PrecisionRecall(*(Estimate.mean(balls > 0) for balls, *_ in inside))


def density_coverage(real: Tensor, made: Tensor, k: int = 5) -> DensityCoverage:
    """Measures in how many balls around real images a sample lies, over k, and the share of balls that hold a sample.

    Naeem et al., "Reliable fidelity and diversity metrics for generative models", 2020, Equations 2 and 3.
    https://arxiv.org/abs/2002.09797. For equal distributions, the expected density is 1 and the expected coverage
    1 - prod_{i=1..k} (N - i) / (N + M - i).

    Args:
        real: Features of real images, (N, d).
        made: Features of samples, (M, d).
        k: The neighbour to which the balls reach; an image is not its own neighbour.

    Raises:
        UserError: There are not more than k features of either, or their lengths differ.
    """
    real, made = checked_numbers(real, made, k)
    balls, held, holder = within(made, real, radii(real, k))
    covered = (held > 0).double().mean()
    alone = torch.bincount(holder[held == 1], minlength=len(made)).double()  # the balls that only this sample covers
    return DensityCoverage(Estimate.mean(balls / k), Estimate.of(covered, alone * len(made) / len(real)))


def authenticity(real: Tensor, made: Tensor) -> Estimate:
    """Returns the share of samples that are not copies.

    Such a sample lies farther from its nearest real image than that image from its own nearest.

    Alaa et al., "How faithful is your synthetic data? Sample-level metrics for evaluating and auditing generative
    models", 2022, Section 4.3. https://arxiv.org/abs/2102.08921. About one half for the same distribution; near 0 for
    copies.

    Args:
        real: Training images, (N, d).
        made: Samples, (M, d).

    Raises:
        UserError: There are fewer than two training images, or the lengths differ.
    """
    real, made = checked_numbers(real, made, 1)
    distance, index = nearest_of(made, real)
    met, place = index.unique(return_inverse=True)
    reach = nearest(real[met], real, 2)[0][:, 1]  # column 0 is the image itself
    return Estimate.mean(distance > reach[place])


def copying(train: Tensor, test: Tensor, made: Tensor) -> Estimate:
    """Returns C_T, the test statistic for data copying, in standard deviations of Mann and Whitney's U.

    It measures how much farther samples lie from the training images than held-out images do. Below -3, training images
    are copied; above 3, they are missed.

    Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying in generative models", 2020, Section
    2.2, with one cell. https://arxiv.org/abs/2004.05675

    Args:
        train: Training images, (N, d).
        test: Held-out images, (T, d).
        made: Samples, (M, d).

    Raises:
        UserError: One set is empty, or their lengths differ.
    """
    samples, held_out = (nearest_of(*reversed([*clouds(train, x, least=1)]))[0] for x in (made, test))
    return Estimate(rank_deviation(samples, held_out), 1.0)  # C_T is in standard deviations


def rank_deviation(samples: Tensor, held_out: Tensor) -> float:
    """Compares distances of samples (M,) with those of held-out images (T,).

    Returns:
        How much larger they are, in standard deviations of Mann and Whitney's U.
    """
    m, n = len(samples), len(held_out)
    ordered, _ = held_out.sort()
    below, upto = torch.searchsorted(ordered, samples), torch.searchsorted(ordered, samples, right=True)
    u = (below + upto).double().sum() / 2  # pairs in which the sample is farther; a tie counts one half
    return ((u - m * n / 2) / (m * n * (m + n + 1) / 12) ** 0.5).item()


def checked_numbers(real: Tensor, made: Tensor, k: int) -> tuple[Tensor, Tensor]:
    if k < 1:
        raise UserError(f"k is {k}; it must be at least 1 neighbour")
    first, second = clouds(real, made, least=k + 1)
    return first, second


def radii(x: Tensor, k: int) -> Tensor:
    """Returns the distance (N,) of each feature (N, d) from its k-th neighbour, not counting itself."""
    return nearest(x, x, k + 1)[0][:, k]  # column 0 is the feature itself, or one equal to it


def nearest_of(x: Tensor, centres: Tensor) -> tuple[Tensor, Tensor]:
    """Returns, for each of the features (N, d), the distance (N,) to the nearest centre and its index (N,)."""
    distance, index = nearest(x, centres, 1)
    return distance[:, 0], index[:, 0]


def nearest(x: Tensor, centres: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Returns, for each of the features (N, d), the distances (N, k) to the k nearest centres, nearest first, and their
    indices (N, k).

    A matrix product, which is fast but rounds, proposes k + SPARE candidates; exact distances decide among them.
    """
    products, spare = Products(centres), min(k + SPARE, len(centres))
    pairs = [k_least(rows, centres, k, *products.of(rows), spare) for rows in x.split(ROW_BLOCK)]
    return torch.cat([distance for distance, _ in pairs]), torch.cat([index for _, index in pairs])


def k_least(rows: Tensor, centres: Tensor, k: int, squares: Tensor, error: Tensor, spare: int) -> tuple[Tensor, Tensor]:
    values, few = squares.topk(spare, largest=False)
    few = few.sort().values
    distance, place = least(distances(rows[:, None], centres[few])[:, 0], k)
    index = few.gather(1, place)
    unsure = ~(values[:, -1] - values[:, k - 1] > 2 * error)  # others may be as near: compare with all
    if unsure.any():
        distance[unsure], index[unsure] = least(distances(rows[unsure], centres), k)
    return distance, index


def least(d: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Returns the k smallest of each row (n, N), in ascending order, and their indices. It overwrites d.

    The first of equal ones comes first.
    """
    found = []
    for _ in range(k):
        found.append(d.min(1, keepdim=True))
        d.scatter_(1, found[-1].indices, torch.inf)
    return torch.cat([pair.values for pair in found], dim=1), torch.cat([pair.indices for pair in found], dim=1)


def within(points: Tensor, centres: Tensor, radius: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Counts the balls around each point (N,) and the points in each ball (M,), and names one of these points (M,)."""
    products = Products(centres)
    balls, held = [], torch.zeros(len(centres), dtype=torch.int64, device=centres.device)
    holder = torch.zeros_like(held)
    for block, rows in enumerate(points.split(ROW_BLOCK)):
        squares, error = products.of(rows)
        beyond = squares.sub_(radius.square())
        inside = beyond <= 0
        for i, j in (pairs.unbind(1) for pairs in (~(beyond.abs_() > error[:, None])).nonzero().split(PAIRS)):
            inside[i, j] = distances(rows[i, None], centres[j, None]).flatten() <= radius[j]
        balls.append(inside.sum(1))
        held += inside.sum(0)
        holder = torch.where(inside.any(0), inside.byte().argmax(0) + block * ROW_BLOCK, holder)
    return torch.cat(balls), held, holder


class Products:
    """Squared distances from centres by a matrix product, |x|^2 - 2 x'y + |y|^2, with a bound on their error.

    Args:
        centres: (M, d).
    """

    def __init__(self, centres: Tensor) -> None:
        self.middle = centres.mean(0)  # far from the origin, differences of large numbers lose digits
        self.centres = centres - self.middle
        self.norms = self.centres.square().sum(1)

    def of(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the squared distances (N, M) of features (N, d), and a bound (N,) on their rounding errors."""
        x = x - self.middle
        norms = x.square().sum(1)
        # sums of d + 4 terms; Higham, "Accuracy and stability of numerical algorithms", 2002, Section 3.1; doubled
        error = 4 * (x.shape[1] + 4) * torch.finfo(x.dtype).eps * (norms + self.norms.max())
        return torch.addmm(self.norms, x, self.centres.T, alpha=-2).add_(norms[:, None]), error


def distances(x: Tensor, y: Tensor) -> Tensor:
    """Returns Euclidean distances (…, N, M) between (…, N, d) and (…, M, d).

    Matrix products are not used, as they miss that two features are equal.
    """
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
