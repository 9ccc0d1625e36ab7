"""The training images that are nearest to an image."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor


class Neighbours(NamedTuple):
    """Images, the nearest first.

    Args:
        images: (K, C, H, W), as they were given.
        distances: Root mean square differences of pixels in [-1, 1], (K,).
    """

    images: Tensor
    distances: Tensor


@torch.no_grad()
def nearest_images(image: Tensor, blocks: Iterable[Tensor], count: int) -> Neighbours:
    """Returns the images that are nearest to one, by their pixels.

    Args:
        image: (C, H, W) in [-1, 1].
        blocks: Images (N, C, H, W) uint8, some at a time.
        count: Number of images to return, at most.
    """
    pixels = image.float().cpu()
    kept, distances = torch.empty(0, *pixels.shape, dtype=torch.uint8), torch.empty(0)
    for block in blocks:
        found = (block.float() / 127.5 - 1 - pixels).flatten(1).square().mean(1).sqrt()
        best = torch.cat([distances, found]).topk(min(count, len(distances) + len(found)), largest=False)
        kept, distances = torch.cat([kept, block])[best.indices], best.values
    return Neighbours(kept, distances)
