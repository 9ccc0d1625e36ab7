"""A generator changed a little around given latents, so that it makes given images more exactly.

Roich et al., "Pivotal tuning for latent-based editing of real images", 2021. https://arxiv.org/abs/2106.05744
"""

import copy
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import mix
from gan_lightning.editing.walk import images_from

TUNING_STREAM = 104
"""The purpose of the random stream of tuning."""

KEPT_AROUND = 16
"""Latents around the pivots at which the generator is to stay as it was, in each step."""

WAY_OFF = 0.5
"""How far these lie from a pivot, in units of the usual length of a latent."""

KEEP_WEIGHT = 0.1
"""Weight of that term; lambda_R of the paper."""

RATE = 1e-3
"""The learning rate, which falls to zero linearly."""


def tune(
    generator: nn.Module,
    z: Tensor,
    y: Tensor | None,
    images: Tensor,
    steps: int = 200,
    seed: int = 0,
    told: Callable[[int, float], object] | None = None,
) -> nn.Module:
    """Returns a copy of a generator that makes these images of these latents, and others nearly as before.

    Minimises |G'(z) - x|^2 + 0.1 |G'(z') - G(z')|^2, both means over pixels, with z' on the way from a pivot z to a
    random latent (Equations 2, 4 and 5 of the paper, with the distance in pixels alone).

    Args:
        generator: Called as generator(z, y), or generator(z) where there are no labels; it stays as it is.
        z: The pivots, (N, latent_dim).
        y: Their labels (N,) int64; None for a generator without labels.
        images: (N, C, H, W) in [-1, 1].
        steps: Of Adam.
        seed: Fixes the random latents.
        told: Is told the step, and the mean squared error.

    Raises:
        UserError: There are no steps.
    """
    if steps < 1:
        raise UserError(f"tune is {steps}; it must be at least 1 step")
    frozen = copy.deepcopy(generator).eval().requires_grad_(False)
    tuned = copy.deepcopy(frozen).requires_grad_(True)
    optimizer = torch.optim.Adam(tuned.parameters(), lr=RATE)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / steps)
        near, labels = neighbours(z, y, mix(TUNING_STREAM, seed, step))
        before = images_from(frozen, near, labels)
        error = F.mse_loss(images_from(tuned, z, y), images)
        loss = error + KEEP_WEIGHT * F.mse_loss(images_from(tuned, near, labels), before)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if told is not None:
            told(step + 1, float(error.detach()))
    return tuned.requires_grad_(False)


def neighbours(z: Tensor, y: Tensor | None, seed: int) -> tuple[Tensor, Tensor | None]:
    """Returns latents around pivots: z + reach (w - z) / |w - z| with random latents w, and their pivots' labels."""
    draw = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(z), (KEPT_AROUND,), generator=draw)
    way = torch.randn(KEPT_AROUND, z.shape[1], generator=draw).to(z) - z[rows]
    length = WAY_OFF * z.shape[1] ** 0.5
    return z[rows] + length * way / way.norm(dim=1, keepdim=True), None if y is None else y[rows]
