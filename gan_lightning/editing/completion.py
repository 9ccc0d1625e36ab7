"""Images completed: what is known must match, what is missing is made up."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.editing.blending import blended
from gan_lightning.editing.inversion import check_search, in_parts
from gan_lightning.editing.least_squares import Residuals
from gan_lightning.editing.masks import checked_mask
from gan_lightning.editing.matches import Pixels
from gan_lightning.editing.posterior import Minima, chains_from, minima, minima_drawn
from gan_lightning.editing.starts import Starts, checked_labels, nearest_samples
from gan_lightning.editing.walk import Model, images_from


class Completed(NamedTuple):
    """Completions of N images, K of each.

    Args:
        images: (N, K, C, H, W) in [-1, 1]: the most likely completion first, the others drawn from the posterior. What
            is known is as it was.
        z: Latents (N, K, latent_dim).
        y: Labels (N, K) int64; None for a model without labels.
        probabilities: p(label | what is known), (N, classes); None for a model without labels.
    """

    images: Tensor
    z: Tensor
    y: Tensor | None
    probabilities: Tensor | None


@torch.no_grad()
def complete(
    model: Model,
    images: Tensor,
    mask: Tensor,
    latent_dim: int,
    classes: int = 0,
    labels: Tensor | None = None,
    count: int = 8,
    noise: float = 0.5,
    starts: int = 8,
    candidates: int = 2000,
    iterations: int = 15,
    steps: int = 20,
    seed: int = 0,
    reader: Callable[[Tensor], Tensor] | None = None,
) -> Completed:
    """Draws completions from p(z, y | what is known), and blends them into the images.

    The likelihood of what is known is normal: each known pixel differs from the model's by `noise`. The nearest samples
    lead to minima of |known (G(z, y) - x)|^2 / (2 noise^2) + |z|^2 / 2; minima are drawn by their share of the
    posterior, and chains of Langevin steps walk from there.

    Args:
        model: Makes images (N, C, H, W) in [-1, 1] from latents and labels.
        images: (N, C, H, W) in [-1, 1]; what they hold where the mask is true is not looked at.
        mask: (H, W) or (N, H, W) bool, true where the image is missing.
        latent_dim: Length of a latent.
        classes: Number of classes of the model; 0 for one without labels.
        labels: The class of each image, (N,) int64. If None, it is inferred.
        count: K, completions of each image.
        noise: Standard deviation of what the model need not explain. The larger, the more the completions differ, and
            the less they follow what is known.
        starts: Samples to start from.
        candidates: The starts are the nearest of so many samples.
        iterations: At most so many from each start.
        steps: Of each chain.
        seed: Fixes the samples to start from, and the draws.
        reader: Maps images (N, C, H, W), zero where they are missing, to logits of the classes (N, classes), by which
            labels are then inferred, such as a `trained_reader`. It weighs all ways to complete an image, of which the
            minima are a few. If None, the minima decide.

    Raises:
        UserError: Images, mask or labels do not fit each other or the model.
    """
    check_search(noise, starts, candidates, classes)
    if count < 1:
        raise UserError(f"count is {count}; it must be at least 1")
    missing, labels = checked_mask(mask, images), checked_labels(labels, len(images), classes)
    weights = (~missing).expand_as(images).flatten(1).to(images)
    part = KnownPart(model, images.flatten(1) * weights, weights, noise)
    given = None if labels is None else labels.to(images.device)
    drawn_from = (candidates, starts, seed, weights)
    begun = nearest_samples(model, part.known, Pixels(), latent_dim, classes, given, *drawn_from)
    read = None
    if classes and given is None and reader is not None:
        read = reader(images.masked_fill(missing, 0)).double().softmax(1)
        likely = nearest_samples(model, part.known, Pixels(), latent_dim, classes, read.argmax(1), *drawn_from)
        begun = Starts(*(torch.cat(pair, 1) for pair in zip(begun, likely, strict=True)))  # type: ignore[arg-type]
    found = minima(part.of(*repeated(begun.z, begun.y)), begun, iterations)
    found = found if read is None else found.with_class_probabilities(read.cpu())
    z, y = explanations(part, found, count, classes, steps, seed)
    made = in_parts(model, z.flatten(0, 1), None if y is None else y.flatten())
    laid = blended(images.repeat_interleave(count, 0), made, missing.repeat_interleave(count, 0))
    probabilities = None if y is None else found.class_probabilities(classes)
    return Completed(laid.view(len(images), count, *images.shape[1:]), z, y, probabilities)


class KnownPart(NamedTuple):
    """How well latents explain what is known of N images.

    Args:
        model: Makes images.
        known: The images (N, R), zero where they are missing.
        weights: (N, R), one where they are known, else zero.
        noise: Standard deviation of what the model need not explain.
    """

    model: Model
    known: Tensor
    weights: Tensor
    noise: float

    def of(self, image: Tensor, y: Tensor | None) -> Residuals:
        """Returns the residuals of problems that belong to these images, (n,), with these labels, (n,)."""

        def residuals(z: Tensor, rows: Tensor) -> Tensor:
            made = images_from(self.model, z, None if y is None else y[rows]).flatten(1)
            return (made * self.weights[image[rows]] - self.known[image[rows]]) / self.noise

        return residuals


def repeated(z: Tensor, y: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Returns the image of each of the latents (N, S, d), one by one, (N * S,), and their labels."""
    image = torch.arange(len(z), device=z.device).repeat_interleave(z.shape[1])
    return image, None if y is None else y.flatten()


def explanations(
    part: KnownPart, found: Minima, count: int, classes: int, steps: int, seed: int
) -> tuple[Tensor, Tensor | None]:
    """Returns latents (N, count, d) and labels: the most likely minimum of each image, then draws of the posterior."""
    images = torch.arange(len(found.z))[:, None]
    first = most_likely(found.evidence, found.y, classes)[:, None]
    chosen = torch.cat([first, minima_drawn(found, count - 1, seed)], 1)
    z, y = (None if held is None else held[images.to(held.device), chosen.to(held.device)] for held in found[:2])
    assert z is not None
    if count == 1:
        return z, y
    problems = part.of(*repeated(z[:, 1:], None if y is None else y[:, 1:]))
    curvature = found.curvature[images, chosen[:, 1:]].flatten(0, 1)
    drawn = chains_from(problems, z[:, 1:].flatten(0, 1), curvature, steps, seed)
    return torch.cat([z[:, :1], drawn.view_as(z[:, 1:])], 1), y


def most_likely(evidence: Tensor, y: Tensor | None, classes: int) -> Tensor:
    """Returns the number (N,) of the best minimum of the most likely class."""
    if y is None:
        return evidence.argmax(1)
    of_class = torch.stack([evidence.masked_fill(y.cpu() != c, -torch.inf).logsumexp(1) for c in range(classes)], 1)
    return evidence.masked_fill(y.cpu() != of_class.argmax(1, keepdim=True), -torch.inf).argmax(1)
