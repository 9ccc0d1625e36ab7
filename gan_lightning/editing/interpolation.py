"""Ways from one latent to another."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from gan_lightning.core.configurable import Configurable


class Interpolation(Configurable, ABC):
    """A way from a latent to another."""

    @abstractmethod
    def __call__(self, a: Tensor, b: Tensor, share: Tensor) -> Tensor:
        """Returns latents (N, D) on the ways from a to b.

        Args:
            a: The beginnings, (N, D).
            b: The ends, (N, D).
            share: How much of each way is done, (N,), from 0 to 1.
        """


class Lerp(Interpolation):
    """The straight line: (1 - t) a + t b. Its middle is nearer to the mean than samples are, as after truncation."""

    def __call__(self, a: Tensor, b: Tensor, share: Tensor) -> Tensor:
        return torch.lerp(a, b, share[:, None])


class Slerp(Interpolation):
    """The great circle: sin((1 - t) w) / sin(w) a + sin(t w) / sin(w) b, where w is the angle between a and b.

    Normal latents of many coordinates lie near a sphere; this way stays near it, so that every image on it is as likely
    as a sample. Latents that point the same way, or opposite ways, have no single great circle: there it is the
    straight line.

    White, "Sampling generative networks", 2016, Section 2.1. https://arxiv.org/abs/1609.04468. Shoemake, "Animating
    rotation with quaternion curves", 1985. https://doi.org/10.1145/325165.325242
    """

    def __call__(self, a: Tensor, b: Tensor, share: Tensor) -> Tensor:
        t = share[:, None]
        cosine = torch.nn.functional.cosine_similarity(a, b, dim=1, eps=1e-30).clamp(-1, 1)[:, None]
        angle = torch.arccos(cosine)
        sine = torch.sin(angle)
        arc = (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / sine
        return torch.where(sine > 1e-3, arc, torch.lerp(a, b, t))


def interpolate(a: Tensor, b: Tensor, steps: int, interpolation: Interpolation = Slerp()) -> Tensor:
    """Returns latents (steps, D) from a to b, both included.

    Args:
        a: The first latent, (D,).
        b: The last latent, (D,).
        steps: Number of latents, at least 2.
        interpolation: The way.
    """
    share = torch.linspace(0, 1, steps, dtype=a.dtype, device=a.device)
    return interpolation(a.expand(steps, -1), b.expand(steps, -1), share)
