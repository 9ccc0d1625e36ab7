"""Images found again: the latents of which a generator makes them."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.editing.least_squares import latent_energy, minimised
from gan_lightning.editing.matches import Match, Pixels
from gan_lightning.editing.starts import checked_labels, nearest_samples
from gan_lightning.editing.walk import Model, images_from

Told = Callable[[int, int, float], None]
"""Is told the starts done, those there are at most, and the median PSNR."""


class Inverted(NamedTuple):
    """What was found for images.

    Args:
        z: Latents (N, latent_dim).
        y: Labels (N,) int64; None for a model without labels.
        images: What the model makes of them, (N, C, H, W) in [-1, 1].
        psnr: Peak signal-to-noise ratio (N,) in dB.
    """

    z: Tensor
    y: Tensor | None
    images: Tensor
    psnr: Tensor


@torch.no_grad()
def psnr(x: Tensor, other: Tensor) -> Tensor:
    """Peak signal-to-noise ratio (N,) in dB of images in [-1, 1]: 10 log10(2^2 / mean((x - y)^2))."""
    return 10 * torch.log10(4 / (x - other).double().flatten(1).square().mean(1).clamp(min=1e-12)).float()


@torch.no_grad()
def invert(
    model: Model,
    images: Tensor,
    latent_dim: int,
    classes: int = 0,
    labels: Tensor | None = None,
    match: Match | None = None,
    noise: float = 0.03,
    starts: int = 16,
    candidates: int = 2000,
    enough: float = 45.0,
    iterations: int = 20,
    seed: int = 0,
    told: Told | None = None,
) -> Inverted:
    """Finds the most likely latents of images: the lowest |m(G(z, y)) - m(x)|^2 / (2 noise^2) + |z|^2 / 2.

    From each of the nearest samples, the next minimum is found by the Levenberg-Marquardt method; the lowest one stays.
    The first term matches the image, the second is the prior, which keeps latents likely. The same images, one by one
    or together, give the same result but for rounding; the same call gives the same bits.

    Args:
        model: Makes images (N, C, H, W) in [-1, 1] from latents and labels.
        images: What to find, (N, C, H, W) in [-1, 1].
        latent_dim: Length of a latent.
        classes: Number of classes of the model; 0 for one without labels.
        labels: The class of each image, (N,) int64. If None, it is the one with the lowest minimum.
        match: m, in what images are compared; if None, pixels.
        noise: Standard deviation of what the model need not explain, in units of m. The larger, the more likely the
            latents, and the worse the match.
        starts: Samples to start from.
        candidates: The starts are the nearest of so many samples, of each class in turn.
        enough: An image is found when it has this PSNR, in dB; the starts left are not tried.
        iterations: At most so many from each start.
        seed: Fixes the samples to start from.
        told: Is told how far it is.

    Raises:
        UserError: Images or labels do not fit the model.
    """
    check_search(noise, starts, candidates, classes)
    match, labels = match or Pixels(), checked_labels(labels, len(images), classes)
    measures = match(images)
    given = None if labels is None else labels.to(images.device)
    begun = nearest_samples(model, measures, match, latent_dim, classes, given, candidates, starts, seed, in_turn=True)
    z, y = begun.z[:, 0].clone(), None if begun.y is None else begun.y[:, 0].clone()
    lowest = torch.full((len(images),), torch.inf, dtype=torch.float64, device=z.device)
    made, quality = torch.zeros_like(images), torch.zeros(len(images), device=z.device)
    for start in range(begun.z.shape[1]):
        rows = torch.nonzero(quality < enough).squeeze(1)
        if not len(rows):
            break
        of_start = None if begun.y is None else begun.y[rows, start]

        def residuals(at: Tensor, chosen: Tensor, rows: Tensor = rows, of_start: Tensor | None = of_start) -> Tensor:
            seen = match(images_from(model, at, None if of_start is None else of_start[chosen]))
            return (seen - measures[rows[chosen]]) / noise

        found = minimised(residuals, begun.z[rows, start], iterations)
        shown = in_parts(model, found, of_start)
        reached = latent_energy((match(shown) - measures[rows]) / noise, found)
        better = reached < lowest[rows]
        into = rows[better]
        z[into], made[into], lowest[into] = found[better], shown[better], reached[better]
        if y is not None and of_start is not None:
            y[into] = of_start[better]
        quality = psnr(made, images).to(z.device)
        if told is not None:
            told(start + 1, begun.z.shape[1], float(quality.median()))
    return Inverted(z, y, made, quality)


def in_parts(model: Model, z: Tensor, y: Tensor | None, part: int = 64) -> Tensor:
    """Returns the images of latents, some at a time."""
    labels = [None] * len(z.split(part)) if y is None else y.split(part)
    return torch.cat([images_from(model, a, b) for a, b in zip(z.split(part), labels, strict=True)])


def check_search(noise: float, starts: int, candidates: int, classes: int) -> None:
    """Refuses options of a search that cannot be.

    Raises:
        UserError: One is out of range.
    """
    if not 0 < noise < float("inf"):
        raise UserError(f"noise is {noise:g}; it must be above 0")
    if starts < 1:
        raise UserError(f"starts is {starts}; it must be at least 1")
    least = max(1, classes) * starts
    if candidates < least:
        raise UserError(f"candidates is {candidates}; it must be at least {least}: as many as starts, for each class")
