"""Sweeps: images that are moved along a direction of latent space, from one side to the other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.walk import Model, Places, images_from, in_batches


def swept(z: Tensor, direction: Tensor, values: Tensor) -> Tensor:
    """Returns z + value * direction: (V, N, D) for latents (N, D), a unit vector (D,) and values (V,)."""
    return z + values.to(z)[:, None, None] * direction.to(z)


@dataclass(frozen=True)
class Sweep:
    """A walk along a direction, of several latents at once: each frame shows all of them.

    Args:
        stops: Where the latents begin; in the middle of the sweep, they are as given.
        direction: A unit vector (D,).
        extent: How far the sweep goes to either side. Latents have length sqrt(D), about.
        steps: Frames from one end to the other, at least 2.
        closed: Lead back to the first frame.
    """

    stops: Latents
    direction: Tensor
    extent: float = 3.0
    steps: int = 30
    closed: bool = False

    @property
    def values(self) -> Tensor:
        """How far each frame is from the middle."""
        there = torch.linspace(-self.extent, self.extent, max(2, self.steps), dtype=torch.float64)
        return torch.cat([there, there.flip(0)[1:-1]]) if self.closed else there

    def __len__(self) -> int:
        return len(self.values)

    def batches(self, batch_size: int = 64) -> Iterator[Places]:
        """Yields the places of all frames, whole frames at a time."""
        z, y, _ = self.stops
        for values in self.values.split(max(1, batch_size // len(z))):
            yield Places(swept(z, self.direction, values).flatten(0, 1), None if y is None else y.repeat(len(values)))


def images_along(model: Model, stops: Latents, direction: Tensor, values: Sequence[float], batch: int = 64) -> Tensor:
    """Returns images (N, V, C, H, W): each latent at each distance along a direction."""
    z = swept(stops.z, direction, torch.as_tensor(values)).transpose(0, 1).flatten(0, 1)
    y = None if stops.y is None else stops.y.repeat_interleave(len(values))
    with torch.no_grad():
        made = [images_from(model, some, labels).float().cpu() for some, labels in in_batches(z, y, batch)]
    return torch.cat(made).unflatten(0, (len(stops.z), len(values)))
