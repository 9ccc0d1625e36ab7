"""What all pretrained networks are shown: bytes of three channels, resized without aliasing."""

import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core.errors import UserError


def colour_bytes(x: Tensor, name: str) -> Tensor:
    """Returns images (N, C, H, W) in [-1, 1] as uint8 (N, 3, H, W), as an image file would store them.

    Args:
        x: Images with one channel, which is repeated, or three.
        name: The extractor, for the message.

    Raises:
        UserError: The images have another number of channels.
    """
    if x.shape[1] not in (1, 3):
        raise UserError(
            f"the extractor {name} takes images with 1 or 3 channels, but these have {x.shape[1]}: set judge.extractor "
            "to another, or train one with gan fit --config extractor"
        )
    return (x.float() * 127.5 + 127.5).round().clamp(0, 255).byte().expand(-1, 3, -1, -1)


def resized(x: Tensor, side: int) -> Tensor:
    """Returns images (N, C, H, W) as float (N, C, side, side), which may lie a little outside of their range.

    The filter is bicubic, and antialiased where it reduces: Parmar, Zhang and Zhu, "On aliased resizing and surprising
    subtleties in GAN evaluation", 2022. https://arxiv.org/abs/2104.11222
    """
    return F.interpolate(x.float(), size=(side, side), mode="bicubic", antialias=True)


def bytes_resized(x: Tensor, side: int) -> Tensor:
    """Returns images uint8 (N, C, H, W) as uint8 (N, C, side, side), rounded after each pass, as Pillow does."""
    return F.interpolate(x, size=(side, side), mode="bicubic", antialias=True)
