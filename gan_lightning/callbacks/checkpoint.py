"""The callback that keeps the last and the best checkpoint."""

import math
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint
from lightning.pytorch.utilities.rank_zero import rank_zero_warn

from gan_lightning.callbacks.evaluation import Evaluation, Judgement, evaluation_of
from gan_lightning.core.discovery import subclasses
from gan_lightning.core.distributed import together
from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.core.intervals import due
from gan_lightning.evaluation import MEMORISATION
from gan_lightning.runs.checkpoint import WRITTEN, without_tensors
from gan_lightning.runs.run import Run
from gan_lightning.runs.signals import Signals
from gan_lightning.training.length import planned_iterations


class KeepCheckpoints(Checkpoint):
    """Keeps `checkpoints/last.ckpt` and `checkpoints/best.ckpt` in the run's folder, from the first iteration on.

    Each checkpoint is complete: it is enough to resume exactly where it was written, or to make samples. A file is
    replaced only after the new one is completely written to disk. On SIGTERM, SIGUSR1 or Ctrl-C, the current iteration
    is finished and saved; then training stops with status 128 plus the signal's number (143, 138, 130).

    Args:
        every_n_steps: Iterations between checkpoints; 0 writes only the first and the last.
        monitor: The logged number that decides which checkpoint is best, such as judge/frechet, or val/PSNR of a
            translator, with judge.every_n_steps 1000. Without one, the newest is the best, because the losses of a game
            do not show the quality of images.
        mode: Whether the smallest or the largest number is best. If null, the metric decides; for other numbers, the
            smallest is best.
    """

    def __init__(
        self, every_n_steps: int = 1000, monitor: str | None = None, mode: Literal["min", "max"] | None = None
    ) -> None:
        if every_n_steps < 0:
            raise UserError(f"checkpoint.every_n_steps is {every_n_steps}; it must be at least 0")
        self.every_n_steps, self.monitor = every_n_steps, monitor
        self.sign = {"min": 1, "max": -1}[mode or mode_of(monitor)]
        self.run, self.signals = Run(Path()), Signals()
        self.started, self.saved, self.best_step, self.best_value = False, -1, 0, math.inf

    @property
    def last(self) -> Path:
        return self.run.last

    @property
    def best(self) -> Path:
        return self.run.checkpoint("best")

    @property
    def final(self) -> Path:
        return self.run.checkpoint("final")

    # ---- when to save ---------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.check_monitor(trainer)
        self.run, self.saved, self.started = Run.of(trainer), -1, False
        if trainer.is_global_zero:
            self.final.unlink(missing_ok=True)  # left by a run that was killed before renaming it
        if trainer.global_step == 0:
            self.best_step, self.best_value = 0, math.inf
        there = without_tensors(self.last).get("global_step")  # None if it is missing or damaged
        other = trainer.strategy.broadcast(there != trainer.global_step)  # all processes must agree
        if trainer.global_step == 0 or other:
            self.save(trainer, self.last)
        elif trainer.is_global_zero:
            self.name_best(trainer)  # an earlier run may have been killed before this
        self.signals.catch()
        self.started = True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step, received = trainer.global_step, self.signals.agreed(trainer)
        if is_last_iteration(trainer):
            # saved before Lightning counts the epoch as over; renamed when everything else is written
            self.save(trainer, self.final)
        elif received:
            self.save(trainer, self.last)
            if trainer.is_global_zero:
                print(f"\n{received.name}: stopped after iteration {step:,}, saved {self.last}", file=sys.stderr)
                print("resume with the same command and --ckpt_path last", file=sys.stderr)
            self.signals.stop()
        elif due(step, self.every_n_steps) or self.found_better(trainer):
            self.save(trainer, self.last)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.saved != trainer.global_step:
            self.save(trainer, self.last)
        elif trainer.is_global_zero and self.final.exists():
            os.replace(self.final, self.last)
            self.name_best(trainer)
        trainer.strategy.barrier()  # no process may read the old file from here on
        if self.monitor is not None and math.isinf(self.best_value):
            rank_zero_warn(f"checkpoint.monitor {self.monitor} was never logged: {self.best} is the first checkpoint")
        self.signals.release()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.signals.release()
        if not isinstance(exception, TrainingError) or exception.complete or not self.started:
            return
        if exception.whole and self.saved != trainer.global_step:
            self.save(trainer, self.last)
        of = f", of iteration {self.saved:,}," if self.saved >= 0 else ""
        exception.args = (f"{str(exception).rstrip('.')}. The last good state{of} is {self.last}",)

    # ---- saving ---------------------------------------------------------------------------------------------------

    def save(self, trainer: Trainer, path: Path) -> None:
        """Writes a checkpoint. If that is `last.ckpt` and also the best so far, `best.ckpt` becomes the same file."""
        for logger in trainer.loggers:
            logger.save()  # a checkpoint must never be ahead of the logs
        self.compare(trainer)
        together(trainer.strategy, lambda: self.write(trainer, path))
        self.saved = trainer.global_step
        if trainer.is_global_zero and path == self.last:
            self.name_best(trainer)

    def write(self, trainer: Trainer, path: Path) -> None:
        try:
            trainer.save_checkpoint(path, weights_only=False)  # include the optimizers
        except TrainingError:
            raise
        except UserError:
            trainer.strategy.barrier()  # the other processes wait here
            raise

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        """Lets every checkpoint say when it was written, as the time of a file changes when it is copied."""
        checkpoint[WRITTEN] = time.time()

    def check_monitor(self, trainer: Trainer) -> None:
        """Refuses to monitor a score that will not be measured during training."""
        if not self.scores:
            return
        judge = evaluation_of(trainer)
        every = 0 if judge is None else judge.every_n_steps
        if judge is None or not every:
            raise UserError(
                f"checkpoint.monitor is {self.monitor}, but training does not evaluate samples: set judge.every_n_steps"
            )
        end = planned_iterations(trainer)
        if end is not None and every > end:
            raise UserError(
                f"checkpoint.monitor is {self.monitor}, but judge.every_n_steps is {every:,}, and training ends after "
                f"{end:,} iterations: evaluate more often"
            )
        if self.monitor in [Judgement.prefix + key for key in MEMORISATION]:
            raise UserError(
                f"checkpoint.monitor is {self.monitor}, which needs all training images, so only gan test and gan "
                "validate measure it: choose another metric"
            )
        measures = [judge.prefix + key for key in judge.measures]
        if self.monitor not in measures:
            raise UserError(f"checkpoint.monitor is {self.monitor}; it must be one of {', '.join(measures)}")

    @property
    def scores(self) -> bool:
        """Whether what is monitored is a score of an evaluation during training."""
        return measured_by(self.monitor) is not None

    def compare(self, trainer: Trainer) -> None:
        """Checks whether the current state is the best so far."""
        step, numbers = trainer.global_step, trainer.callback_metrics
        if self.monitor is None:
            self.best_step = step
        elif self.monitor in numbers:
            value = self.sign * float(numbers[self.monitor])
            if value < self.best_value:
                self.best_step, self.best_value = step, value
        elif self.judged_now(trainer) if self.scores else step >= trainer.log_every_n_steps:  # type: ignore[attr-defined]
            there = ", ".join(sorted(numbers))
            raise UserError(f"checkpoint.monitor is {self.monitor}, which is not logged; there are {there}")

    def found_better(self, trainer: Trainer) -> bool:
        """Whether samples have just been evaluated and the monitored number is the best so far."""
        if self.monitor is None or not self.judged_now(trainer):
            return False
        if self.monitor not in trainer.callback_metrics:
            return self.scores  # save() refuses it
        return self.sign * float(trainer.callback_metrics[self.monitor]) < self.best_value

    def judged_now(self, trainer: Trainer) -> bool:
        """Whether there was an evaluation after this iteration."""
        judge = evaluation_of(trainer)
        return judge is not None and judge.judged == trainer.global_step

    def name_best(self, trainer: Trainer) -> None:
        """Makes `best.ckpt` the same file as `last.ckpt`, if that is the best."""
        if self.best_step != trainer.global_step and self.best.exists():
            return
        also_named(self.last, self.best)

    def state_dict(self) -> dict[str, Any]:
        return {"best_step": self.best_step, "best_value": self.best_value}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.best_step, self.best_value = state_dict["best_step"], state_dict["best_value"]


