"""What of an image is missing."""

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import mix

HOLES = ("left", "right", "top", "bottom", "centre", "random")
"""The holes that have names: half of the image, the half in its middle, or a share of all pixels."""

RANDOM_SHARE = 0.6
"""Of pixels that the hole `random` hides."""

HOLE_STREAM = 103
"""The purpose of the random stream of `hole`."""


def hole(name: str, height: int, width: int, seed: int = 0) -> Tensor:
    """Returns a mask (H, W), true where the image is missing.

    Args:
        name: left, right, top or bottom (that half), centre (half of the height and of the width), or random (60 % of
            the pixels).
        height: H.
        width: W.
        seed: Fixes the pixels of `random`.

    Raises:
        UserError: There is no such hole.
    """
    mask = torch.zeros(height, width, dtype=torch.bool)
    if name == "random":
        draw = torch.Generator().manual_seed(mix(HOLE_STREAM, seed))
        order = torch.randperm(height * width, generator=draw)
        return mask.flatten().index_fill(0, order[: round(RANDOM_SHARE * height * width)], True).view(height, width)
    parts = {
        "left": (slice(None), slice(width // 2)),
        "right": (slice(None), slice(width - width // 2, None)),
        "top": (slice(height // 2), slice(None)),
        "bottom": (slice(height - height // 2, None), slice(None)),
        "centre": (slice(height // 4, height - height // 4), slice(width // 4, width - width // 4)),
    }
    if name not in parts:
        raise UserError(f"hole is {name}: it must be {', '.join(HOLES[:-1])} or {HOLES[-1]}")
    mask[parts[name]] = True
    return mask


def checked_mask(mask: Tensor, images: Tensor) -> Tensor:
    """Returns a mask as (N, 1, H, W) bool, true where images are missing.

    Args:
        mask: (H, W) for all images, or (N, H, W); bool.
        images: (N, C, H, W).

    Raises:
        UserError: It has another size, hides nothing, or hides everything.
    """
    size = tuple(images.shape[2:])
    if mask.dtype != torch.bool or tuple(mask.shape) not in (size, (len(images), *size)):
        raise UserError(
            f"the mask is {str(mask.dtype).removeprefix('torch.')} {tuple(mask.shape)}, and the images are "
            f"{size[0]}x{size[1]}: it must be bool {size}, true where the image is missing"
        )
    mask = mask.expand(len(images), *size)
    if not mask.flatten(1).any(1).all():
        raise UserError("the mask hides nothing: mark what is missing in white (true)")
    if mask.flatten(1).all(1).any():
        raise UserError("the mask hides the whole image: leave what is known in black (false)")
    return mask.unsqueeze(1).to(images.device)
