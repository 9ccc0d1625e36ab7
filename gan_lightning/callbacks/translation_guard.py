"""A guard that detects when a translator gives back its input, or makes the same image of all."""

from typing import Any, Literal, NamedTuple

import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from gan_lightning.callbacks.collapse_guard import say
from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.core.intervals import due
from gan_lightning.core.precision import promoted
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.evaluation.translation import copies_input, grey_levels, ignores_input
from gan_lightning.training.batch_checks import images_of

GUARDED = 16
"""Images of a batch that the guard looks at, at most."""


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


class TranslationGuard(Callback):
    """Watches whether what the averaged generator makes depends on its input, and is not the input itself.

    It looks at some images of the batch, and logs `guard/changed`, by how much they differ from their inputs, and
    `guard/varied`, by how much they differ from those of other inputs, both over what true images do. Below .1 and .05,
    they are copies, or all the same. If that is found `patience` times in a row, it is a failure.

    Args:
        every_n_steps: Iterations between checks; 0 turns the guard off.
        action: What happens on a failure: warn prints one line; stop ends training with status 2.
        patience: Number of checks in a row that decide.
        warm_up: Iterations without checks at the start: many networks begin as copies.
    """

    def __init__(
        self,
        every_n_steps: int = 100,
        action: Literal["warn", "stop"] = "warn",
        patience: int = 3,
        warm_up: int = 1000,
    ) -> None:
        for key, value, least in (
            ("every_n_steps", every_n_steps, 0),
            ("patience", patience, 1),
            ("warm_up", warm_up, 0),
        ):
            if value < least:
                raise UserError(f"guard.{key} is {value}; it must be at least {least}")
        self.every_n_steps, self.action, self.patience, self.warm_up = every_n_steps, action, patience, warm_up
        self.faults = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.global_step:
            self.faults = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if due(trainer.global_step, self.every_n_steps) and trainer.global_step > self.warm_up:
            self.look(trainer, pl_module, images_of(batch)[:GUARDED])

    def look(self, trainer: Trainer, pl_module: LightningModule, held: Tensor) -> None:
        """Compares and logs. The first process does it for all."""
        model: Any = pl_module
        model.finite.check()  # images mean nothing if weights are not finite
        found: Any = trainer.strategy.broadcast(dependence(model, held) if trainer.is_global_zero else None)
        shares = {
            "guard/changed": found.changed / max(found.needed, 1e-9),
            "guard/varied": found.varied / max(found.varies, 1e-9),
        }
        for logger in trainer.loggers:
            logger.log_metrics(shares, step=trainer.global_step)
        self.react(trainer, found.fault)

    def react(self, trainer: Trainer, fault: str | None) -> None:
        """Records one more check, and acts if faults have become a failure, or have ended."""
        before, self.faults = self.faults, self.faults + 1 if fault else 0
        if before >= self.patience and not fault:
            say(trainer, "the generator's images depend on its input again")
        elif fault and self.action == "stop" and self.faults >= self.patience:
            raise TrainingError(f"training stopped in iteration {trainer.global_step}: {fault}")
        elif fault and self.faults == self.patience:
            say(trainer, f"{fault}; or set guard.action to stop")

    def state_dict(self) -> dict[str, Any]:
        return {"faults": self.faults}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.faults = state_dict["faults"]


@torch.no_grad()
def dependence(model: Any, held: Tensor) -> Dependence:
    """Returns how a translator's images depend on their inputs.

    Where an input holds a part of the image, only the rest is compared: others have that part, too.

    Args:
        model: The translator.
        held: Images of a batch, with the inputs that the data holds, (N, C, H, W).
    """
    x, inputs = model.degradation.pair(held.to(model.dtype), *numbered_draws(0))
    made = promoted(model.average_generator(inputs)).clamp(-1, 1)
    own, other, truth = (model.degradation.completed(y, inputs) for y in (made, made.roll(1, 0), x.roll(1, 0)))
    shown = model.degradation.shown(inputs, x.shape[1])
    pairs = (own, shown), (x, shown), (own, other), (x, truth)
    return Dependence(*(grey_levels(a.float(), b.float()).mean().item() for a, b in pairs))
