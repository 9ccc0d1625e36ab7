"""How long an iteration takes here."""

import time
from collections.abc import Callable
from typing import Any

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from gan_lightning.commands.experiment import Experiment
from gan_lightning.commands.trainer import trainer_with
from gan_lightning.core.errors import UserError
from gan_lightning.core.nesting import looked_up
from gan_lightning.runs.checkpoint import Checkpoint

WARM_UP = 2
"""Iterations that are not timed: the first ones allocate memory and choose algorithms."""

TIMES_FOR = 6.0
"""Seconds after which timing ends, once each penalty has been due."""

SHARE = 0.93
"""Share of the time that iterations take; the rest is for pictures, checkpoints and the end."""

KEPT = ("accelerator", "precision", "matmul_precision", "plugins", "benchmark", "deterministic")
"""Options of the trainer that decide how fast an iteration is."""


class Stopwatch(Callback):
    """Times iterations, and stops training when it knows enough.

    Args:
        period: Iterations after which all that is not due in each of them has been due.
        clock: Returns seconds.
    """

    def __init__(self, period: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self.period, self.clock = period, clock
        self.ends: list[float] = []

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if pl_module.device.type == "cuda":
            torch.cuda.synchronize(pl_module.device)
        self.ends.append(self.clock())
        trainer.should_stop = self.timed % self.period == 0 and self.timed > 0 and self.elapsed > TIMES_FOR

    @property
    def timed(self) -> int:
        return max(0, len(self.ends) - WARM_UP)

    @property
    def elapsed(self) -> float:
        return self.ends[-1] - self.ends[WARM_UP - 1]

    @property
    def seconds(self) -> float:
        """Mean seconds of an iteration."""
        return self.elapsed / self.timed


def seconds_of_an_iteration(experiment: Experiment) -> float:
    """Trains for a few seconds and returns how long an iteration takes. Afterwards the model is of no other use.

    Args:
        experiment: What to train, with its data.
    """
    penalties = getattr(experiment.model, "penalties", ())
    stopwatch = Stopwatch(max([1, *(penalty.every for penalty in penalties)]))
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    kept = {key: experiment.options.trainer[key] for key in KEPT}
    trainer = trainer_with(
        kept | quiet | {"devices": 1, "max_steps": 10**9, "enable_model_summary": False, "callbacks": [stopwatch]}
    )
    trainer.fit(experiment.model, datamodule=experiment.data)
    return stopwatch.seconds


def pace_of(checkpoint: Checkpoint) -> float:
    """Returns how many seconds an iteration of a run has taken, by its own records.

    Raises:
        UserError: It has no records.
    """
    wall = looked_up(checkpoint.content, "callbacks", "Cost", "wall")
    if not wall or not checkpoint.iteration:
        raise UserError(
            f"{checkpoint.path} does not say how long it has trained: give --trainer.max_steps in place of --hours"
        )
    return wall / checkpoint.iteration * SHARE  # the records count pictures, too


def iterations_in(seconds: float, pace: float) -> int:
    """Returns how many iterations fit into some time, with two digits and at least 1: 37,000, not 37,412.

    Args:
        seconds: The time.
        pace: Seconds of an iteration.
    """
    most = max(1, int(seconds * SHARE / pace))
    step = 10 ** max(0, len(str(most)) - 2)
    return most // step * step
