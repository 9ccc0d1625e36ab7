"""Whether samples are copies of training images, or of each other. Features are (N, d): pixels, or a network's."""

from math import expm1, hypot, inf, sqrt
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics.distances import clouds
from gan_lightning.evaluation.metrics.neighbours import distances, nearest, nearest_of, rank_deviation, within

DEVIATIONS = 1.959964
"""Standard deviations of a normal law to either side that hold 95 % of it."""


class Nearness(NamedTuple):
    """How near features lie to the training images.

    Args:
        distance: To the nearest training image, (N,).
        reach: How far that image is from the nearest training image that differs from it, (N,).
        nearest: Which training image it is, (N,).
    """

    distance: Tensor
    reach: Tensor
    nearest: Tensor

    @property
    def ratio(self) -> Tensor:
        """Distance over reach (N,): 0 for an exact copy, mostly near 1 for another image of the same law."""
        return self.distance / self.reach

    @property
    def authentic(self) -> float:
        """The share that is farther from its nearest training image than that image is from others."""
        return (self.distance > self.reach).double().mean().item()


class Memorisation(NamedTuple):
    """Which samples are copies of training images, beside the same of held-out images.

    Args:
        ratio: For each sample, the distance to its nearest training image over that image's distance to others; (M,).
        nearest: Which training image that is, (M,).
        copies: Which samples are called copies: their ratio is below the threshold; (M,), true or false.
        threshold: What the ratio of a copy is below.
        found: How many samples are called copies.
        images: How many different training images these are copies of.
        exact: How many samples are a training image to the last bit of the features.
        expected: The share of other real images that would be called copies, on average.
        excess: The share of samples that are called copies, less the expected one.
        low: From here on,
        high: up to here, the excess lies with 95 % confidence.
        p_value: How likely as many copies, or more, are if samples lie as held-out images do, whatever their law.
        copying: C_T of the samples: below -3, they lie nearer to the training images than held-out images do.
        authentic: The share of samples that are farther from their nearest training image than that is from others.
        held_out_authentic: The same of held-out images, which is what to compare it with.
    """

    ratio: Tensor
    nearest: Tensor
    copies: Tensor
    threshold: float
    found: int
    images: int
    exact: int
    expected: float
    excess: float
    low: float
    high: float
    p_value: float
    copying: float
    authentic: float
    held_out_authentic: float


def memorisation(train: Tensor, held_out: Tensor, made: Tensor, alpha: float = 0.001) -> Memorisation:
    """Which samples are copies of training images, calibrated on real images that were not trained on.

    A sample is suspicious as far as it is nearer to its nearest training image than that image is to others (the ratio
    that Alaa et al., "How faithful is your synthetic data? Sample-level metrics for evaluating and auditing generative
    models", 2022, Section 4.3, compare with 1; https://arxiv.org/abs/2102.08921). Real images come near each other,
    too; so a sample is called a copy only if its ratio is so small that at most the share alpha of held-out images
    have a smaller one. That follows Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying in
    generative models", 2020 (https://arxiv.org/abs/2004.05675): copying is being nearer than held-out images are. Their
    C_T, which is reported beside it, needs most samples to be nearer; this finds a few copies among many samples.

    The p-value is Fisher's exact one. Although the threshold comes from the same held-out images, it is right: this is
    the precedence test (Nelson, "Tables for a precedence life test", 1963), for which only order counts.

    Held-out images must be of the law of the training images. With fewer than 1 / alpha of them, the threshold is the
    least of their ratios.

    Args:
        train: What was trained on, (N, d).
        held_out: Real images that were not trained on, (T, d).
        made: Samples, (M, d).
        alpha: The share of held-out images that may be called copies, from 0 to below 1.

    Raises:
        UserError: One is empty, their lengths differ, alpha is no such share, or the training images are all the same.
    """
    return compare_nearness(nearness(train, held_out), nearness(train, made), alpha)


def nearness(train: Tensor, x: Tensor) -> Nearness:
    """How near features lie to the training images, and these to each other.

    Training images that occur more than once count once, or a copy of one would be at no distance from none.

    Args:
        train: (N, d).
        x: (M, d).

    Raises:
        UserError: One is empty, their lengths differ, or the training images are all the same.
    """
    train, x = clouds(train, x, least=1)
    distance, index = nearest_of(x, train)
    met, place = index.unique(return_inverse=True)
    reach = nearest(train[met], train, min(2, len(train)))[0][:, -1]
    for one in (reach == 0).nonzero().flatten():
        apart = distances(train[met[one], None], train)[0]
        reach[one] = torch.where(apart > 0, apart, inf).min()
    if reach.isinf().any():
        raise UserError("the training images are all the same: there is nothing to compare a distance with")
    return Nearness(distance, reach[place], index)


