"""The part of the plane that points lie in."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

MARGIN = 1.25
"""How far the plane reaches, in distances of the farthest point from its centre."""


@dataclass(frozen=True)
class Plane:
    """The part of the plane in which a game is played: what the networks see as [-1, 1] x [-1, 1].

    Args:
        centre: Its middle (x, y), in the user's units.
        extent: From there to its borders, along x and along y.
        names: What the axes are called.
    """

    centre: tuple[float, float] = (0.0, 0.0)
    extent: tuple[float, float] = (1.0, 1.0)
    names: tuple[str, str] = ("x", "y")

    def limits(self) -> str:
        """Its borders, in words."""
        sides = zip(self.names, self.centre, self.extent, strict=True)
        return ", ".join(f"{name} from {c - e:g} to {c + e:g}" for name, c, e in sides)

    def images(self, points: Tensor) -> Tensor:
        """Points (N, 2) in the user's units as images (N, 2, 1, 1) for the networks, float32."""
        centre, extent = torch.tensor([self.centre, self.extent], dtype=torch.float64)
        return ((points.double() - centre) / extent).float()[:, :, None, None]

    def points(self, images: Tensor) -> Tensor:
        """Images (N, 2, 1, 1) as points (N, 2) in the user's units, float64 on the CPU."""
        centre, extent = torch.tensor([self.centre, self.extent], dtype=torch.float64)
        return images.detach().cpu().double().flatten(1) * extent + centre

    @classmethod
    def around(cls, points: Tensor, names: tuple[str, str] = ("x", "y")) -> "Plane":
        """The plane of points (N, 2): centred between the outermost, with a margin."""
        low, high = points.min(0).values.double(), points.max(0).values.double()
        half = (high - low) / 2
        half = torch.where(half > 0, half, 1.0)  # all in one line
        (x, y), (wide, tall) = ((low + high) / 2).tolist(), (MARGIN * half).tolist()
        return cls((x, y), (wide, tall), names)

    @classmethod
    def in_checkpoint(cls, content: dict[str, Any]) -> "Plane | None":
        """The plane that a checkpoint's data left in it; None if it was trained on something else."""
        for state in content.values():
            if isinstance(state, dict) and isinstance(words := state.get("plane"), dict):
                centre, extent, names = (tuple(words[key]) for key in ("centre", "extent", "names"))
                return cls(centre, extent, names)
        return None
