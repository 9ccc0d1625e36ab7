"""What is looked at: a place on the way between two latents, truncated and moved."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.editing.interpolation import Slerp
from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.walk import Walk


class Viewpoint(NamedTuple):
    """A place on the way between two latents.

    Args:
        ends: Both ends of the way, latents (2, D), with one class or none.
        psi: How far the ends are from the mean latent, from 0 to 1: psi z, as `TowardsMean` has it.
        move: What is then added to both, (D,).
        share: How much of the way is done, from 0 to 1.
    """

    ends: Latents
    psi: float
    move: Tensor
    share: float

    @property
    def is_sample(self) -> bool:
        """Whether it is the first end as it was given."""
        return self.psi == 1 and self.share == 0 and not self.move.any()

    @property
    def stops(self) -> Latents:
        """Both ends, truncated and moved."""
        names = [f"{name}, edited" if self.move.any() else name for name in self.ends.names]
        return self.ends._replace(z=self.psi * self.ends.z + self.move, names=names)

    @property
    def place(self) -> Latents:
        """Where it looks, a single latent."""
        z, y, names = self.stops
        if not self.share:
            return Latents(z[:1], None if y is None else y[:1], names[:1])
        at = Slerp()(z[:1], z[1:], torch.tensor([self.share], dtype=z.dtype)) if self.share < 1 else z[1:]
        return Latents(at, None if y is None else y[1:], [f"{names[0]} to {names[1]}, {self.share:.0%}"])

    def way(self, steps: int) -> Walk:
        """Returns the way that it is on, of steps + 1 frames."""
        return Walk(self.stops, steps)


def move_along(
    vectors: Tensor, amounts: Sequence[float], coordinates: Sequence[int] = (), values: Sequence[float] = ()
) -> Tensor:
    """Returns a move (D,): so much along each direction, and so much in some coordinates.

    Args:
        vectors: Directions (K, D).
        amounts: How far along each of the first of them.
        coordinates: Coordinates of the latent, from 0.
        values: How far in each.

    Raises:
        UserError: The latent has no such coordinate.
    """
    move = torch.tensor(amounts, dtype=vectors.dtype) @ vectors[: len(amounts)]
    for coordinate, value in zip(coordinates, values, strict=True):
        if not 0 <= coordinate < len(move):
            raise UserError(f"there is no coordinate {coordinate}: latents have {len(move)}, counted from 0")
        move[coordinate] += value
    return move.float()
