"""Images with noise."""

from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.degradation import Degradation


class Noise(Degradation):
    """Adds normal noise to each pixel.

    Args:
        deviation: Its standard deviation, where pixels are from 0 to 255.
    """

    def __init__(self, deviation: float = 25.0) -> None:
        super().__init__()
        if not deviation >= 0:
            raise UserError(f"deviation of Noise is {deviation}; it must be at least 0")
        self.deviation = deviation

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        return x + normal(*x.shape).to(x) * (self.deviation / 127.5)
