"""How near the images that a translator makes are to the true ones."""

from collections.abc import Mapping
from math import sqrt
from typing import NamedTuple

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

LEAST_FOR_SSIM = 11
"""Pixels of a side of the window of SSIM."""


class Score(NamedTuple):
    """The mean of a score over images, and half the width of its 95 % interval."""

    mean: float
    margin: float


def studio_luminance(x: Tensor) -> Tensor:
    """Returns the luminance (N, 1, H, W), from 16 to 235, of colours (N, 3, H, W) from 0 to 255: ITU-R BT.601.

    It is that of MATLAB's rgb2ycbcr, which benchmarks of super-resolution use. Grey images are returned as they are.
    """
    if x.shape[1] != 3:
        return x
    return 16 + (x * x.new_tensor([65.481, 128.553, 24.966]).view(3, 1, 1)).sum(1, keepdim=True) / 255


def compared_pixels(x: Tensor, luminance: bool, border: int) -> Tensor:
    """Returns what is compared of images (N, C, H, W) in [-1, 1]: whole numbers from 0 to 255, without a border."""
    pixels = x.add(1).mul(127.5).round().clamp(0, 255)
    inner = pixels[:, :, border : pixels.shape[2] - border, border : pixels.shape[3] - border]
    return studio_luminance(inner) if luminance else inner


def scores_of(made: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Returns scores (N,) of images (N, C, H, W), from 0 to 255: PSNR in dB, and SSIM if they are not too small.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004.
    https://doi.org/10.1109/TIP.2003.819861
    """
    made, target = made.double(), target.double()
    pairs = [(a[None], b[None]) for a, b in zip(made, target, strict=True)]
    psnr = torch.stack([peak_signal_noise_ratio(a, b, data_range=255.0) for a, b in pairs])
    scores = {"PSNR": psnr.clamp(max=100.0)}  # of equal images it would be infinite
    if min(made.shape[2:]) >= LEAST_FOR_SSIM:
        found = structural_similarity_index_measure(made, target, data_range=255.0, reduction="none")
        scores["SSIM"] = found if isinstance(found, Tensor) else found[0]
    return scores


def summarised(values: Tensor) -> Score:
    """Returns the mean of values (N,) over images, with its interval."""
    margin = 1.96 * values.double().std().item() / sqrt(len(values)) if len(values) > 1 else float("inf")
    return Score(values.double().mean().item(), margin)


def score_table(rows: Mapping[str, Mapping[str, Score]]) -> str:
    """Returns a table of scores, in text."""
    names = [*next(iter(rows.values()))]
    width = max(map(len, rows)) + 2
    lines = [" " * width + "".join(f"{name:>22}" for name in names)]
    for row, scores in rows.items():
        cells = (f"{score.mean:.4g} ± {score.margin:.2g}" for score in scores.values())
        lines.append(f"{row:<{width}}" + "".join(f"{cell:>22}" for cell in cells))
    return "\n".join(lines)
