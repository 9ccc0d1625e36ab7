"""Inputs that the data holds already."""

from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.degradation import Degradation


class Given(Degradation):
    """Makes nothing: the data holds an input for each image, as `Pairs` does, in its last channels.

    Args:
        input_channels: Channels of an input.
    """

    takes_drawings = True

    def __init__(self, input_channels: int = 3) -> None:
        super().__init__()
        if input_channels < 1:
            raise UserError(f"input_channels of Given is {input_channels}; it must be at least 1")
        self.given_channels = input_channels

    def channels(self, image_channels: int) -> int:
        return self.given_channels

    def pair(self, x: Tensor, normal: Draw, uniform: Draw) -> tuple[Tensor, Tensor]:
        return x[:, : -self.given_channels], self(x, normal, uniform)

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        return x[:, -self.given_channels :]
