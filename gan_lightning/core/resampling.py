"""Reading images between their pixels, and filtering them, as matrices that act on rows and columns.

Beyond its edges, an image is reflected: pixel -1 is pixel 1. All of it can be differentiated any number of times.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core.precision import promoted

SYM6 = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466),
    *(0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578),
    *(0.0017677118642428036, -0.007800708325034148),
)
"""The low-pass filter of Daubechies's least asymmetric wavelet with six vanishing moments ("Ten lectures on wavelets",
1992, Table 6.3), chosen in Appendix B of Karras et al. (2020, https://arxiv.org/abs/2006.06676)."""
PEAK = 5
"""The place of its largest number."""


def sent(numbers: Sequence[Any], like: Tensor) -> Tensor:
    """Returns numbers as a tensor with the device and precision of another; nothing waits for the device."""
    return torch.tensor(numbers, dtype=like.dtype).to(like.device, non_blocking=True)


def reflected(place: Tensor, size: int) -> Tensor:
    """Returns the pixels, from 0 to size - 1, that are seen at whole places of any size."""
    period = max(1, 2 * (size - 1))
    return torch.minimum(place % period, -place % period)


def weighing(places: Tensor, weights: Tensor, size: int) -> Tensor:
    """Returns the matrix (R, size) that maps pixels to R sums of those at these places (R, k), with these weights."""
    seen = reflected(places, size)[..., None] == torch.arange(size, device=places.device)
    return (weights.expand(places.shape)[..., None] * seen).sum(1)


def doubling(size: int, like: Tensor) -> Tensor:
    """Returns the matrix from pixels to an image twice as fine, of which number 2 i is at pixel i.

    It goes from pixel 0 through a whole period of reflections, and its first row is repeated at the end.
    """
    taps = sent(SYM6, like) * 2**0.5
    place = torch.arange(2 * max(1, 2 * (size - 1)) + 1, device=like.device)[:, None]
    source = place + PEAK - torch.arange(len(SYM6), device=like.device)  # the odd ones are zeros between the pixels
    return weighing(source // 2, taps * (source % 2 == 0), size)


def halving(size: int, like: Tensor) -> Tensor:
    """Returns the matrix from an image twice as fine to its pixels; it has 5 places more on each side."""
    taps = sent(SYM6, like) / 2**0.5
    tap = torch.arange(len(SYM6), device=like.device)
    return weighing(2 * torch.arange(size, device=like.device)[:, None] + tap, taps, 2 * size + 10)


def read_linearly(x: Tensor, places: Tensor) -> Tensor:
    """Returns x (N, C, H, W) between its pixels, at places (N, h, w, 2) from -1 to 1."""
    if torch.compiler.is_compiling():  # it would lose the second derivatives of `Reading`
        return F.grid_sample(x, places, align_corners=True)
    return Reading.apply(x, places)  # type: ignore[return-value]


class Reading(torch.autograd.Function):
    """Reads x (N, C, H, W) linearly at places (N, h, w, 2), as `grid_sample`, but differentiable any number of times.

    (Older versions of torch differentiate `grid_sample` only once.) It is linear in x, and `Writing` is its transpose.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(x, places)
        return F.grid_sample(x, places, align_corners=True)

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        return Writing.apply(slopes[0], *ctx.saved_tensors), None


class Writing(torch.autograd.Function):
    """Adds values (N, C, h, w) to an image of zeros as large as x, at the places from which `Reading` reads."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, x: Tensor, places: Tensor) -> Tensor:
        ctx.save_for_backward(places)
        return torch.ops.aten.grid_sampler_2d_backward(values, x, places, 0, 0, True, [True, False])[0]

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Any:
        return Reading.apply(slopes[0], *ctx.saved_tensors), None, None


def resampled(x: Tensor, map_: Tensor) -> Tensor:
    """Returns images whose pixels come from where a map leads: x made twice as fine, read linearly, made coarse again.

    An image of which every pixel comes from a pixel is copied exactly. Of the others, SYM6 keeps most of the detail.

    Args:
        x: Images (N, C, H, W).
        map_: (N, 3, 3), from places in the new images to places in x, in pixels right and down from the centre.
    """
    height, width = x.shape[2:]
    fine = doubling(height, x) @ x @ doubling(width, x).T
    down, right = (torch.arange(-5, 2 * side + 5, device=x.device, dtype=x.dtype) / 2 for side in (height, width))
    periods = [max(1, 2 * (side - 1)) for side in (width, height)]
    places = mapped(map_, right, down, x.shape, periods)
    read = read_linearly(fine, (places - places.floor()) * 2 - 1)
    smooth = halving(height, x) @ read @ halving(width, x).T
    places = mapped(map_, right[5:-5:2], down[5:-5:2], x.shape, [1, 1])
    still = ((places - places.round()).abs() < 1e-3).flatten(1).all(1)
    return torch.where(still[:, None, None, None], moved_by_pixels(x, places.round().long()), smooth)


def mapped(map_: Tensor, right: Tensor, down: Tensor, shape: Sequence[int], units: Sequence[int]) -> Tensor:
    """Returns the places (N, h, w, 2), in units to the right and down, to which a map leads from columns and rows."""
    centre = [(side - 1) / 2 for side in (shape[3], shape[2])]
    rows, columns = torch.meshgrid(down - centre[1], right - centre[0], indexing="ij")
    start = torch.stack([columns, rows, torch.ones_like(rows)], dim=-1).flatten(0, 1)
    numbers = [[1 / unit if i == j else 0.0 for j in range(2)] + [centre[i] / unit] for i, unit in enumerate(units)]
    return (start @ (sent(numbers, right) @ map_).mT).unflatten(1, rows.shape)


def moved_by_pixels(x: Tensor, places: Tensor) -> Tensor:
    """Returns the pixels of x (N, C, H, W) at whole places (N, H, W, 2)."""
    columns, rows = reflected(places[..., 0], x.shape[3]), reflected(places[..., 1], x.shape[2])
    first = torch.arange(len(x), device=x.device)[:, None, None]
    return x.permute(0, 2, 3, 1)[first, rows, columns].permute(0, 3, 1, 2)


def bicubic(x: Tensor, height: int, width: int) -> Tensor:
    """Returns images (N, C, H, W) at another size, as Pillow resizes them, and MATLAB but for the edges.

    The kernel is Keys's with a = -0.5, as wide as the coarser of the two sizes, so that nothing is aliased: "Cubic
    convolution interpolation for digital image processing", 1981. https://doi.org/10.1109/TASSP.1981.1163711
    """
    resized = F.interpolate(promoted(x), (height, width), mode="bicubic", align_corners=False, antialias=True)
    return resized.to(x.dtype)
