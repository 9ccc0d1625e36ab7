"""Truncation: better samples that are less varied."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from torch import Tensor

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.errors import UserError
from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.walk import Model, images_from

ROUNDS = 100
"""Times that a latent is redrawn at most."""

Scorer = Callable[[Tensor, Tensor | None], Tensor]
"""Maps images (N, C, H, W) and labels (N,), if there are any, to numbers (N,), high for likely images: D's logits."""

Redraw = Callable[[int], Tensor]
"""Fresh latents (N, D) in place of all, the same for the same number of the round."""


class Truncation(Configurable, ABC):
    """Makes latents likelier."""

    looks = False
    """Whether it looks at images with the discriminator."""

    @abstractmethod
    def __call__(self, latents: Latents, model: Model, score: Scorer | None, redraw: Redraw | None) -> Latents:
        """Returns latents of the same number.

        Args:
            latents: The latents.
            model: Makes the images.
            score: Says how likely an image is; only for one that looks.
            redraw: Draws other latents for those that are refused; only for one that looks.
        """


class TowardsMean(Truncation):
    """Moves latents towards their mean, which is zero: psi z.

    Karras, Laine and Aila, "A style-based generator architecture for generative adversarial networks", 2019, Appendix
    B, here for the latents themselves. https://arxiv.org/abs/1812.04948

    Args:
        psi: From 0, one image for all (of a class), to 1, no change.
    """

    def __init__(self, psi: float = 0.7) -> None:
        if not 0 <= psi <= 1:
            raise UserError(f"truncation.psi is {psi}; it must be from 0 to 1")
        self.psi = psi

    def __call__(self, latents: Latents, model: Model, score: Scorer | None, redraw: Redraw | None) -> Latents:
        return latents._replace(z=self.psi * latents.z)


class RejectUnlikely(Truncation):
    """Redraws every latent whose image D finds less likely than most, until it finds it likely enough.

    Azadi et al., "Discriminator rejection sampling", 2019, with a threshold in place of a probability.
    https://arxiv.org/abs/1810.06758

    Args:
        rejected: The share of samples that is rejected, from 0 to below 1.
        reference: Samples that the threshold comes from.
    """

    looks = True

    def __init__(self, rejected: float = 0.5, reference: int = 256) -> None:
        if not 0 <= rejected < 1:
            raise UserError(f"truncation.rejected is {rejected}; it must be at least 0 and below 1")
        if reference < 2:
            raise UserError(f"truncation.reference is {reference}; it must be at least 2")
        self.rejected, self.reference = rejected, reference

    @torch.no_grad()
    def __call__(self, latents: Latents, model: Model, score: Scorer | None, redraw: Redraw | None) -> Latents:
        assert score is not None, "rejection needs a discriminator"
        assert redraw is not None, "rejection needs other latents"
        z, y = latents.z.clone(), latents.y
        threshold = self.threshold(latents, model, score)
        unlikely = score(images_from(model, z, y), y) < threshold
        for attempt in range(1, ROUNDS):
            if not unlikely.any():
                break
            z[unlikely] = redraw(attempt)[unlikely].to(z)
            unlikely = score(images_from(model, z, y), y) < threshold
        return latents._replace(z=z)

    def threshold(self, latents: Latents, model: Model, score: Scorer) -> Tensor:
        """Returns for each latent the score that this share of samples of its class does not reach, (N,)."""
        z, y = latents.z, latents.y
        others = torch.randn(self.reference, z.shape[1], generator=torch.Generator().manual_seed(0)).to(z)
        found: dict[int | None, Tensor] = {}
        for label in [None] if y is None else y.unique().tolist():
            labels = None if label is None else torch.full((self.reference,), label)
            found[label] = score(images_from(model, others, labels), labels).quantile(self.rejected)
        return torch.stack([found[label] for label in ([None] * len(z) if y is None else y.tolist())])
