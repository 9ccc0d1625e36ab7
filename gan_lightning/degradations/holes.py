"""Images of which a part is left out."""

from typing import Literal

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape
from gan_lightning.core.resampling import sent
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.degradation import Degradation

Shape = Literal["box", "half", "strokes"]

STROKES, BENDS = 5, 5
"""The most strokes in an image, and the most straight lines in a stroke."""

SHORTEST, LONGEST, THINNEST, THICKEST = 10 / 256, 210 / 256, 5 / 256, 105 / 256
"""Length and width of a line of a stroke, over the shorter side of the image."""

WIDEST_ANGLE = 4.0
"""Radians. Lines go forth and back in turn, as they are drawn in Yu et al. (2019), Algorithm 1."""


class Holes(Degradation):
    """Leaves out a part of each image, shown as zeros and told in a further channel.

    What is around the hole stays as it is, in what G makes, too. At prediction, transparent pixels are what is missing.

    Strokes are those of Suvorov et al., "Resolution-robust large mask inpainting with Fourier convolutions", 2022,
    Section 2.3, for images of 256x256, here in proportion to the image: one to five, each of one to five lines.
    https://arxiv.org/abs/2109.07161; Yu et al., "Free-form image inpainting with gated convolution", 2019.
    https://arxiv.org/abs/1806.03589

    Args:
        shape: box, a rectangle anywhere; half, the left, right, upper or lower one; or strokes, thick lines with bends.
        area: Share of the image that a box covers, above 0 and below 1.
    """

    leaves_out = True

    def __init__(self, shape: Shape = "box", area: float = 0.25) -> None:
        super().__init__()
        if not 0 < area < 1:
            raise UserError(
                f"area of Holes is {area}, a share of the image; it must be above 0 and below 1: a mask that covers "
                "all leaves nothing to start from"
            )
        self.shape, self.area = shape, area

    def channels(self, image_channels: int) -> int:
        return image_channels + 1

    def check(self, image_shape: ImageShape) -> None:
        if min(image_shape[1:]) < 2:
            raise UserError(f"images of {image_shape[1]}x{image_shape[2]} are too small for Holes: use larger ones")

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        if self.shape == "strokes":
            return left_out_of(x, strokes(x, uniform))
        place = uniform(len(x), 2).to(x)
        return left_out_of(x, box(place, self.area, x) if self.shape == "box" else half_plane(place, x))

    def taken(self, x: Tensor, opaque: Tensor) -> Tensor:
        return left_out_of(x, 1 - opaque)

    def shown(self, inputs: Tensor, channels: int) -> Tensor:
        """The image, with the mean of what is around the hole in it."""
        image, missing = inputs[:, :-1], inputs[:, -1:]
        mean = image.sum((2, 3), keepdim=True) / (1 - missing).sum((2, 3), keepdim=True).clamp(min=1)
        return image + missing * mean

    def completed(self, made: Tensor, inputs: Tensor) -> Tensor:
        missing = inputs[:, -1:]
        return missing * made + (1 - missing) * inputs[:, :-1]


def left_out_of(x: Tensor, missing: Tensor) -> Tensor:
    """Returns images with zeros where they are missing, and where that is as a further channel."""
    return torch.cat([x * (1 - missing), missing], 1)


def box(place: Tensor, area: float, x: Tensor) -> Tensor:
    """Returns masks (N, 1, H, W), 1 in a box with this share of the image, which begins at a place (N, 2) in [0, 1)."""
    inside = []
    for axis, side in enumerate(x.shape[2:]):
        length = min(side - 1, max(1, round(side * float(area) ** 0.5)))
        start = (place[:, axis] * (side - length + 1)).floor()[:, None]
        pixels = torch.arange(side, device=x.device)
        inside.append((pixels >= start) & (pixels < start + length))
    return (inside[0][:, None, :, None] & inside[1][:, None, None, :]).to(x)


def half_plane(place: Tensor, x: Tensor) -> Tensor:
    """Returns masks (N, 1, H, W), 1 in one half of the image, chosen by numbers (N, 2) in [0, 1)."""
    height, width = x.shape[2:]
    upper = (torch.arange(height, device=x.device) < height // 2)[None, :, None].expand(len(x), -1, width)
    left = (torch.arange(width, device=x.device) < width // 2)[None, None, :].expand(len(x), height, -1)
    first = torch.where((place[:, 0] < 0.5)[:, None, None], upper, left)
    return torch.where((place[:, 1] < 0.5)[:, None, None], first, ~first)[:, None].to(x)


def strokes(x: Tensor, uniform: Draw) -> Tensor:
    """Draws masks (N, 1, H, W), 1 in a few thick lines with bends."""
    count, (height, width) = len(x), x.shape[2:]
    corner, side = sent((height - 1, width - 1), x), min(height, width)
    missing = torch.zeros(count, height, width, dtype=torch.bool, device=x.device)
    number = 1 + (uniform(count).to(x) * STROKES).floor()
    for stroke in range(STROKES):
        place = uniform(count, 2).to(x) * corner
        bends = 1 + (uniform(count).to(x) * BENDS).floor()
        for bend in range(BENDS):
            angle, length, thickness = uniform(count, 3).to(x).unbind(1)
            angle = WIDEST_ANGLE * angle * (1 if bend % 2 else -1)
            reach = (SHORTEST + (LONGEST - SHORTEST) * length) * side
            end = place + reach[:, None] * torch.stack([angle.sin(), angle.cos()], 1)
            end = torch.minimum(end.clamp(min=0), corner)
            radius = (THINNEST + (THICKEST - THINNEST) * thickness) * side / 2
            drawn = (stroke < number) & (bend < bends)
            missing |= near_line(place, end, radius.clamp(min=0.5), height, width) & drawn[:, None, None]
            place = end
    return missing[:, None].to(x)


def near_line(start: Tensor, end: Tensor, radius: Tensor, height: int, width: int) -> Tensor:
    """Returns which pixels (N, height, width) are within a radius (N,) of the line between two places (N, 2)."""
    rows, columns = (torch.arange(side, device=start.device, dtype=start.dtype) for side in (height, width))
    down, right = rows[:, None] - start[:, :1, None], columns[None, :] - start[:, 1:, None]
    along = (end - start)[..., None, None]
    square = along.square().sum(1).clamp(min=1e-12)
    share = ((down * along[:, 0] + right * along[:, 1]) / square).clamp(0, 1)
    distance = torch.hypot(down - share * along[:, 0], right - share * along[:, 1])
    return distance <= radius[:, None, None]
