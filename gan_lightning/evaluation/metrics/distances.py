"""Distances between two sets of features (N, d), computed in float64."""

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics.checks import clouds
from gan_lightning.evaluation.metrics.estimate import Estimate, variance_of_mean

KERNEL_ROWS = 128
"""Rows of a kernel matrix that are computed at a time. (See `ROW_BLOCK` of neighbours.py.)"""


# ---- the Fréchet distance -----------------------------------------------------------------------------------------


def frechet(real: Tensor, made: Tensor) -> Estimate:
    """Returns the Fréchet distance of two Gaussians with the sets' means m, w and covariances C, D (of N - 1):

    |m - w|^2 + tr(C + D - 2 (C^(1/2) D C^(1/2))^(1/2)).

    Dowson and Landau, "The Fréchet distance between multivariate normal distributions", 1982, Equation 4; Heusel et
    al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", 2017, Equation 6.
    https://arxiv.org/abs/1706.08500

    It is biased: for two sets of N features of the same distribution, it is not 0, but about (2d + d(d + 1)/2) / N for
    standard normal features. So compare values at the same N only, and with the distance between two sets of real
    images; or see `frechet_infinity`. Near that floor, its error is up to 1.4 times too large.

    No covariance is computed: with C = A'A, D = B'B and the singular values U S V' of A B', the trace is
    |A'U - B'V|^2 (the orthogonal Procrustes problem). So directions without variance are exact, equal sets have the
    distance 0, and it is never below 0.

    Args:
        real: Features of real images, (N, d).
        made: Features of samples, (M, d). They may all be the same: a collapse has a distance, too.

    Raises:
        UserError: There are fewer than two features of either, their lengths differ, they are not finite, or the real
            ones are all the same.
    """
    return Estimate.of(*compared(*clouds(real, made, least=2)))


