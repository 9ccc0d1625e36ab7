"""The interface of all feature extractors."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError


class Extracted(NamedTuple):
    """The features of images.

    Args:
        features: (N, d), float32 on the CPU.
        probabilities: Class probabilities (N, K), float32 on the CPU; None for an extractor without classes.
    """

    features: Tensor
    probabilities: Tensor | None

    @classmethod
    def joined(cls, parts: list["Extracted"]) -> "Extracted":
        """Joins all rows, part after part."""
        features, probabilities = zip(*parts, strict=True)
        return cls(torch.cat(features), None if probabilities[0] is None else torch.cat(probabilities))

    def rows(self, chosen: Tensor) -> "Extracted":
        """Returns the features of some of the images."""
        return Extracted(self.features[chosen], None if self.probabilities is None else self.probabilities[chosen])


class Extractor(ABC):
    """Turns images into features that lie near each other where the images look alike.

    Scores of two extractors cannot be compared, so every result names its extractor.
    """

    name: str
    """The name in reports."""
    digest: str
    """The first twelve hexadecimal digits of the SHA-256 of its file; empty if it has no file."""
    about: Mapping[str, Any] = {}
    """What its file says of how it was trained."""
    confident = 0.9
    """A class counts as found if the probability of it is above this for some sample."""

    @abstractmethod
    def extract(self, x: Tensor) -> Extracted:
        """Returns the features of images (N, C, H, W) in [-1, 1], each independent of the other images."""

    def to(self, device: torch.device) -> "Extractor":
        """Moves the extractor to a device."""
        return self


class Coordinates(Extractor):
    """Uses points of the plane as their own features."""

    name, digest = "the points themselves", ""

    def extract(self, x: Tensor) -> Extracted:
        if tuple(x.shape[2:]) != (1, 1):
            raise UserError(f"images of {x.shape[2]}x{x.shape[3]} are not points: choose another extractor")
        return Extracted(x.flatten(1).float().cpu(), None)