def compare_nearness(held_out: Nearness, made: Nearness, alpha: float = 0.001) -> Memorisation:
    """The report of `memorisation`, of what is known about each image."""
    if not 0 <= alpha < 1:
        raise UserError(f"alpha is {alpha}; it must be a share of held-out images, from 0 to below 1")
    t, m = len(held_out.ratio), len(made.ratio)
    allowed = int(alpha * t)
    threshold = held_out.ratio.sort().values[allowed].item()
    copies = made.ratio < threshold
    found = int(copies.sum())
    expected = (allowed + 1) / (t + 1)  # what lies below an order statistic on average
    low, high = limits(found / m, wilson(found, m), expected, wilson(allowed, t))
    return Memorisation(
        ratio=made.ratio,
        nearest=made.nearest,
        copies=copies,
        threshold=threshold,
        found=found,
        images=len(made.nearest[copies].unique()),
        exact=int((made.distance == 0).sum()),
        expected=expected,
        excess=found / m - expected,
        low=low,
        high=high,
        p_value=more_by_chance(found, m, allowed, t),
        copying=rank_deviation(made.distance, held_out.distance),
        authentic=made.authentic,
        held_out_authentic=held_out.authentic,
    )


Limits = tuple[float, float]
"""Of a 95 % interval."""


def limits(p: float, of_p: Limits, q: float, of_q: Limits) -> Limits:
    """Of the difference of two shares p - q, from those of each.

    Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven methods",
    1998, Method 10.
    """
    return p - q - hypot(p - of_p[0], of_q[1] - q), p - q + hypot(of_p[1] - p, q - of_q[0])


def wilson(a: int, m: int) -> Limits:
    """Of the share a / m. Wilson, "Probable inference, the law of succession, and statistical inference", 1927."""
    p, z2 = a / m, DEVIATIONS**2
    middle = (p + z2 / (2 * m)) / (1 + z2 / m)
    half = sqrt(z2 * p * (1 - p) / m + (z2 / (2 * m)) ** 2) / (1 + z2 / m)
    return middle - half, middle + half


def more_by_chance(a: int, m: int, b: int, n: int) -> float:
    """Fisher's exact test, one-sided: of a + b marks on m + n things in random places, a or more are on the m."""
    marked = a + b
    x = torch.arange(max(a, marked - n), min(marked, m) + 1, dtype=torch.float64)
    log = log_binomial(m, x) + log_binomial(n, marked - x) - log_binomial(m + n, torch.tensor(float(marked)).double())
    return min(1.0, log.exp().sum().item())


def log_binomial(n: int, k: Tensor) -> Tensor:
    return torch.lgamma(k.new_tensor(n + 1.0)) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)


class Duplicates(NamedTuple):
    """Samples that repeat each other.

    Args:
        share: The share of samples that have a double among the others.
        pairs: How many pairs of samples are doubles.
        support: How many different samples the generator makes, if it makes them all equally often: what explains so
            many pairs, s(s - 1) / 2 over them, for s samples. Infinite if there are none.
        least: There are at least so many, with 95 % confidence.
    """

    share: float
    pairs: int
    support: float
    least: float


def duplicates(made: Tensor, tolerance: float = 0.0) -> Duplicates:
    """Which samples repeat another sample, and how many different ones that lets expect.

    Arora and Zhang, "Do GANs actually learn the distribution? An empirical study", 2017.
    https://arxiv.org/abs/1706.08224. Samples that are not equally likely make it an underestimate. Without a tolerance
    only exact repetitions count, which a generator of continuous latents makes when it has collapsed altogether; with
    one, compare with what it finds among real images.

    Args:
        made: Samples, (s, d), of which there are at least two.
        tolerance: Up to which distance two samples are doubles.

    Raises:
        UserError: There are fewer than two samples, or the tolerance is negative.
    """
    if tolerance < 0:
        raise UserError(f"tolerance is {tolerance}; it must be a distance, 0 or more")
    x, _ = clouds(made, made, least=2)
    others = within(x, x, x.new_full((len(x),), tolerance))[0] - 1
    pairs, possible = int(others.sum()) // 2, len(x) * (len(x) - 1) / 2
    support = possible / pairs if pairs else inf
    return Duplicates((others > 0).double().mean().item(), pairs, support, possible / poisson_limit(pairs))


def poisson_limit(count: int) -> float:
    """What the mean of a Poisson variable is below with 95 % confidence: that m for which P(X <= count) is .05."""
    low, high = torch.zeros(1).double(), torch.tensor([2.0 * count + 10]).double()
    places = low.new_tensor([count + 1.0])
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if torch.special.gammaincc(places, middle) > 0.05 else (low, middle)
    return high.item()


def birthday(draws: int, support: float) -> float:
    """The probability that two draws or more are the same, 1 - exp(-s(s - 1) / 2S), of s draws from S equally often.

    Arora and Zhang, "Do GANs actually learn the distribution? An empirical study", 2017.
    https://arxiv.org/abs/1706.08224. So if duplicates are as likely as not among s samples, S is about s^2.

    Args:
        draws: s.
        support: S.
    """
    return -expm1(-draws * (draws - 1) / (2 * support))
