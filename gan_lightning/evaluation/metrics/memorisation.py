"""Tests for samples that copy training images or each other. Features are (N, d): pixels, or those of a network."""

from math import expm1, hypot, inf
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics.checks import check_finite_features, clouds
from gan_lightning.evaluation.metrics.estimate import Estimate, Limits, wilson
from gan_lightning.evaluation.metrics.neighbours import distances, nearest, nearest_of, rank_deviation, within

RARE = 0.01
"""The p-value below which samples are said to hold copies."""

FAR_OFF = 3
"""The size of C_T from which on samples lie nearer to the training images, or farther, than held-out images do."""


class Nearness(NamedTuple):
    """How near features lie to the training images.

    Args:
        distance: The distance to the nearest training image, (N,).
        reach: The distance of that image from the nearest training image that differs from it, (N,).
        nearest: The index of that training image, (N,).
    """

    distance: Tensor
    reach: Tensor
    nearest: Tensor

    @property
    def ratio(self) -> Tensor:
        """Distance over reach (N,): 0 for an exact copy, mostly near 1 for another image of the same distribution."""
        return self.distance / self.reach

    @property
    def authentic(self) -> Estimate:
        """The share that lies farther from its nearest training image than that image lies from others."""
        return Estimate.share((self.distance > self.reach).sum(), len(self.distance))


