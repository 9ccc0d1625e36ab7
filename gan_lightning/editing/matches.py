"""In what two images are compared: their pixels, or the features of a network."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor


class Match(ABC):
    """Measures images; images that match have measures that are near each other."""

    name: str
    """In reports."""

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """Returns the measures (N, R) of images (N, C, H, W) in [-1, 1], with derivatives."""


class Pixels(Match):
    """Compares all pixels, in units of their values."""

    name = "pixels"

    def __call__(self, x: Tensor) -> Tensor:
        return x.flatten(1)


class Features(Match):
    """Compares features, each in units of how much it varies over samples of the model.

    Args:
        network: Maps images (N, C, H, W) in [-1, 1] to features (N, F), with derivatives.
        samples: Images of the model, (N, C, H, W).
        name: In reports.
    """

    def __init__(self, network: Callable[[Tensor], Tensor], samples: Tensor, name: str) -> None:
        self.network, self.name = network, name
        with torch.no_grad():
            self.scale = common_scale(network(samples))

    def __call__(self, x: Tensor) -> Tensor:
        return self.network(x) / self.scale

    @torch.no_grad()
    def distance(self, x: Tensor, other: Tensor) -> Tensor:
        """Distances (N,) of images, pair by pair, where two samples of the model are about 1 apart."""
        return feature_distance(self(x), self(other))


def common_scale(features: Tensor) -> Tensor:
    """Returns the root () of the mean variance of features (N, F)."""
    return features.std(0).square().mean().sqrt().clamp(min=1e-12)


def feature_distance(a: Tensor, b: Tensor) -> Tensor:
    """Returns distances (N,) of features (N, F) over their common scale, pair by pair; two images are about 1 apart.

    E|a - b|^2 = 2 F sigma^2 for independent a and b with F features of variance sigma^2.
    """
    return (a - b).square().sum(1).div(2 * a.shape[1]).sqrt()
