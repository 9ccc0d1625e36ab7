"""Images completed: what is known must match, what is missing is made up."""

from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.editing.blending import blended
from gan_lightning.editing.inversion import check_search, in_parts
from gan_lightning.editing.masks import checked_mask
from gan_lightning.editing.matches import Pixels
from gan_lightning.editing.posterior import chains_from, minima, minima_drawn
from gan_lightning.editing.starts import checked_labels, nearest_samples
from gan_lightning.editing.walk import Model


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
    noise: float = 0.3,
    starts: int = 8,
    samples: int = 2000,
    iterations: int = 15,
    steps: int = 20,
    seed: int = 0,
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
        samples: The starts are the nearest of so many.
        iterations: At most so many from each start.
        steps: Of each chain.
        seed: Fixes the samples to start from, and the draws.

    Raises:
        UserError: Images, mask or labels do not fit each other or the model.
    """
    check_search(noise, starts, samples, classes)
    if count < 1:
        raise UserError(f"count is {count}; it must be at least 1")
    missing, labels = checked_mask(mask, images), checked_labels(labels, len(images), classes)
    weights = (~missing).expand_as(images).flatten(1).to(images)
    known = images.flatten(1) * weights
    given = None if labels is None else labels.to(images.device)
    begun = nearest_samples(model, known, Pixels(), latent_dim, classes, given, samples, starts, seed, weights)
    each = begun.z.shape[1]

    def residuals(z: Tensor, rows: Tensor, image: Tensor, y: Tensor | None) -> Tensor:
        made = model(z, None if y is None else y[rows]).flatten(1)
        return (made * weights[image[rows]] - known[image[rows]]) / noise

    numbers = torch.arange(len(images), device=images.device)
    of_start, y_start = numbers.repeat_interleave(each), None if begun.y is None else begun.y.flatten()
    found = minima(lambda z, rows: residuals(z, rows, of_start, y_start), begun, iterations)
    likeliest = most_likely(found.evidence, found.y, classes)
    chosen = (
        torch.cat([likeliest[:, None], minima_drawn(found, count - 1, seed)], 1) if count > 1 else likeliest[:, None]
    )
    z = found.z[numbers[:, None], chosen.to(numbers)]
    y = None if found.y is None else found.y[numbers[:, None], chosen.to(numbers)]
    if count > 1:
        chains, y_chain = z[:, 1:].flatten(0, 1), None if y is None else y[:, 1:].flatten()
        curved = found.curvature[torch.arange(len(images))[:, None], chosen[:, 1:]].flatten(0, 1)
        of_chain = numbers.repeat_interleave(count - 1)
        walk = chains_from(lambda z, rows: residuals(z, rows, of_chain, y_chain), chains, curved, steps, seed)
        z = torch.cat([z[:, :1], walk.view(len(images), count - 1, latent_dim)], 1)
    made = in_parts(model, z.flatten(0, 1), None if y is None else y.flatten())
    twice = images.repeat_interleave(count, 0), missing.repeat_interleave(count, 0)
    laid = blended(twice[0], made, twice[1]).view(len(images), count, *images.shape[1:])
    return Completed(laid, z, y, None if y is None else found.class_probabilities(classes))


def most_likely(evidence: Tensor, y: Tensor | None, classes: int) -> Tensor:
    """Returns the number (N,) of the best minimum of the most likely class."""
    if y is None:
        return evidence.argmax(1)
    of_class = torch.stack([evidence.masked_fill(y.cpu() != c, -torch.inf).logsumexp(1) for c in range(classes)], 1)
    return evidence.masked_fill(y.cpu() != of_class.argmax(1, keepdim=True), -torch.inf).argmax(1)
