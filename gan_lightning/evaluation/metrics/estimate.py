"""A measured number, and how far chance may have moved it."""

from typing import NamedTuple

import torch
from torch import Tensor


class Estimate(NamedTuple):
    """What was measured.

    Args:
        value: The number.
        error: Its standard error: how much it varies from one set of samples to another, the real images staying as
            they are. To first order, so it is too small where the number is nearly as small as it can get.
    """

    value: float
    error: float

    @classmethod
    def of(cls, value: float | Tensor, influence: Tensor) -> "Estimate":
        """With the standard error of a mean of independent influences (N,) of samples on the number."""
        n = len(influence)
        error = influence.double().std(unbiased=True) / n**0.5 if n > 1 else torch.tensor(torch.inf)
        return cls(float(value), error.item())

    @classmethod
    def mean(cls, values: Tensor) -> "Estimate":
        """The mean of values (N,), one for each sample."""
        return cls.of(values.double().mean(), values)
