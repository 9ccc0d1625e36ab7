"""A guard that detects when a translator without pairs does not show its input, or shows it to no eye."""

from typing import Any

import torch
from lightning.pytorch import Trainer
from torch import Tensor

from gan_lightning.callbacks.cycle_grid import some_of_each_side
from gan_lightning.callbacks.input_guard import GUARDED, InputGuard, Sighting
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.evaluation.cycles import (
    NOISES,
    TELLING,
    UNTOUCHED,
    Fault,
    Traces,
    Translate,
    come_back,
    direction_name,
    variety_of_pixels,
)
from gan_lightning.evaluation.translation import grey_levels

CURES: dict[Fault, str] = {
    "copies": "raise model.adversarial_weight, or lower the weights of model.terms",
    "ignores": "raise the weights of model.terms, or lower model.adversarial_weight",
    "hides": "lower the weight of Cycle in model.terms",
}
"""What to do about each fault."""


class CycleGuard(InputGuard):
    """Watches in each direction whether images are given back as they were, depend on the input, or hide it in noise.

    It looks at the same images of each side, held out if there are some, and logs for A to B (and so for B to A)
    `guard/changed_a_to_b`, by how many grey levels images are changed, `guard/varied_a_to_b`, by how much they differ
    from each other, over what real ones of B do, and, if there is a way back, `guard/back_a_to_b` and
    `guard/back_from_noise_a_to_b`: what comes back, in dB, as it is, and after noise of one grey level was added on the
    way. Below a grey level, an image is given back; below .05, all are the same; if noise more than doubles the error,
    the input was hidden in noise (Chu et al., 2017, https://arxiv.org/abs/1712.02950). If anything of this is found
    `patience` times in a row, it is a failure.

    Args:
        every_n_steps: Iterations between checks; 0 turns the guard off.
        action: What happens on a failure: warn prints one line; stop ends training with status 2.
        patience: Number of checks in a row that decide.
        warm_up: Iterations without checks at the start: many networks begin as copies.
    """

    def look(self, trainer: Trainer, model: Any, batch: Any) -> Sighting:
        sides = [x.to(model.device) for x in some_of_each_side(trainer, GUARDED)]
        numbers: dict[str, float] = {}
        faults: list[str] = []
        for side, way in enumerate(model.translations):
            there, back = model.ways(side)
            found = traces_of(there, back, sides[side], sides[1 - side])
            numbers |= {f"guard/{key}_{way.name}": value for key, value in logged(found).items()}
            words = (f"{text}. To fix it: {CURES[fault]}" for fault, text in found.faults.items())
            faults += [f"{direction_name(side)} {text}" for text in words]
        return Sighting(numbers, faults[0] if faults else None)


@torch.no_grad()
def traces_of(there: Translate, back: Translate | None, x: Tensor, others: Tensor) -> Traces:
    """Returns what a direction leaves of images.

    Args:
        there: Translates.
        back: Translates back; None if nothing does.
        x: Images (N, C, H, W).
        others: Real images of the other side (M, C, H, W).
    """
    made = there(x)
    telling = {TELLING: NOISES[TELLING]}
    errors = {} if back is None else come_back(x, made, back, numbered_draws(0)[0], telling)
    changed, varied, varies = grey_levels(made, x), variety_of_pixels(made), variety_of_pixels(others)
    return Traces(changed.mean().item(), varied.mean().item(), varies.mean().item(), errors)


def logged(found: Traces) -> dict[str, float]:
    """Returns the numbers to log."""
    back = {"back": UNTOUCHED, "back_from_noise": TELLING} if found.errors else {}
    return {
        "changed": found.changed,
        "varied": found.varied / max(found.varies, 1e-9),
        **{key: found.decibels(name) for key, name in back.items()},
    }
