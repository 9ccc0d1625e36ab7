"""Scores of the images that a translator makes, as pure functions of tensors."""

import torch
from torch import Tensor
from torchmetrics.functional.image import peak_signal_noise_ratio, structural_similarity_index_measure

from gan_lightning.evaluation.metric_table import METRICS, Metric
from gan_lightning.evaluation.metrics import Estimate

LEAST_FOR_SSIM = 11
"""Pixels of a side of the window of SSIM."""

LARGEST_PSNR = 100.0
"""In dB; that of equal images would be infinite."""

TRANSLATION_SCORES = {
    "PSNR": Metric("PSNR (dB)", "higher", 2, "sharpness: of several possible images, their blurred mean scores best"),
    "SSIM": Metric("SSIM", "higher", 4, "much of sharpness, and colour casts", -1.0, 1.0),
    "features": Metric("feature distance", "lower", 3, "what the feature network does not see; 1 is another image"),
    "colourfulness": Metric("colourfulness", "like real", 1, "whether the colours are right"),
    "frechet": METRICS["frechet"]._replace(blind="whether an image fits its input; its bias falls with n"),
}
"""The scores by their key in files and logs."""


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


def pixel_scores(made: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Returns scores (N,) of images (N, C, H, W), from 0 to 255: PSNR in dB, and SSIM if they are not too small.

    Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004.
    https://doi.org/10.1109/TIP.2003.819861
    """
    made, target = made.double(), target.double()
    pairs = [(a[None], b[None]) for a, b in zip(made, target, strict=True)]
    psnr = torch.stack([peak_signal_noise_ratio(a, b, data_range=255.0) for a, b in pairs])
    scores = {"PSNR": psnr.clamp(max=LARGEST_PSNR)}
    if min(made.shape[2:]) >= LEAST_FOR_SSIM:
        found = structural_similarity_index_measure(made, target, data_range=255.0, reduction="none")
        scores["SSIM"] = found if isinstance(found, Tensor) else found[0]
    return scores


def colourfulness_index(x: Tensor) -> Tensor:
    """Returns sqrt(s(r)^2 + s(b)^2) + .3 sqrt(m(r)^2 + m(b)^2) of colours (N, 3, H, W) in [-1, 1], (N,).

    Here r = R - G and b = (R + G) / 2 - B, with colours from 0 to 255, m is the mean over pixels and s^2 the variance.
    About 15 is slightly colourful, 45 averagely, 84 highly. Hasler and Süsstrunk, "Measuring colourfulness in natural
    images", 2003, Section 7. https://doi.org/10.1117/12.477378
    """
    red, green, blue = x.double().add(1).mul(127.5).flatten(2).unbind(1)
    opponents = torch.stack([red - green, (red + green) / 2 - blue], 1)
    spread, mean = opponents.std(2, unbiased=False), opponents.mean(2)
    return spread.norm(dim=1) + 0.3 * mean.norm(dim=1)


def grey_levels(x: Tensor, other: Tensor) -> Tensor:
    """Returns the mean absolute difference (N,) of images (N, C, H, W) in [-1, 1], in units of 1/255 of the range."""
    return (x - other).abs().flatten(1).mean(1) * 127.5


def nearer(own: Tensor, other: Tensor, independent: int) -> Estimate:
    """Returns in which share of images a score (N,) is higher than another; equal ones count half.

    Args:
        own: A score.
        other: Another one.
        independent: How many of the images are independent of each other.
    """
    share = ((own > other).double() + (own == other).double() / 2).mean().item()
    return Estimate.share(round(share * independent), independent)._replace(value=share)


COPIED = 0.1
"""Images that differ from their inputs by less than this, times what the true ones do, are copies."""

IGNORED = 0.05
"""Images that differ from each other by less than this, times what the true ones do, do not depend on their inputs."""


def copies_input(changed: float, needed: float) -> bool:
    """Whether a translator gives back its inputs, though something is missing in them.

    Args:
        changed: By how many grey levels its images differ from their inputs.
        needed: By how many the true images do.
    """
    return needed > 1 and changed < COPIED * needed


def ignores_input(varied: float, varies: float) -> bool:
    """Whether a translator makes the same image of all inputs.

    Args:
        varied: By how many grey levels its images differ from those of other inputs.
        varies: By how many true images differ from each other.
    """
    return varies > 1 and varied < IGNORED * varies
