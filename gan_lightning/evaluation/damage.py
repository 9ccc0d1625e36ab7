"""Known damage to images, by which feature extractors are tried. None of it may occur in an extractor's training."""

import io
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

Change = Callable[[Tensor, float], Tensor]
"""Damages images (N, C, H, W) in [-1, 1] with a given strength."""


class Damage(NamedTuple):
    """One kind of damage, from the weakest to the strongest.

    Args:
        name: Its name in tables.
        change: Makes it.
        strengths: The strengths at which extractors are tried.
    """

    name: str
    change: Change
    strengths: tuple[float, ...]

    def titles(self) -> list[str]:
        """Returns a name for each strength."""
        return [f"{self.name} {strength:g}" for strength in self.strengths]


def with_damage(x: Tensor, change: Change, strength: float) -> Tensor:
    """Returns damaged images, rounded to 8 bits as all real images are."""
    return (change(x, strength) * 127.5 + 127.5).round().clamp(0, 255) / 127.5 - 1


def blurred(x: Tensor, sigma: float) -> Tensor:
    """Blurs by a Gaussian with a standard deviation in pixels, to three deviations; edges are reflected."""
    reach = min(round(3 * sigma + 0.5), *(side - 1 for side in x.shape[2:]))
    return gaussian_blur(x, [2 * reach + 1] * 2, [sigma, sigma])


def compressed(x: Tensor, quality: float) -> Tensor:
    """Compresses as JPEG; channels that are neither grey nor colour are compressed one by one."""
    if x.shape[1] not in (1, 3):
        return compressed(x.flatten(0, 1).unsqueeze(1), quality).view_as(x)
    pixels = (x * 127.5 + 127.5).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    seen = np.stack([through_jpeg(one.squeeze(2) if one.shape[2] == 1 else one, int(quality)) for one in pixels])
    return torch.from_numpy(seen).view(len(x), *x.shape[2:], -1).permute(0, 3, 1, 2).float() / 127.5 - 1


def through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def noisy(x: Tensor, deviation: float) -> Tensor:
    """Adds normal noise, always the same; its standard deviation is in units of the range [-1, 1]."""
    return x + deviation * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))


LADDER = (
    Damage("blur", blurred, (0.5, 1, 2)),
    Damage("JPEG", compressed, (75, 30, 8)),
    Damage("noise", noisy, (0.05, 0.15, 0.4)),
)
"""The damage by which every extractor is tried: blur by its deviation in pixels, JPEG by its quality, noise by its
deviation in [-1, 1]."""


def cast(x: Tensor, shift: float) -> Tensor:
    """Makes images redder and less blue, or brighter where they are grey."""
    change = torch.tensor([1.0, 0.0, -1.0]) if x.shape[1] == 3 else torch.ones(x.shape[1])
    return x + shift * change[:, None, None]


def ringing(x: Tensor, share: float) -> Tensor:
    """Removes the share of the highest frequencies in each direction, which leaves ripples at edges."""
    spectrum = torch.fft.fft2(x)
    keep = [torch.fft.fftfreq(side).abs() <= 0.5 * (1 - share) for side in x.shape[2:]]
    return torch.fft.ifft2(spectrum * (keep[0][:, None] & keep[1])).real


def patches_shifted(x: Tensor, share: float) -> Tensor:
    """Moves the lower right quarter's content by a share of the width, round its own edge."""
    height, width = x.shape[2] // 2, x.shape[3] // 2
    x = x.clone()
    x[:, :, height:, width:] = x[:, :, height:, width:].roll(round(share * x.shape[3]), 3)
    return x


def checkered(x: Tensor, contrast: float) -> Tensor:
    """Adds a checkerboard of single pixels, as transposed convolutions leave it."""
    rows, columns = (torch.arange(side) for side in x.shape[2:])
    return x + contrast * (1 - 2.0 * ((rows[:, None] + columns) % 2))


def upside_down(x: Tensor, share: float) -> Tensor:
    """Turns the first images of a set, a share of it, upside down."""
    turned = round(len(x) * share)
    return torch.cat([x[:turned].flip(2), x[turned:]])


UNSEEN = (
    Damage("colour cast", cast, (0.05, 0.15, 0.4)),
    Damage("ringing", ringing, (0.3, 0.5, 0.7)),
    Damage("checkerboard", checkered, (0.02, 0.05, 0.15)),
    Damage("shifted quarter", patches_shifted, (0.06, 0.12, 0.25)),
    Damage("upside down", upside_down, (0.2, 0.5, 1)),
)
"""Further damage, which was not looked at while objectives and networks were chosen."""
