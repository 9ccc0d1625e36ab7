"""A guard that detects when a translator gives back its input, or makes the same image of all."""

from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from gan_lightning.callbacks.input_guard import GUARDED, InputGuard, Sighting
from gan_lightning.callbacks.translation_grid import some_images
from gan_lightning.core.precision import promoted
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.data import ImageData
from gan_lightning.evaluation.translation import copies_input, grey_levels, ignores_input
from gan_lightning.training.batch_checks import images_of


class Dependence(NamedTuple):
    """How what a translator makes depends on its inputs: mean differences of pixels in grey levels.

    Args:
        changed: Of its images from their inputs.
        needed: Of the true images from the inputs.
        varied: Of its images from those of other inputs.
        varies: Of the true images from each other.
    """

    changed: float
    needed: float
    varied: float
    varies: float

    @property
    def fault(self) -> str | None:
        """What is wrong, and what to do, in words; None if nothing is."""
        if copies_input(self.changed, self.needed):
            return (
                f"the generator copies its input: its images differ from it by {self.changed:.2g} grey levels, the "
                f"true ones by {self.needed:.2g}. To fix it: raise model.generator_optimization.optimizer.lr, or the "
                "weights of model.terms"
            )
        if ignores_input(self.varied, self.varies):
            return (
                f"the generator ignores its input: its images differ by {self.varied:.2g} grey levels from one input "
                f"to another, the true ones by {self.varies:.2g}. To fix it: raise the weights of model.terms, or let "
                "D see the input (model.discriminator.condition_channels)"
            )
        return None


class TranslationGuard(InputGuard):
    """Watches whether what the averaged generator makes depends on its input, and is not the input itself.

    It looks at the same images, held out if there are some, or at the batch, if the data is no ImageData, and logs
    `guard/changed`, by how much its images differ from their inputs, and `guard/varied`, by how much they differ from
    those of other inputs, both over what true images do. Below .1 and .05, they are copies, or all the same. If that is
    found `patience` times in a row, it is a failure.

    Args:
        every_n_steps: Iterations between checks; 0 turns the guard off.
        action: What happens on a failure: warn prints one line; stop ends training with status 2.
        patience: Number of checks in a row that decide.
        warm_up: Iterations without checks at the start: many networks begin as copies.
    """

    def look(self, trainer: Trainer, model: Any, batch: Any) -> Sighting:
        data = trainer.datamodule  # type: ignore[attr-defined]
        held = some_images(trainer, GUARDED) if isinstance(data, ImageData) else images_of(batch)[:GUARDED]
        found = dependence(model, held.to(model.device))
        shares = {
            "guard/changed": found.changed / max(found.needed, 1e-9),
            "guard/varied": found.varied / max(found.varies, 1e-9),
        }
        return Sighting(shares, found.fault)


@torch.no_grad()
def dependence(model: Any, held: Tensor) -> Dependence:
    """Returns how a translator's images depend on their inputs.

    Where an input holds a part of the image, only the rest is compared: others have that part, too.

    Args:
        model: The translator.
        held: Images, with the inputs that the data holds, (N, C, H, W).
    """
    x, inputs = model.degradation.pair(held.to(model.dtype), *numbered_draws(0))
    made = promoted(model.average_generator(inputs)).clamp(-1, 1)
    own, other, truth = (model.degradation.completed(y, inputs) for y in (made, made.roll(1, 0), x.roll(1, 0)))
    shown = model.degradation.shown(inputs, x.shape[1])
    pairs = (own, shown), (x, shown), (own, other), (x, truth)
    return Dependence(*(grey_levels(a.float(), b.float()).mean().item() for a, b in pairs))
