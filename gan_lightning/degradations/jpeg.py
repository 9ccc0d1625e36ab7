"""Images as JPEG files leave them."""

from math import cos, pi, sqrt

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.precision import promoted
from gan_lightning.core.resampling import sent
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.amounts import amounts, limits_of
from gan_lightning.degradations.degradation import Degradation

LUMA_STEPS = (
    *(16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56),
    *(14, 17, 22, 29, 51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92),
    *(49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99),
)
"""The steps to which coefficients of brightness are rounded at quality 50: ITU-T T.81, Table K.1."""

CHROMA_STEPS = (
    *(17, 18, 24, 47, 99, 99, 99, 99, 18, 21, 26, 66, 99, 99, 99, 99, 24, 26, 56, 99, 99, 99, 99, 99),
    *(47, 66, 99, 99, 99, 99, 99, 99, *[99] * 32),
)
"""Those of colour: Table K.2."""

TO_YCC = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))
TO_RGB = ((1.0, 0.0, 1.402), (1.0, -0.344136286, -0.714136286), (1.0, 1.772, 0.0))
"""Between red, green, blue and brightness, blueness, redness around zero: ITU-T T.871, Section 7."""

COSINES = tuple(
    tuple((sqrt(0.125) if u == 0 else 0.5) * cos((2 * x + 1) * u * pi / 16) for x in range(8)) for u in range(8)
)
"""The discrete cosine transform of eight numbers, an orthogonal matrix: ITU-T T.81, A.3.3."""

A_HALF = 0.5001
"""What is added before a fraction is cut off: halves, as exact as floats have them, are rounded away from zero."""


class Jpeg(Degradation):
    """Writes images as JPEG files and reads them again, but for the file: blocks, ringing, coarse colours.

    Blocks of 8x8 pixels are transformed by cosines, and the coefficients rounded, as ITU-T T.81 (1992,
    https://www.w3.org/Graphics/JPEG/itu-t81.pdf) has it and libjpeg does it: colours have half the height and
    width, and the quality scales the tables of the standard. Images that do not have three channels are grey ones, each
    channel by itself.

    Args:
        quality: From 1 to 100; or the lowest and the highest one, of which each image has another.
    """

    def __init__(self, quality: int | tuple[int, int] = 50) -> None:
        super().__init__()
        low, high = self.limits = limits_of(quality, "quality of Jpeg", 1, 100)
        if low != round(low) or high != round(high):
            raise UserError(f"quality of Jpeg is {quality}; it must be whole numbers")

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        pixels = promoted(x).add(1).mul(127.5).round().clamp(0, 255)
        quality = amounts(self.limits, pixels, uniform).round()
        found = coded_colour(pixels, quality) if x.shape[1] == 3 else coded(pixels, steps_of(LUMA_STEPS, quality))
        return found.div(127.5).sub(1).to(x)


def steps_of(table: tuple[int, ...], quality: Tensor) -> Tensor:
    """Returns the steps (N, 8, 8) of a table at qualities (N, 1, 1, 1), as libjpeg scales them."""
    quality = quality.flatten(1)[..., None]
    scale = torch.where(quality < 50, (5000 / quality).floor(), 200 - 2 * quality)
    return ((sent(table, quality).view(1, 8, 8) * scale + 50) / 100).floor().clamp(1, 255)


def coded_colour(pixels: Tensor, quality: Tensor) -> Tensor:
    """Returns colours (N, 3, H, W), whole numbers from 0 to 255, as they are read from a file of this quality."""
    _, _, height, width = pixels.shape
    planes = turned(pixels, TO_YCC) + sent((0.0, 128.0, 128.0), pixels).view(3, 1, 1)
    bright, colours = planes.round().split([1, 2], 1)
    small = coded(halved_plane(colours), steps_of(CHROMA_STEPS, quality))
    colours = F.interpolate(small, scale_factor=2, mode="bilinear")[:, :, :height, :width].round() - 128
    planes = torch.cat([coded(bright, steps_of(LUMA_STEPS, quality)), colours], 1)
    return turned(planes, TO_RGB).round().clamp(0, 255)


def halved_plane(planes: Tensor) -> Tensor:
    """Returns the means of squares of 2x2 pixels; a half goes down and up in turn, column by column, as in libjpeg."""
    height, width = planes.shape[2:]
    means = F.avg_pool2d(F.pad(planes, (0, width % 2, 0, height % 2), mode="replicate"), 2)
    turns = torch.arange(means.shape[3], device=planes.device) % 2
    return (means + (1 + turns).to(means) / 4).floor()


def turned(x: Tensor, matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """Returns a matrix times the channels of x (N, 3, H, W)."""
    return F.conv2d(x, sent(matrix, x).view(3, 3, 1, 1))


def coded(planes: Tensor, steps: Tensor) -> Tensor:
    """Returns planes (N, C, H, W), from 0 to 255, with coefficients of each block rounded to multiples of steps."""
    height, width = planes.shape[2:]
    padded = F.pad(planes, (0, -width % 8, 0, -height % 8), mode="replicate") - 128
    blocks = padded.unflatten(3, (-1, 8)).unflatten(2, (-1, 8)).transpose(3, 4)  # (N, C, rows, columns, 8, 8)
    cosines, steps = sent(COSINES, planes), steps[:, None, None, None]
    multiples = cosines @ blocks @ cosines.mT / steps
    rounded = multiples.sign() * (multiples.abs() + A_HALF).floor() * steps
    found = (cosines.mT @ rounded @ cosines).transpose(3, 4).flatten(4, 5).flatten(2, 3)
    return found[:, :, :height, :width].add(128).round().clamp(0, 255)
