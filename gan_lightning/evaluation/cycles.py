"""What comes back of an image that is translated there and back, and whether it was hidden in noise on the way."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gan_lightning.core.seeding import Draw
from gan_lightning.evaluation.translation import LARGEST_PSNR

Translate = Callable[[Tensor], Tensor]
"""Makes images (N, C, H, W) in [-1, 1] of images (N, C, H, W) in [-1, 1]."""

GREY_LEVELS = 127.5
"""Steps of 8 bits in a length of 1."""

NOISES = {"back from 8 bits": 0.0, "back from noise 1": 1.0, "back from noise 2": 2.0}
"""What is done to an image on the way, besides rounding it to 8 bits: the deviation of the noise, in grey levels."""

UNTOUCHED = "there and back"

TELLING = 1.0
"""The noise by which hiding is told."""


def disturbed(x: Tensor, noise: float, normal: Draw) -> Tensor:
    """Returns images rounded to 8 bits, with noise of this deviation in grey levels: no eye sees the difference."""
    pixels = x.add(1).mul(GREY_LEVELS).round() + normal(*x.shape).to(x) * noise
    return pixels.div(GREY_LEVELS).sub(1)


@torch.no_grad()
def come_back(x: Tensor, made: Tensor, back: Translate, normal: Draw) -> dict[str, Tensor]:
    """Returns mean squared errors (N,), in squared grey levels, of what comes back, by what was done on the way.

    Args:
        x: Images (N, C, H, W).
        made: What they were translated to (N, C, H, W).
        back: Translates back.
        normal: Draws standard normal numbers.
    """
    ways = {UNTOUCHED: made} | {name: disturbed(made, noise, normal) for name, noise in NOISES.items()}
    return {name: (back(one) - x).mul(GREY_LEVELS).square().flatten(1).mean(1).cpu() for name, one in ways.items()}


def in_decibels(errors: Tensor) -> Tensor:
    """Returns PSNRs (N,) of mean squared errors (N,) in squared grey levels."""
    return (10 * (255**2 / errors.double().clamp(min=1e-12)).log10()).clamp(max=LARGEST_PSNR)


def hides(errors: Mapping[str, Tensor]) -> bool:
    """Whether images come back by what is hidden in noise: noise of a grey level more than doubles the error.

    The noise itself counts as a part of the error that is doubled, as it comes back, too.

    Chu et al., "CycleGAN, a master of steganography", 2017. https://arxiv.org/abs/1712.02950

    Args:
        errors: As `come_back` returns them.
    """
    noisy = next(errors[name] for name, noise in NOISES.items() if noise == TELLING)
    return noisy.mean().item() > 2 * (errors[UNTOUCHED].mean().item() + TELLING**2)