def also_named(path: Path, other: Path) -> None:
    """Gives a file a second path in the same folder, which replaces what that path held before."""
    part = other.with_name(f".{other.name}.part")
    part.unlink(missing_ok=True)
    try:
        os.link(path, part)
    except OSError:  # the file system has no hard links
        shutil.copyfile(path, part)
    os.replace(part, other)
    part.unlink(missing_ok=True)  # it stays if both paths were the same file already


def measured_by(monitor: str | None) -> type[Evaluation] | None:
    """Returns which evaluation logs a number, by its name; None if none does."""
    kinds = [kind for kind in subclasses(Evaluation) if (monitor or "").startswith(kind.prefix)]
    measuring = [kind for kind in kinds if (monitor or "").removeprefix(kind.prefix) in kind.measures]
    return next(iter(measuring or kinds), None)


def mode_of(monitor: str | None) -> Literal["min", "max"]:
    """Returns the better direction of a monitored number: max for a score of which higher is better, else min."""
    kind = measured_by(monitor)
    measure = kind.measures.get((monitor or "").removeprefix(kind.prefix)) if kind else None
    return "max" if measure is not None and measure.better == "higher" else "min"


def is_last_iteration(trainer: Trainer) -> bool:
    """Whether this iteration is the last one."""
    enough = trainer.global_step >= (trainer.min_steps or 0) and trainer.current_epoch >= (trainer.min_epochs or 0)
    return trainer.global_step == planned_iterations(trainer) or (trainer.should_stop and enough)
