"""What everything that sees images promises."""

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError


class Extracted(NamedTuple):
    """What was seen in images.

    Args:
        features: (N, d), float32 on the CPU.
        probabilities: Of the classes, (N, K), float32 on the CPU; None from what knows no classes.
    """

    features: Tensor
    probabilities: Tensor | None

    @classmethod
    def joined(cls, parts: list["Extracted"]) -> "Extracted":
        """All rows, part after part."""
        features, probabilities = zip(*parts, strict=True)
        return cls(torch.cat(features), None if probabilities[0] is None else torch.cat(probabilities))


class Extractor(ABC):
    """Turns images into numbers that are near each other where the images look alike.

    Scores of two extractors cannot be compared, so every result names the one that it was made with.
    """

    name: str
    """Whose eyes these are."""
    digest: str
    """The first twelve hexadecimal digits of the SHA-256 of its file; nothing for what has no file."""
    confident = 0.9
    """A class counts as found where a sample's probability of it is above this."""

    @abstractmethod
    def extract(self, x: Tensor) -> Extracted:
        """Features of images (N, C, H, W) in [-1, 1]. The result for an image does not depend on the others."""

    def to(self, device: torch.device) -> "Extractor":
        """Looks at images on this device from now on."""
        return self


class Coordinates(Extractor):
    """Points of the plane are their own features."""

    name, digest = "the points themselves", ""

    def extract(self, x: Tensor) -> Extracted:
        if tuple(x.shape[2:]) != (1, 1):
            raise UserError(f"images of {x.shape[2]}x{x.shape[3]} are not points: name another extractor")
        return Extracted(x.flatten(1).float().cpu(), None)
