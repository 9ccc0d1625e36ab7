"""One of several degradations for each image."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.blur import Blur
from gan_lightning.degradations.degradation import Degradation
from gan_lightning.degradations.noise import Noise


class OneOf(Degradation):
    """Degrades each image in one of several ways, or not at all.

    Args:
        ways: The degradations. They must leave images as large as they are, with as many channels, and nothing out.
        shares: The probability of each. Where they sum to less than one, the other images stay as they are.
    """

    def __init__(self, ways: Sequence[Degradation] = (Blur(), Noise()), shares: Sequence[float] = (0.5, 0.5)) -> None:
        super().__init__()
        if not ways or len(ways) != len(shares):
            raise UserError(f"ways of OneOf are {len(ways)} and shares {len(shares)}; give a share for each way")
        if not (min(shares) >= 0 and 0 < sum(shares) <= 1 + 1e-9):
            raise UserError(
                f"shares of OneOf are {[*shares]}; they must be at least 0, and sum to above 0 and at most 1"
            )
        for way in ways:
            if way.factor != 1 or way.leaves_out or way.given_channels or way.takes_drawings:
                raise UserError(f"{type(way).__name__} has no place in OneOf: its inputs are unlike images")
        self.ways: Any = nn.ModuleList(ways)
        self.limits = [0.0, *accumulate(shares)]

    def check(self, image_shape: ImageShape) -> None:
        for way in self.ways:
            way.check(image_shape)
            if way.channels(image_shape[0]) != image_shape[0]:
                raise UserError(f"{type(way).__name__} has no place in OneOf: it changes the number of channels")

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        chosen, found = uniform(len(x), 1, 1, 1).to(x.device), x
        for way, low, high in zip(self.ways, self.limits, self.limits[1:], strict=False):
            found = torch.where((low <= chosen) & (chosen < high), way(x, normal, uniform), found)
        return found