def compared(real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the Fréchet distance () and the influence of each sample on it, (M,)."""
    difference = real.mean(0) - made.mean(0)
    _, a = factors(real)
    q, b = factors(made)
    rows = max(len(a), len(b))
    u, s, vh = torch.linalg.svd(padded(a, rows) @ padded(b, rows).T)
    distance = difference.square().sum() + (padded(a, rows).T @ u - padded(b, rows).T @ vh.T).square().sum()
    # with respect to D, the derivative is I - T, and c'Tc = sum_i s_i (v_i'q)^2 (M - 1) for a centred sample c
    transported = (len(made) - 1) * (q @ vh[:, : len(b)].T).square() @ s
    centred = made - made.mean(0)
    return distance, centred.square().sum(1) - 2 * centred @ difference - transported


def factors(x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns Q (N, r) and R (r, d): the centred features are (N - 1)^(1/2) Q R, their covariance is R'R."""
    q, r = torch.linalg.qr(x - x.mean(0))
    return q, r / (len(x) - 1) ** 0.5


def padded(root: Tensor, rows: int) -> Tensor:
    return F.pad(root, (0, 0, 0, rows - len(root)))


def frechet_infinity(real: Tensor, made: Tensor, seed: int = 0) -> Estimate:
    """Returns the Fréchet distance that infinitely many images of both kinds would have: no bias of first order.

    The distance is close to a line in 1 / n. It is fitted to that of all images, to the mean of those of two disjoint
    halves, and to that of four quarters, and read off at 1 / n = 0. For equal distributions, it is 0 in expectation, so
    it can be negative.

    Chong and Forsyth, "Effectively unbiased FID and Inception score and where to find them", 2020, Section 4.
    https://arxiv.org/abs/1911.07023. There, subsets are drawn at random and overlap, and only the samples are
    extrapolated. Here, real images are too, as they have the same bias.

    Args:
        real: Features of real images, (N, d).
        made: Features of samples, (M, d).
        seed: The seed of the parts. Nothing is drawn from the global random stream.

    Raises:
        UserError: As `frechet`; or there are fewer than 4d of either, so that a half does not show the line.
    """
    real, made = clouds(real, made, least=2)
    count, features = min(len(real), len(made)), real.shape[1]
    if count < 4 * features:
        raise UserError(
            f"{count:,} images are too few to extrapolate the Fréchet distance of {features:,} features: at least "
            f"{4 * features:,} real images and samples are needed"
        )
    generator = torch.Generator().manual_seed(seed)
    real, made = (x[torch.randperm(len(x), generator=generator).to(x.device)] for x in (real, made))
    parts = [1, 2, 4] if count >= 8 * features else [1, 2]
    found = [compared_in(real, made, count) for count in parts]
    weights = intercept(torch.tensor(parts, dtype=real.dtype, device=real.device))
    value, influence = (weights @ torch.stack(numbers) for numbers in zip(*found, strict=True))
    return Estimate.of(value, influence)


def compared_in(real: Tensor, made: Tensor, parts: int) -> tuple[Tensor, Tensor]:
    """Returns the mean Fréchet distance () of disjoint parts of both sets, and the influence (M,) of each sample."""
    pairs = zip(real.tensor_split(parts), made.tensor_split(parts), strict=True)
    distances, influences = zip(*(compared(x, y) for x, y in pairs), strict=True)
    return torch.stack(distances).mean(), torch.cat(influences)


def intercept(x: Tensor) -> Tensor:
    """Returns the weights of the values at x (K,) in the value at 0 of the line that fits them best."""
    centred = x - x.mean()
    return 1 / len(x) - x.mean() * centred / centred.square().sum()


# ---- the kernel distance ------------------------------------------------------------------------------------------


def kernel_distance(real: Tensor, made: Tensor, standardise: bool = True) -> Estimate:
    """Returns the squared maximum mean discrepancy under the kernel (x'y / d + 1)^3.

    It is unbiased: for equal distributions, it is 0 in expectation.

    Binkowski et al., "Demystifying MMD GANs", 2018, Section 4. https://arxiv.org/abs/1801.01401. All pairs are used
    rather than a few random subsets, so that nothing is drawn. So without standardisation it is what the literature's
    KID estimates, with less noise; `kid` has the subsets, too.

    The error is that of a U-statistic, with both its terms: Hoeffding, "A class of statistics with asymptotically
    normal distribution", 1948, Equation 5.13.

    Args:
        real: Features of real images, (N, d).
        made: Features of samples, (M, d).
        standardise: Whether features are standardised first, by the mean and standard deviation of the real ones.
            Without that, the cube makes a feature of ten times the scale count a million times as much.

    Raises:
        UserError: There are fewer than two features of either, their lengths differ, they are not finite, or the real
            ones are all the same.
    """
    real, made = clouds(real, made, least=2)
    if standardise:
        real, made = standardised(real, made)
    n, m = len(real), len(made)
    within_real = (kernel_sums(real, real).sum() - kernel(real, real, diagonal=True).sum()) / (n * (n - 1))
    across = kernel_sums(made, real) / n
    rows, squares = pair_sums(made, across)
    value = within_real + rows.sum() / (m * (m - 1))
    return Estimate.normal(value, u_statistic_variance(rows, squares).sqrt())


def standardised(real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
    mean, deviation = real.mean(0), real.std(0, unbiased=False)
    deviation = torch.where(deviation > 0, deviation, 1.0)
    return (real - mean) / deviation, (made - mean) / deviation


def pair_sums(x: Tensor, across: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the sums over the other samples y of g(x, y) = k(x, y) - a(x) - a(y) and of g^2, both (M,), for each x.

    Args:
        x: Samples (M, d).
        across: a(x), the mean of the kernel over real images, (M,).
    """
    rows, squares = [], []
    for block in torch.arange(len(x), device=x.device).split(KERNEL_ROWS):
        g = kernel(x[block], x).sub_(across[block, None]).sub_(across)
        g[torch.arange(len(block), device=x.device), block] = 0.0
        rows.append(g.sum(1))
        squares.append(g.square().sum(1))
    return torch.cat(rows), torch.cat(squares)


def u_statistic_variance(rows: Tensor, squares: Tensor) -> Tensor:
    """Returns the variance () of the mean of g over pairs of M samples, (4 (M - 2) z1 + 2 z2) / (M (M - 1)).

    z1 is the variance of E[g | x], z2 that of g. Half of what the first-order term alone, which counts part of the
    second twice, would give is the least that is possible.

    Args:
        rows: The sum of g over the other samples, for each of the samples (M,).
        squares: The same of g^2.
    """
    m = len(rows)
    mean = rows.sum() / (m * (m - 1))
    z2 = squares.sum() / (m * (m - 1)) - mean.square()
    first = 4 * variance_of_mean(rows / (m - 1))
    if m < 4:
        return first
    z1 = (rows.square() - squares).sum() / (m * (m - 1) * (m - 2)) - mean.square()
    return ((4 * (m - 2) * z1 + 2 * z2) / (m * (m - 1))).clamp(min=first / 2)


def kid(real: Tensor, made: Tensor, subsets: int = 10, size: int = 1000, seed: int = 0) -> Estimate:
    """Returns the kernel inception distance as the literature reports it: the mean over random subsets.

    Binkowski et al., "Demystifying MMD GANs", 2018, Section 4. https://arxiv.org/abs/1801.01401. Features are not
    standardised. Its error is that of the mean over subsets, as if they were independent; `kernel_distance` uses all
    pairs, and has a better one.

    Args:
        real: Features of real images, (N, d).
        made: Features of samples, (M, d).
        subsets: The number of pairs of subsets.
        size: Features in a subset; all, if there are fewer.
        seed: The seed of the subsets. Nothing is drawn from the global random stream.

    Raises:
        UserError: As `kernel_distance`; or subsets is below 1, or size below 2.
    """
    if subsets < 1 or size < 2:
        raise UserError(f"subsets is {subsets} and size is {size}; they must be at least 1 and 2")
    real, made = clouds(real, made, least=2)
    generator = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(subsets):
        x, y = (z[torch.randperm(len(z), generator=generator)[:size].to(z.device)] for z in (real, made))
        values.append(unbiased_discrepancy(x, y))
    return Estimate.mean(torch.tensor(values, dtype=torch.float64))


def unbiased_discrepancy(x: Tensor, y: Tensor) -> float:
    """Returns the mean of the kernel over pairs within x and within y, minus twice that over pairs across."""
    within = [(kernel_sums(z, z).sum() - kernel(z, z, diagonal=True).sum()) / (len(z) * (len(z) - 1)) for z in (x, y)]
    return (within[0] + within[1] - 2 * kernel_sums(x, y).mean() / len(y)).item()


def kernel_sums(x: Tensor, y: Tensor) -> Tensor:
    """Returns the sum of the kernel over all y for each x, (N,)."""
    return torch.cat([kernel(some, y).sum(1) for some in x.split(KERNEL_ROWS)])


def kernel(x: Tensor, y: Tensor, diagonal: bool = False) -> Tensor:
    products = (x * y).sum(1) if diagonal else x @ y.T
    base = products.div_(x.shape[1]).add_(1)
    return base.square().mul_(base)


def cmmd(real: Tensor, made: Tensor) -> Estimate:
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

    Raises:
        UserError: There are fewer than two features of either, or their lengths differ.
    """
    real, made = clouds(real, made, least=2)

    def likeness(x: Tensor, y: Tensor) -> Tensor:
        return torch.cat([torch.exp(-torch.cdist(some, y).square() / 200).mean(1) for some in x.split(KERNEL_ROWS)])

    among, across = likeness(made, made), likeness(made, real)
    return Estimate.of(1000 * (likeness(real, real).mean() + (among - 2 * across).mean()), 2000 * (among - across))
