"""The region of the plane that contains the points."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

MARGIN = 1.25
"""Extent of the region, relative to the distance of the farthest point from its centre."""


@dataclass(frozen=True)
class Plane:
    """The region of the plane that the networks see as [-1, 1] x [-1, 1].

    Args:
        centre: Its centre (x, y), in the user's units.
        extent: Distances from the centre to the borders, along x and along y.
        names: Names of the axes.
    """

    centre: tuple[float, float] = (0.0, 0.0)
    extent: tuple[float, float] = (1.0, 1.0)
    names: tuple[str, str] = ("x", "y")

    def limits(self) -> str:
        """The borders, as text."""
        sides = zip(self.names, self.centre, self.extent, strict=True)
        return ", ".join(f"{name} from {c - e:g} to {c + e:g}" for name, c, e in sides)

    def images(self, points: Tensor) -> Tensor:
        """Converts points (N, 2) in the user's units to images (N, 2, 1, 1) for the networks, float32."""
        centre, extent = torch.tensor([self.centre, self.extent], dtype=torch.float64)
        return ((points.double() - centre) / extent).float()[:, :, None, None]

    def points(self, images: Tensor) -> Tensor:
        """Converts images (N, 2, 1, 1) to points (N, 2) in the user's units, float64 on the CPU."""
        centre, extent = torch.tensor([self.centre, self.extent], dtype=torch.float64)
        return images.detach().cpu().double().flatten(1) * extent + centre

    @classmethod
    def around(cls, points: Tensor, names: tuple[str, str] = ("x", "y")) -> "Plane":
        """The region around points (N, 2): centred between the outermost ones, with a margin."""
        low, high = points.min(0).values.double(), points.max(0).values.double()
        half = (high - low) / 2
        half = torch.where(half > 0, half, 1.0)  # zero if all points are on one line
        (x, y), (wide, tall) = ((low + high) / 2).tolist(), (MARGIN * half).tolist()
        return cls((x, y), (wide, tall), names)

    @classmethod
    def in_checkpoint(cls, content: dict[str, Any]) -> "Plane | None":
        """The region stored in a checkpoint; None if the model was trained on something else."""
        for state in content.values():
            if isinstance(state, dict) and isinstance(words := state.get("plane"), dict):
                centre, extent, names = (tuple(words[key]) for key in ("centre", "extent", "names"))
                return cls(centre, extent, names)
        return None