class Memorisation(NamedTuple):
    """The samples that are copies of training images, and the same for held-out images.

    Args:
        ratio: For each sample, the distance to its nearest training image over that image's distance to others; (M,).
        nearest: The index of that training image, (M,).
        copies: Whether each sample counts as a copy: its ratio is below the threshold; (M,), bool.
        threshold: The ratio below which a sample counts as a copy.
        found: The number of samples that count as copies.
        images: The number of different training images they copy.
        exact: The number of samples that equal a training image to the last bit of the features.
        expected: The share of other real images that would count as copies, on average.
        excess: The share of samples that count as copies, minus the expected share.
        low: The lower limit of the 95 % confidence interval of the excess.
        high: Its upper limit.
        p_value: The probability of as many copies, or more, if samples lie as held-out images do, whatever their
            distribution.
        copying: C_T of the samples: below -3, they lie nearer to the training images than held-out images do. Blurred,
            grey or less varied samples do that, too; see `verdict`.
        authentic: The share of samples that lie farther from their nearest training image than that image from others.
        held_out_authentic: The same for held-out images, to compare it with.
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
    copying: Estimate
    authentic: Estimate
    held_out_authentic: Estimate

    @property
    def share(self) -> Estimate:
        """The share of samples that count as copies."""
        return Estimate.share(self.found, len(self.copies))

    @property
    def verdict(self) -> str:
        """What was found, in words. Only copies are called so: they need a p-value below `RARE`."""
        made, few = len(self.copies), f"{self.expected * len(self.copies):,.1f} are expected of real images"
        found = f"{self.found:,} of {made:,} samples"
        if self.p_value < RARE:
            return f"copies of training images: {found}, of {self.images:,} different images; {few}"
        none = f"no more copies than chance: {found}; {few}"
        if self.copying.value < -FAR_OFF:
            return (
                "nearer to the training images than held-out images are, but no copies "
                f"({found}; {few}): blurred, grey or less varied samples do that, too"
            )
        if self.copying.value > FAR_OFF:
            return f"{none}. The samples lie farther from the training images than held-out images do"
        return none


def memorisation(train: Tensor, held_out: Tensor, made: Tensor, alpha: float = 0.001) -> Memorisation:
    """Finds samples that copy training images, calibrated on real images that were not trained on.

    The suspicion rests on a ratio: the distance of a sample to its nearest training image over that image's distance to
    others. (Alaa et al., "How faithful is your synthetic data? Sample-level metrics for evaluating and auditing
    generative models", 2022, Section 4.3, compare it with 1; https://arxiv.org/abs/2102.08921.) Real images come near
    each other, too. So a sample counts as a copy only if its ratio is so small that at most the share alpha of held-out
    images have a smaller one. That follows Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect
    data-copying in generative models", 2020 (https://arxiv.org/abs/2004.05675): copies lie nearer than held-out images
    do. Their C_T, which is reported, too, needs most samples to be nearer; this test finds a few copies among many
    samples.

    The p-value is that of Fisher's exact test. It holds although the threshold comes from the same held-out images:
    this is the precedence test (Nelson, "Tables for a precedence life test", 1963), in which only the order counts.

    Held-out images must have the distribution of the training images. With fewer than 1 / alpha of them, the threshold
    is the smallest of their ratios.

    Args:
        train: Training images, (N, d).
        held_out: Real images that were not trained on, (T, d).
        made: Samples, (M, d).
        alpha: The share of held-out images that may count as copies, from 0 to below 1.

    Raises:
        UserError: There are fewer than two of a set, their lengths differ, they are not finite, alpha is out of range,
            or the training images are all the same.
    """
    return compare_nearness(nearness(train, held_out), nearness(train, made), alpha)


def nearness(train: Tensor, x: Tensor) -> Nearness:
    """Measures how near features lie to the training images, and those to each other.

    Repeated training images count once; otherwise the reach of such an image would be 0.

    Args:
        train: Training images, (N, d).
        x: The features to measure, (M, d).

    Raises:
        UserError: There are fewer than two of a set, their lengths differ, they are not finite, or the training images
            are all the same.
    """
    train, x = clouds(train, x, least=2)
    distance, index = nearest_of(x, train)
    met, place = index.unique(return_inverse=True)
    reach = nearest(train[met], train, 2)[0][:, 1]
    for one in (reach == 0).nonzero().flatten():
        apart = distances(train[met[one], None], train)[0]
        reach[one] = torch.where(apart > 0, apart, inf).min()
    return Nearness(distance, reach[place], index)


def nearness_of_versions(train: Tensor, versions: Tensor) -> Nearness:
    """Measures how near the version of each image that is most like a copy lies to the training images.

    Give it mirrored and shifted versions, to find copies that are mirrored or shifted. For a comparison, held-out
    images must have the same versions: they come nearer by them, too, and the threshold takes that into account.

    Args:
        train: Training images, (N, d).
        versions: V versions of each of M images, (M, V, d), as of `evaluation.versions`.

    Returns:
        For each image, the nearness of its version with the smallest ratio, (M,).

    Raises:
        UserError: As `nearness`.
    """
    near = nearness(train, versions.flatten(0, 1))
    ratio = near.ratio.view(versions.shape[:2])
    chosen = ratio.argmin(1) + torch.arange(len(ratio), device=ratio.device) * ratio.shape[1]
    return Nearness(*(values[chosen] for values in near))


def compare_nearness(held_out: Nearness, made: Nearness, alpha: float = 0.001) -> Memorisation:
    """Returns the result of `memorisation` from what `nearness` measured."""
    if not 0 <= alpha < 1:
        raise UserError(f"alpha is {alpha}; it must be a share of held-out images, from 0 to below 1")
    t, m = len(held_out.ratio), len(made.ratio)
    allowed = int(alpha * t)
    threshold = held_out.ratio.sort().values[allowed].item()
    copies = made.ratio < threshold
    found = int(copies.sum())
    expected = (allowed + 1) / (t + 1)  # the expected share below an order statistic
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


def limits(p: float, of_p: Limits, q: float, of_q: Limits) -> Limits:
    """Returns the limits of the difference of two shares p - q, from the limits of each.

    Newcombe, "Interval estimation for the difference between independent proportions: comparison of eleven methods",
    1998, Method 10.
    """
    return p - q - hypot(p - of_p[0], of_q[1] - q), p - q + hypot(of_p[1] - p, q - of_q[0])


def more_by_chance(a: int, m: int, b: int, n: int) -> float:
    """Returns the p-value of Fisher's one-sided exact test.

    It is the probability that, of a + b marks in random places on m + n items, a or more are on the m items.
    """
    marked = a + b
    x = torch.arange(max(a, marked - n), min(marked, m) + 1, dtype=torch.float64)
    log = log_binomial(m, x) + log_binomial(n, marked - x) - log_binomial(m + n, torch.tensor(float(marked)).double())
    return min(1.0, log.exp().sum().item())


def log_binomial(n: int, k: Tensor) -> Tensor:
    return torch.lgamma(k.new_tensor(n + 1.0)) - torch.lgamma(k + 1) - torch.lgamma(n - k + 1)


class Duplicates(NamedTuple):
    """Samples that repeat each other.

    Args:
        share: The share of samples that have a duplicate among the others.
        pairs: The number of pairs of duplicates.
        support: The number of different samples that the generator makes, if all are equally likely: with s samples, so
            many pairs suggest s(s - 1) / 2 over their number. Infinite if there are none.
        least: A lower bound of it, with 95 % confidence.
    """

    share: float
    pairs: int
    support: float
    least: float


def duplicates(made: Tensor, tolerance: float = 0.0) -> Duplicates:
    """Counts samples that repeat another, and estimates how many different samples the generator makes.

    Arora and Zhang, "Do GANs actually learn the distribution? An empirical study", 2017.
    https://arxiv.org/abs/1706.08224. The estimate is too low if some samples are likelier than others. Without a
    tolerance, only exact repetitions count; a generator of continuous latents makes them only after a complete
    collapse. With a tolerance, compare with the result for real images.

    Args:
        made: Samples, (s, d), at least two.
        tolerance: The largest distance of two duplicates.

    Raises:
        UserError: There are fewer than two samples, they are not finite, or the tolerance is negative.
    """
    if tolerance < 0:
        raise UserError(f"tolerance is {tolerance}; it must be a distance, 0 or more")
    if made.dim() != 2 or len(made) < 2:
        raise UserError(f"samples have features of shape {tuple(made.shape)}; they must be (s, d) with s at least 2")
    check_finite_features(made, "samples")
    x = made.detach().double()
    others = within(x, x, x.new_full((len(x),), tolerance)).balls - 1
    pairs, possible = int(others.sum()) // 2, len(x) * (len(x) - 1) / 2
    support = possible / pairs if pairs else inf
    return Duplicates((others > 0).double().mean().item(), pairs, support, possible / poisson_limit(pairs))


def poisson_limit(count: int) -> float:
    """Returns the upper limit of a Poisson mean with 95 % confidence: the m for which P(X <= count) is .05."""
    low, high = torch.zeros(1).double(), torch.tensor([2.0 * count + 10]).double()
    places = low.new_tensor([count + 1.0])
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if torch.special.gammaincc(places, middle) > 0.05 else (low, middle)
    return high.item()


def birthday(draws: int, support: float) -> float:
    """Returns the probability that some of s draws from S equally likely values are equal, 1 - exp(-s(s - 1) / 2S).

    Arora and Zhang, "Do GANs actually learn the distribution? An empirical study", 2017.
    https://arxiv.org/abs/1706.08224. So if duplicates are as likely as not among s samples, S is about s^2.

    Args:
        draws: The number of draws, s.
        support: The number of values, S.
    """
    return -expm1(-draws * (draws - 1) / (2 * support))
