"""Images that were made smaller or larger, and came back to their size."""

import torch
from torch import Tensor

from gan_lightning.core.precision import promoted
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.amounts import Amount, amounts, limits_of
from gan_lightning.degradations.degradation import Degradation

LEAST_SCALE = 0.01


class Resized(Degradation):
    """Makes images smaller or larger and then as large as before, by antialiased bicubic interpolation.

    Wang et al., "Real-ESRGAN: training real-world blind super-resolution with pure synthetic data", 2021, Section 3.2
    (there, noise and compression come before the way back). https://arxiv.org/abs/2107.10833

    Args:
        scale: The size in between over the size; or the lowest and the highest one, of which each image has another.
    """

    def __init__(self, scale: Amount = (0.5, 1.5)) -> None:
        super().__init__()
        self.limits = limits_of(scale, "scale of Resized", LEAST_SCALE)

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        exact = promoted(x)
        scale = amounts(self.limits, exact, uniform).flatten()
        rows, columns = (there_and_back(side, scale, self.limits[1])[:, None].to(exact) for side in x.shape[2:])
        return (rows @ exact @ columns.mT).to(x)


def there_and_back(side: int, scale: Tensor, highest: float) -> Tensor:
    """Returns matrices (N, side, side) that resize a row of pixels by scales (N,), up to a highest one, and back."""
    sides = (side * scale).round().clamp(min=1)
    own, most = torch.full_like(sides, side), max(1, round(side * highest))
    return resizing(sides, own, most, side) @ resizing(own, sides, side, most)


def resizing(before: Tensor, after: Tensor, most_before: int, most_after: int) -> Tensor:
    """Returns matrices (N, most_after, most_before) that resize rows of numbers of pixels (N,) to others (N,).

    They agree with `bicubic`; what is beyond a row is zero.
    """
    ratio = (before / after)[:, None, None]
    made = torch.arange(most_after, device=before.device)[None, :, None]
    seen = torch.arange(most_before, device=before.device)[None, None, :]
    weights = cubic((seen - (made + 0.5) * ratio + 0.5) / ratio.clamp(min=1)) * (seen < before[:, None, None])
    return torch.where(made < after[:, None, None], weights / weights.sum(2, keepdim=True), 0.0)


def cubic(distance: Tensor) -> Tensor:
    """Returns Keys's kernel with a = -0.5 at distances in pixels: "Cubic convolution interpolation", 1981, Eq. 15."""
    d = distance.abs()
    near, far = 1.5 * d**3 - 2.5 * d**2 + 1, -0.5 * d**3 + 2.5 * d**2 - 4 * d + 2
    return torch.where(d < 1, near, torch.where(d < 2, far, 0.0))
