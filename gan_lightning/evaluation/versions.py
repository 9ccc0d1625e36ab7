"""Mirrored and shifted versions of images, to find copies that are mirrored or shifted."""

import torch
import torch.nn.functional as F
from torch import Tensor

FARTHEST = 2
"""The largest shift in pixels."""


def versions(x: Tensor) -> Tensor:
    """Returns each image as it is, mirrored, and shifted by 1 and 2 pixels to each of four sides.

    Edges are repeated. An image that is mirrored and shifted, or shifted along a diagonal, has no version that takes
    both back.

    Args:
        x: Images (N, C, H, W).

    Returns:
        (N, V, C, H, W), with V = 10, the images as they are first.
    """
    steps = [s for s in range(-FARTHEST, FARTHEST + 1) if s]
    shifts = [(s, 0) for s in steps] + [(0, s) for s in steps]
    return torch.stack([x, x.flip(3), *(moved_by(x, down, right) for down, right in shifts)], dim=1)


def moved_by(x: Tensor, down: int, right: int) -> Tensor:
    """Shifts images (N, C, H, W) by so many pixels, at most `FARTHEST`; the edges are repeated."""
    height, width = x.shape[2:]
    wide = F.pad(x, [FARTHEST] * 4, mode="replicate")
    return wide[:, :, FARTHEST - down : FARTHEST - down + height, FARTHEST - right : FARTHEST - right + width]
