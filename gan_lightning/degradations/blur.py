"""Blurred images."""

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.degradation import Degradation


class Blur(Degradation):
    """Blurs images by a Gaussian; edges are repeated.

    Args:
        deviation: Its standard deviation in pixels.
    """

    def __init__(self, deviation: float = 1.6) -> None:
        super().__init__()
        if not deviation > 0:
            raise UserError(f"deviation of Blur is {deviation}; it must be above 0")
        self.deviation = deviation

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        reach, channels = max(1, round(3 * float(self.deviation))), x.shape[1]
        place = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
        kernel = torch.softmax(-place.square() / (2 * self.deviation**2), 0).expand(channels, 1, 1, -1)
        x = F.conv2d(F.pad(x, (reach, reach, reach, reach), mode="replicate"), kernel, groups=channels)
        return F.conv2d(x, kernel.mT, groups=channels)
