"""What comes back of an image that is translated there and back, and whether what was made on the way shows it."""

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.seeding import Draw
from gan_lightning.evaluation.metric_table import METRICS
from gan_lightning.evaluation.translation import LARGEST_PSNR, grey_levels, ignores_input

Translate = Callable[[Tensor], Tensor]
"""Makes images (N, C, H, W) in [-1, 1] of images (N, C, H, W) in [-1, 1]."""

SIDES = ("A", "B")

GREY_LEVELS = 127.5
"""Steps of 8 bits in a length of 1."""

NOISES = {"back from 8 bits": 0.0, "back from noise 1": 1.0, "back from noise 2": 2.0}
"""What is done to an image on the way, besides rounding it to 8 bits: the deviation of the noise, in grey levels."""

UNTOUCHED = "there and back"

TELLING = "back from noise 1"
"""That by which hiding is told."""

UNCHANGED = 1.0
"""Grey levels below which an image counts as unchanged."""

Fault = Literal["copies", "ignores", "hides"]

CYCLE_SCORES = {
    "back": METRICS["frechet"]._replace(
        name=f"{UNTOUCHED} (dB)", better="higher", blind="what is hidden in noise; unchanged images come back best"
    ),
    "kernel": METRICS["kernel"]._replace(blind="whether an image fits its input"),
    "frechet": METRICS["frechet"]._replace(blind="whether an image fits its input; its bias falls with n"),
}
"""The scores of a direction that need no true images, by their keys in logs."""


def disturbed(x: Tensor, noise: float, normal: Draw) -> Tensor:
    """Returns images rounded to 8 bits, with noise of this deviation in grey levels: no eye sees the difference."""
    pixels = x.add(1).mul(GREY_LEVELS).round() + normal(*x.shape).to(x) * noise
    return pixels.div(GREY_LEVELS).sub(1)


@torch.no_grad()
def come_back(
    x: Tensor, made: Tensor, back: Translate, normal: Draw, noises: Mapping[str, float] = NOISES
) -> dict[str, Tensor]:
    """Returns mean squared errors (N,), in squared grey levels, of what comes back, by what was done on the way.

    Args:
        x: Images (N, C, H, W).
        made: What they were translated to (N, C, H, W).
        back: Translates back.
        normal: Draws standard normal numbers.
        noises: What is done, besides nothing: the deviation of the noise, by its name.
    """
    ways = {UNTOUCHED: made} | {name: disturbed(made, noise, normal) for name, noise in noises.items()}
    return {name: (back(one) - x).mul(GREY_LEVELS).square().flatten(1).mean(1).cpu() for name, one in ways.items()}


def variety_of_pixels(x: Tensor) -> Tensor:
    """Returns by how many grey levels each of the images (N, C, H, W) differs from the one before it, (N,)."""
    return grey_levels(x, x.roll(1, 0))


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
    noise = NOISES[TELLING]
    return errors[TELLING].mean().item() > 2 * (errors[UNTOUCHED].mean().item() + noise**2)


def direction_name(side: int) -> str:
    return f"{SIDES[side]} to {SIDES[1 - side]}"


class Traces(NamedTuple):
    """What a direction leaves of its input.

    Args:
        changed: By how many grey levels its images differ from those they are made of.
        varied: By how many they differ from each other.
        varies: By how many real images of the other side do.
        errors: What is wrong with those that come back, as `come_back` returns it; nothing if there is no way back.
    """

    changed: float
    varied: float
    varies: float
    errors: Mapping[str, Tensor]

    @property
    def faults(self) -> dict[Fault, str]:
        """What is wrong, in words."""
        found: dict[Fault, str] = {}
        if self.changed < UNCHANGED:
            found["copies"] = f"gives back its input: it changes pixels by {self.changed:.2g} grey levels"
        if ignores_input(self.varied, self.varies):
            found["ignores"] = (
                f"ignores its input: its images differ by {self.varied:.2g} grey levels from each other, and real ones "
                f"by {self.varies:.2g}"
            )
        if self.errors and hides(self.errors):
            found["hides"] = (
                f"hides its input in noise: what comes back is {self.decibels(UNTOUCHED):.1f} dB, and "
                f"{self.decibels(TELLING):.1f} dB if noise of one grey level, which no eye sees, is added on the way"
            )
        return found

    def decibels(self, name: str) -> float:
        """Returns the mean PSNR of what comes back."""
        return in_decibels(self.errors[name]).mean().item()
