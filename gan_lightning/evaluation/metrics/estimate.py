"""A measured value with its standard error."""

from typing import NamedTuple

import torch
from torch import Tensor


class Estimate(NamedTuple):
    """A measured value with its standard error.

    Args:
        value: The value.
        error: Its standard error: how much it varies from one set of samples to another, with the same real images. It
            holds to first order, so it is too small where the value is close to its minimum.
    """

    value: float
    error: float

    @classmethod
    def of(cls, value: float | Tensor, influence: Tensor) -> "Estimate":
        """Adds the standard error of a mean of independent influences (N,) of samples on the value."""
        n = len(influence)
        error = influence.double().std(unbiased=True) / n**0.5 if n > 1 else torch.tensor(torch.inf)
        return cls(float(value), error.item())

    @classmethod
    def mean(cls, values: Tensor) -> "Estimate":
        """Returns the mean of values (N,), one for each sample."""
        return cls.of(values.double().mean(), values)
