"""Metrics based on nearest neighbours. Features are (N, d); distances are Euclidean, in float64.

Distances are computed block by block, so that no N x N matrix is held in memory.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics.checks import clouds
from gan_lightning.evaluation.metrics.estimate import DEVIATIONS, Estimate, t_deviations, variance_of_mean

ROW_BLOCK = 64
"""Rows of a distance matrix that are held at a time. (Larger blocks are returned to the system and asked for again at
each step, which costs more than the arithmetic.)"""

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
        UserError: There are not more than k features of either, their lengths differ, they are not finite, or the real
            ones are all the same.
    """
    real, made = checked_numbers(real, made, k)
    precise = within(made, real, radii(real, k)).balls > 0
    return PrecisionRecall(Estimate.share(precise.sum(), len(made)), recall_of(real, made, k))


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
        UserError: There are not more than k features of either, their lengths differ, they are not finite, or the real
            ones are all the same.
    """
    real, made = checked_numbers(real, made, k)
    found = within(made, real, radii(real, k))
    return DensityCoverage(Estimate.mean(found.balls / k), share_reached(found.held, found.inside, len(made)))


def recall_of(real: Tensor, made: Tensor, k: int) -> Estimate:
    """Returns the share of real images (N, d) within balls around samples (M, d), which reach to the k-th neighbour.

    Its variance is half of the jackknife's. Without a sample, its own ball is missing, and those of which it was one of
    the k neighbours reach farther. So neighbouring samples stand in for each other, and most of what one changes
    depends on a second; of such terms, the jackknife counts the variance twice (Efron and Stein, "The jackknife
    estimate of variance", 1981).
    """
    n, m = len(real), len(made)
    near, index = nearest(made, made, min(k + 2, m))
    radius = near[:, k]
    wider = near[:, k + 1] if m > k + 1 else torch.full_like(radius, torch.inf)
    found = within(real, made, radius)
    lost = torch.bincount(found.around[found.balls == 1, 0].long(), minlength=m)
    image, without = reached_anew(real, made, radius, wider, index[:, 1 : k + 1], found.balls <= 1).unbind(1)
    kept = (found.balls[image] == 0) | (found.around[image, 0] == without)
    influence = (lost - torch.bincount(without[kept], minlength=m)).double()
    error = (variance_of_mean(influence) / 2 + 1 / m**2).sqrt() * m / n  # one image is added, as in `share_reached`
    value, error, low, high = Estimate.normal((found.balls > 0).sum() / n, error)
    return Estimate(value, error, max(low, 0.0), min(high, 1.0))


def reached_anew(
    real: Tensor, made: Tensor, radius: Tensor, wider: Tensor, neighbours: Tensor, which: Tensor
) -> Tensor:
    """Returns the pairs (P, 2) of a real image, one of `which`, and a sample without which a wider ball reaches it.

    Args:
        real: (N, d).
        made: (M, d).
        radius: The radius of the ball around each sample, (M,).
        wider: That of the ball without one of its k neighbours, (M,).
        neighbours: The numbers of the k neighbours, (M, k).
        which: The real images to look at, (N,), bool.
    """
    products, pairs = Products(made), []
    for rows in which.nonzero().flatten().split(ROW_BLOCK):
        squares, _ = products.of(real[rows])
        image, ball = ((squares > radius.square()) & (squares <= wider.square())).nonzero().unbind(1)
        pairs.append(torch.stack([rows[image, None].expand(-1, neighbours.shape[1]), neighbours[ball]], dim=2))
    return torch.cat([pair.flatten(0, 1) for pair in pairs] or [which.new_empty(0, 2).long()]).unique(dim=0)


def share_reached(reached: Tensor, by: Tensor, samples: int) -> Estimate:
    """Returns the share of real images that at least one sample reaches.

    Real images that the same samples reach are found or missed together, so they are fewer than they seem. Let J_c be
    the sum, over sets of c samples, of the squared number of real images that this set and no other sample reaches. If
    each image is reached by a Poisson number of samples, the variance of the number reached is

    J_1 - J_2 + J_3 - … - n^2 / M,

    where n images are reached by one sample only. J_1 - n^2 / M alone is the jackknife, which is two to three times too
    large (Efron and Stein, "The jackknife estimate of variance", 1981; Houdré, "The iterated jackknife estimate of
    variance", 1997). The rest of the series is noise, so it is continued as a geometric one, J_1 / (1 + J_2 / J_1):
    that is exact if the Poisson means are themselves exponentially distributed. One image is added to the variance, and
    the deviations are those of Student's t, as few samples may decide. docs/results/intervals.md
    has what such intervals hold.

    Args:
        reached: The number of samples that reach each real image, (N,).
        by: Two numbers that name these samples where they are one or two, (N, 2); see `Within`.
        samples: The number of samples, M.
    """
    alone, pairs = (by[reached == c].unique(dim=0, return_counts=True)[1].double() for c in (1, 2))
    first, second = alone.square().sum(), pairs.square().sum()
    mean = alone.sum() / samples
    variance = (first.square() / (first + second).clamp(min=1) - samples * mean.square()).clamp(min=0) + 1
    spread = first - samples * mean.square()
    fourth = (alone - mean).pow(4).sum() + (samples - len(alone)) * mean.pow(4)
    freedom = 2 * spread.square() / (fourth - spread.square() / samples).clamp(min=1)  # Satterthwaite, 1946
    count = len(reached)
    deviations = t_deviations(freedom.item()) if len(alone) else DEVIATIONS
    value, error, low, high = Estimate.normal((reached > 0).sum() / count, variance.sqrt() / count, deviations)
    return Estimate(value, error, max(low, 0.0), min(high, 1.0))


def realism(real: Tensor, made: Tensor, k: int = 3) -> Tensor:
    """Returns how near each sample lies to real images, in the radii of their balls: 1 or more within a ball.

    max_r |r - NN_k(r)| / |x - r|, over the half of the real images r with the smaller radii, whose neighbourhoods are
    well sampled. Infinite for a copy. Kynkäänniemi et al., "Improved precision and recall metric for assessing
    generative models", 2019, Equation 3. https://arxiv.org/abs/1904.06991

    Args:
        real: Features of real images, (N, d).
        made: Features of samples, (M, d).
        k: The neighbour to which the balls reach; an image is not its own neighbour.

    Returns:
        One score for each sample, (M,), float64, 0 or more.

    Raises:
        UserError: There are not more than k features of either, their lengths differ, they are not finite, or the real
            ones are all the same.
    """
    real, made = checked_numbers(real, made, k)
    radius = radii(real, k)
    dense = radius <= radius.median()
    products, radius, real = Products(real[dense]), radius[dense], real[dense]
    scores = []
    for rows in made.split(ROW_BLOCK):
        squares, error = products.of(rows)
        few = (radius.square() / squares.clamp(min=error[:, None])).topk(min(SPARE, len(real))).indices
        scores.append((radius[few] / distances(rows[:, None], real[few])[:, 0]).amax(1))
    return torch.cat(scores).nan_to_num(nan=torch.inf, posinf=torch.inf)  # 0 / 0 for a copy of a repeated image


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
        UserError: There are fewer than two of either, their lengths differ, they are not finite, or the training images
            are all the same.
    """
    real, made = checked_numbers(real, made, 1)
    distance, index = nearest_of(made, real)
    met, place = index.unique(return_inverse=True)
    reach = nearest(real[met], real, 2)[0][:, 1]  # column 0 is the image itself
    return Estimate.share((distance > reach[place]).sum(), len(made))


def copying(train: Tensor, test: Tensor, made: Tensor) -> Estimate:
    """Returns C_T, the test statistic for data copying, in standard deviations of Mann and Whitney's U.

    It measures how much farther samples lie from the training images than held-out images do. Below -3, samples lie
    nearer: they copy, or they are blurred or less varied. Above 3, they lie farther. It is below 3 in size for samples
    like held-out images; its error is smaller than 1, as it is that of other samples with the same held-out images.

    Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying in generative models", 2020, Section
    2.2, with one cell. https://arxiv.org/abs/2004.05675

    Args:
        train: Training images, (N, d).
        test: Held-out images, (T, d).
        made: Samples, (M, d).

    Raises:
        UserError: There are fewer than two of a set, their lengths differ, they are not finite, or the training images
            are all the same.
    """
    samples, held_out = (nearest_of(x, known)[0] for known, x in (clouds(train, x, least=2) for x in (made, test)))
    return rank_deviation(samples, held_out)


def rank_deviation(samples: Tensor, held_out: Tensor) -> Estimate:
    """Compares distances of samples (M,) with those of held-out images (T,).

    With the same held-out images, Mann and Whitney's U is a sum over independent samples: DeLong, DeLong and
    Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating characteristic curves", 1988.
    https://doi.org/10.2307/2531595

    Returns:
        How much larger they are, in standard deviations of U without a difference.
    """
    m, n = len(samples), len(held_out)
    ordered, _ = held_out.sort()
    below, upto = torch.searchsorted(ordered, samples), torch.searchsorted(ordered, samples, right=True)
    nearer = (below + upto).double() / 2  # the held-out images that are nearer than the sample; a tie counts one half
    return Estimate.mean((nearer - n / 2) * (12 * m / (n * (m + n + 1))) ** 0.5)


def checked_numbers(real: Tensor, made: Tensor, k: int) -> tuple[Tensor, Tensor]:
    if k < 1:
        raise UserError(f"k is {k}; it must be at least 1 neighbour")
    return clouds(real, made, least=k + 1)


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


class Within(NamedTuple):
    """Which points lie in which balls, counted.

    Args:
        balls: The number of balls around each point, (N,).
        around: The sum of the numbers of these balls, and that of the squares of the numbers, (N, 2): they name the
            ball, or the two balls, around a point.
        held: The number of points in each ball, (M,).
        inside: The same two sums for these points, (M, 2).
    """

    balls: Tensor
    around: Tensor
    held: Tensor
    inside: Tensor


def within(points: Tensor, centres: Tensor, radius: Tensor) -> Within:
    """Counts the balls around each of the points (N, d), and the points in each ball, of given centres (M, d) and radii
    (M,).
    """
    products, numbers = Products(centres), powers(centres)
    balls, held = [], torch.zeros(len(centres), 3, dtype=points.dtype, device=points.device)
    for rows, names in zip(points.split(ROW_BLOCK), powers(points).split(ROW_BLOCK), strict=True):
        squares, error = products.of(rows)
        beyond = squares.sub_(radius.square())
        inside = beyond <= 0
        for i, j in (pairs.unbind(1) for pairs in (~(beyond.abs_() > error[:, None])).nonzero().split(PAIRS)):
            inside[i, j] = distances(rows[i, None], centres[j, None]).flatten() <= radius[j]
        among = inside.double()
        balls.append(among @ numbers)
        held += among.T @ names
    around = torch.cat(balls)
    return Within(around[:, 0].long(), around[:, 1:], held[:, 0].long(), held[:, 1:])


def powers(x: Tensor) -> Tensor:
    """Returns 1, i and i^2 for the number i of each feature, (N, 3): their sums are exact below 2^53."""
    i = torch.arange(len(x), dtype=torch.float64, device=x.device)
    return torch.stack([torch.ones_like(i), i, i.square()], dim=1)


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
