"""Images with noise."""

from torch import Tensor

from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.amounts import Amount, amounts, limits_of
from gan_lightning.degradations.degradation import Degradation


class Noise(Degradation):
    """Adds normal noise to each pixel.

    Args:
        deviation: Its standard deviation, where pixels are from 0 to 255; or the lowest and the highest one, of which
            each image has another.
    """

    def __init__(self, deviation: Amount = 25.0) -> None:
        super().__init__()
        self.limits = limits_of(deviation, "deviation of Noise", 0)

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        return x + normal(*x.shape).to(x) * (amounts(self.limits, x, uniform) / 127.5)
