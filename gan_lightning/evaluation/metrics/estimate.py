"""A measured value with its standard error and its 95 % interval."""

from math import inf, sqrt
from typing import NamedTuple

from torch import Tensor

DEVIATIONS = 1.959964
"""Standard deviations on each side of the mean that hold 95 % of a normal distribution."""

Limits = tuple[float, float]
"""The limits of a 95 % interval."""


class Estimate(NamedTuple):
    """A measured value with its standard error and its 95 % interval.

    Both tell how much the value varies from one set of samples to another, with the same real images.

    Args:
        value: The value.
        error: Its standard error; 0 for what is not estimated.
        low: The lower limit of its 95 % interval.
        high: The upper limit. The interval need not have the value in its middle: that of 0 of 2,500 starts at 0.
    """

    value: float
    error: float
    low: float
    high: float

    @classmethod
    def exact(cls, value: float) -> "Estimate":
        """Returns a value without an error, such as a count of classes."""
        return cls(value, 0.0, value, value)

    @classmethod
    def normal(cls, value: float | Tensor, error: float | Tensor, deviations: float = DEVIATIONS) -> "Estimate":
        """Returns a value that varies normally; its interval reaches that many standard errors to each side."""
        value, error = float(value), float(error)
        return cls(value, error, value - deviations * error, value + deviations * error)

    @classmethod
    def of(cls, value: float | Tensor, influence: Tensor) -> "Estimate":
        """Returns a value whose error is that of a mean of independent influences (N,) of samples on the value."""
        return cls.normal(value, variance_of_mean(influence).sqrt())

    @classmethod
    def mean(cls, values: Tensor) -> "Estimate":
        """Returns the mean of values (N,), one for each sample."""
        return cls.of(values.double().mean(), values)

    @classmethod
    def grouped(cls, value: float | Tensor, influence: Tensor, groups: Tensor) -> "Estimate":
        """Returns a value whose error is that of a mean of influences (N,), which depend on each other within groups.

        Args:
            value: The value.
            influence: Of each sample on the value, (N,).
            groups: The number of the group of each sample, (N,) int64, such as that of the photograph of a patch.
        """
        error, count = variance_of_grouped_mean(influence, groups).sqrt(), len(groups.unique())
        return cls.normal(value, error, DEVIATIONS if count == len(groups) else t_deviations(count - 1))

    @classmethod
    def share(cls, found: int | Tensor, samples: int) -> "Estimate":
        """Returns the share of independent samples in which something was found, with Wilson's limits."""
        p = int(found) / samples
        return cls(p, sqrt(p * (1 - p) / samples), *wilson(int(found), samples))


def variance_of_mean(values: Tensor) -> Tensor:
    """Returns the variance () of the mean of independent values (N,); infinite for a single one."""
    values = values.double()
    return values.var() / len(values) if len(values) > 1 else values.new_tensor(inf)


def variance_of_grouped_mean(values: Tensor, groups: Tensor) -> Tensor:
    """Returns the variance () of the mean of values (N,) that are independent only between G groups; infinite for one.

    G / (G - 1) times the sum over groups of (the sum over the group of v - mean)^2, over N^2: Liang and Zeger,
    "Longitudinal data analysis using generalized linear models", 1986, Section 3 (for a mean).
    https://doi.org/10.1093/biomet/73.1.13
    """
    kinds, place = groups.unique(return_inverse=True)
    if len(kinds) < 2:
        return variance_of_mean(values[:1])
    values = values.double()
    sums = values.new_zeros(len(kinds)).index_add(0, place, values - values.mean())
    return sums.square().sum() * len(kinds) / (len(kinds) - 1) / len(values) ** 2


def wilson(found: int, samples: int) -> Limits:
    """Returns the 95 % limits of a share.

    Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
    https://doi.org/10.1080/01621459.1927.10502953

    Args:
        found: The number of samples that have the property.
        samples: The number of samples.
    """
    p, z2 = found / samples, DEVIATIONS**2
    middle = (p + z2 / (2 * samples)) / (1 + z2 / samples)
    half = sqrt(z2 * p * (1 - p) / samples + (z2 / (2 * samples)) ** 2) / (1 + z2 / samples)
    return max(middle - half, 0.0), min(middle + half, 1.0)  # 0 and 1 but for rounding


def t_deviations(freedom: float) -> float:
    """Returns the standard errors on each side that hold 95 % of Student's t, for 3 degrees of freedom or more.

    Abramowitz and Stegun, "Handbook of mathematical functions", 1964, 26.7.5. Too small by 0.02 at most.
    """
    z, n = DEVIATIONS, max(freedom, 3.0)
    terms = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96, (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + sum(term / n**i for i, term in enumerate(terms, start=1))
