"""Several degradations, one after the other."""

from collections.abc import Sequence
from math import prod
from typing import Any

from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.blur import Blur
from gan_lightning.degradations.degradation import Degradation
from gan_lightning.degradations.noise import Noise


class Chain(Degradation):
    """Degrades images by several steps, each of which sees what the one before has left.

    Args:
        steps: The degradations. Only the last one may leave parts out (Holes).
    """

    def __init__(self, steps: Sequence[Degradation] = (Blur(), Noise())) -> None:
        super().__init__()
        if not steps:
            raise UserError("steps of Chain is empty; give at least one degradation")
        for step in steps:
            if step.given_channels or (step.leaves_out and step is not steps[-1]):
                place = "has no place in" if step.given_channels else "must be the last step of"
                raise UserError(f"{type(step).__name__} {place} a Chain: change model.degradation.steps")
        self.steps: Any = nn.ModuleList(steps)
        self.takes_drawings = any(step.takes_drawings for step in steps)
        self.factor, self.leaves_out = prod(step.factor for step in steps), steps[-1].leaves_out

    def channels(self, image_channels: int) -> int:
        return self.all_channels(image_channels)[-1]

    def all_channels(self, image_channels: int) -> list[int]:
        """Returns the number of channels before each step, and after the last."""
        found = [image_channels]
        for step in self.steps:
            found.append(step.channels(found[-1]))
        return found

    def check(self, image_shape: ImageShape) -> None:
        channels, height, width = image_shape
        for step in self.steps:
            step.check((channels, height, width))
            channels, height, width = step.channels(channels), height // step.factor, width // step.factor

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        for step in self.steps:
            x = step(x, normal, uniform)
        return x

    def taken(self, x: Tensor, opaque: Tensor) -> Tensor:
        for step in self.steps:
            x = step.taken(x, opaque)
        return x

    def shown(self, inputs: Tensor, channels: int) -> Tensor:
        """What each step would show of what it has left, from the last to the first."""
        for step, before in zip(self.steps[::-1], self.all_channels(channels)[-2::-1], strict=True):
            inputs = step.shown(inputs, before)
        return inputs
