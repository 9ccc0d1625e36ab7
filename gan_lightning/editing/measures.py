"""What can be measured in an image: of ink on a dark ground, and of colours."""

from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

Measure = Callable[[Tensor], Tensor]
"""Maps images (N, C, H, W) in [-1, 1] to numbers (N,)."""

SMALLEST_SUM = 1e-6


def ink(x: Tensor) -> Tensor:
    """Returns how much ink is at each place, (N, H, W), from 0 (black) to 1 (white)."""
    return x.float().mean(1).add(1).div(2).clamp(0, 1)


def ink_mass(x: Tensor) -> Tensor:
    """The mean ink of an image, from 0 to 1."""
    return ink(x).mean((1, 2))


def stroke_width(x: Tensor) -> Tensor:
    """The mean width of strokes in pixels: 2 m / l, of the mass m of the ink and the length l of its edges.

    A long stroke of width w and length h has mass w h and edges of length 2 h. The length of edges is the total
    variation, whatever their sharpness: Federer, "Geometric measure theory", 1969, Theorem 4.5.9 (the coarea formula).
    """
    padded = F.pad(ink(x), (1, 1, 1, 1))
    across, down = padded[:, 1:, 1:] - padded[:, 1:, :-1], padded[:, 1:, 1:] - padded[:, :-1, 1:]
    edges = (across.square() + down.square()).sqrt().sum((1, 2))
    return 2 * padded.sum((1, 2)) / edges.clamp(min=SMALLEST_SUM)


def moments(x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the central second moments of the ink, (N,) each: across, down, and mixed, in square pixels."""
    weight = ink(x)
    weight = weight / weight.sum((1, 2), keepdim=True).clamp(min=SMALLEST_SUM)
    height, width = weight.shape[1:]
    rows, columns = torch.arange(height).to(weight)[:, None], torch.arange(width).to(weight)
    r = rows - (weight * rows).sum((1, 2))[:, None, None]
    c = columns - (weight * columns).sum((1, 2))[:, None, None]
    return (weight * c.square()).sum((1, 2)), (weight * r.square()).sum((1, 2)), (weight * r * c).sum((1, 2))


def slant(x: Tensor) -> Tensor:
    """How far the ink leans to the right for each pixel upwards: -mu11 / mu02, the shear that makes mu11 zero."""
    _, down, mixed = moments(x)
    return -mixed / down.clamp(min=SMALLEST_SUM)


def ink_width(x: Tensor) -> Tensor:
    """The spread of the ink from left to right, in pixels, without that of its slant."""
    across, down, mixed = moments(x)
    return (across - mixed.square() / down.clamp(min=SMALLEST_SUM)).clamp(min=0).sqrt()


def ink_height(x: Tensor) -> Tensor:
    """The spread of the ink from top to bottom, in pixels."""
    return moments(x)[1].sqrt()


def brightness(x: Tensor) -> Tensor:
    return x.float().mean((1, 2, 3))


def contrast(x: Tensor) -> Tensor:
    """The standard deviation of the brightness."""
    return x.float().mean(1).flatten(1).std(1)


def colourfulness(x: Tensor) -> Tensor:
    """The mean difference between the strongest and the weakest channel."""
    return (x.float().amax(1) - x.float().amin(1)).mean((1, 2))


def warmth(x: Tensor) -> Tensor:
    """How much more red than blue there is."""
    return (x[:, 0] - x[:, -1]).float().mean((1, 2))


def detail(x: Tensor) -> Tensor:
    """The mean difference of neighbouring pixels."""
    grey = x.float().mean(1)
    return grey.diff(dim=1).abs().mean((1, 2)) + grey.diff(dim=2).abs().mean((1, 2))


OF_INK: Mapping[str, Measure] = {
    "stroke width": stroke_width,
    "slant": slant,
    "width": ink_width,
    "height": ink_height,
}
OF_COLOUR: Mapping[str, Measure] = {
    "brightness": brightness,
    "contrast": contrast,
    "colourfulness": colourfulness,
    "warmth": warmth,
    "detail": detail,
}


def measures_for(channels: int) -> Mapping[str, Measure]:
    """Returns the measures for images of this number of channels: of ink for one, of colours for more."""
    return OF_INK if channels == 1 else OF_COLOUR
