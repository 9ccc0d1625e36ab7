"""Outlines of images."""

from math import pi, tan
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.blur import LEAST_BLUR, gaussian_blur
from gan_lightning.degradations.degradation import Degradation
from gan_lightning.degradations.grey import luminance


class Edges(Degradation):
    """Draws the outlines of images, lines of one pixel in one channel. At prediction, the user gives the drawing.

    A pixel is on a line if the brightness changes there by more than the threshold, and more than on both sides across
    the line: the first steps of Canny, "A computational approach to edge detection", 1986, Section 6.
    https://doi.org/10.1109/TPAMI.1986.4767851. (His last one, which adds weaker pixels that continue a line, is left
    out.) Of colours, each pixel is drawn by the one that changes most.

    Args:
        deviation: Standard deviation, in pixels, of the Gaussian by which images are blurred first: the larger, the
            fewer details.
        threshold: The least change from pixel to pixel that is drawn, where pixels are from 0 to 255.
        lines: dark, on white; or light, on black.
    """

    takes_drawings = True

    def __init__(
        self, deviation: float = 1.0, threshold: float = 10.0, lines: Literal["dark", "light"] = "dark"
    ) -> None:
        super().__init__()
        if not deviation >= LEAST_BLUR:
            raise UserError(f"deviation of Edges is {deviation}; it must be at least {LEAST_BLUR}")
        if not threshold > 0:
            raise UserError(f"threshold of Edges is {threshold}; it must be above 0")
        self.deviation, self.threshold, self.lines = deviation, threshold, lines

    def channels(self, image_channels: int) -> int:
        return 1

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        deviation = x.new_full((len(x), 1, 1, 1), self.deviation)
        down, right = steepest(gaussian_blur(x, deviation, max(1, round(3 * self.deviation))))
        on_line = ridges(down, right) & (torch.hypot(down, right) >= self.threshold / 127.5)
        return torch.where(on_line if self.lines == "light" else ~on_line, 1.0, -1.0).to(x)

    def taken(self, x: Tensor, opaque: Tensor) -> Tensor:
        return luminance(x)


def steepest(x: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the change per pixel, down and to the right, each (N, 1, H, W), of the channel that changes most."""
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) / 2
    right = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) / 2
    chosen = (down.square() + right.square()).argmax(1, keepdim=True)
    return down.gather(1, chosen), right.gather(1, chosen)


def ridges(down: Tensor, right: Tensor) -> Tensor:
    """Returns where the change, (N, 1, H, W) in each direction, is larger than at both neighbours along it."""
    size, flat = torch.hypot(down, right), tan(pi / 8)
    padded = F.pad(size, (1, 1, 1, 1))
    height, width = size.shape[2:]

    def is_top(rows: int, columns: int) -> Tensor:
        after, before = (
            padded[:, :, 1 + s * rows : 1 + s * rows + height, 1 + s * columns : 1 + s * columns + width]
            for s in (1, -1)
        )
        return (size > before) & (size >= after)

    across = torch.where(down * right > 0, is_top(1, 1), is_top(1, -1))
    level, upright = down.abs() <= flat * right.abs(), right.abs() <= flat * down.abs()
    return torch.where(level, is_top(0, 1), torch.where(upright, is_top(1, 0), across))
