"""The base class of guards that detect whether what a translator makes depends on its input, as it should."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from lightning.pytorch import Callback, LightningModule, Trainer

from gan_lightning.callbacks.collapse_guard import say
from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.core.intervals import due

GUARDED = 16
"""Images, of each side if there are two, that a guard looks at, at most."""


class Sighting(NamedTuple):
    """What a guard has found.

    Args:
        numbers: What is logged, by its name.
        fault: What is wrong, and what to do, in words; None if nothing is.
    """

    numbers: Mapping[str, float]
    fault: str | None


class InputGuard(Callback, ABC):
    """Looks at intervals at what the averaged generator makes. A subclass implements one method, `look`.

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

    @abstractmethod
    def look(self, trainer: Trainer, model: Any, batch: Any) -> Sighting:
        """Returns what is found. Only the first process calls it."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.global_step:
            self.faults = 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not due(trainer.global_step, self.every_n_steps) or trainer.global_step <= self.warm_up:
            return
        model: Any = pl_module
        model.finite.check()  # images mean nothing if weights are not finite
        mine = self.look(trainer, model, batch) if trainer.is_global_zero else None
        found: Any = trainer.strategy.broadcast(mine)
        for logger in trainer.loggers:
            logger.log_metrics(dict(found.numbers), step=trainer.global_step)
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
