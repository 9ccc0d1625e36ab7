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
        grey: Add the same to all channels of a pixel.
    """

    def __init__(self, deviation: Amount = 25.0, grey: bool = False) -> None:
        super().__init__()
        self.limits, self.grey = limits_of(deviation, "deviation of Noise", 0), grey

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        return x + noise_like(x, normal, self.grey) * (amounts(self.limits, x, uniform) / 127.5)


class ShotNoise(Degradation):
    """Adds the noise of counting light, which is stronger where it is bright: its variance is that of Poisson's law.

    Of a pixel of v, from 0 to 255, it is normal with the standard deviation scale * sqrt(v).

    Args:
        scale: Its strength; or the lowest and the highest one, of which each image has another. Counts from 0 to 255
            have a scale of 1.
        grey: Add the same to all channels of a pixel, by their mean brightness.
    """

    def __init__(self, scale: Amount = 1.0, grey: bool = False) -> None:
        super().__init__()
        self.limits, self.grey = limits_of(scale, "scale of ShotNoise", 0), grey

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        bright = (x.mean(1, keepdim=True) if self.grey else x).add(1).mul(127.5).clamp(min=0)
        return x + noise_like(x, normal, self.grey) * bright.sqrt() * (amounts(self.limits, x, uniform) / 127.5)


def noise_like(x: Tensor, normal: Draw, grey: bool) -> Tensor:
    """Returns standard normal numbers for each value of images (N, C, H, W), or for each pixel, (N, 1, H, W)."""
    count, channels, height, width = x.shape
    return normal(count, 1 if grey else channels, height, width).to(x)
