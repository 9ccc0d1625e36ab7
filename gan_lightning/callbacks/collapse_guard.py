"""A guard that detects when samples are no longer as varied as the data, and can stop or roll back training."""

import sys
from pathlib import Path
from typing import Any, Literal, NoReturn

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from gan_lightning.callbacks.checkpoint import KeepCheckpoints, also_named
from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.core.intervals import due
from gan_lightning.evaluation.metrics import Variety, thumbnails, variety
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.run import Run
from gan_lightning.training.batch_checks import images_of
from gan_lightning.training.rollback import restore_snapshot, slow_down, snapshot

SAMPLES = 128
"""Number of samples, and of real images, that are compared."""

LIMIT = 0.5
"""Samples are unhealthy from this score on."""

DRIFT = 0.01
"""A generator gets better, or worse, if the score changes by more than this within `patience` checks."""

State = Literal["healthy", "warning", "failing"]

HEALTH_ADVICE = "lower the learning rates, or smooth D with penalties (R1 and R2)"


class CollapseGuard(Callback):
    """Watches for mode collapse: samples of the averaged generator must be as varied as real images, and near them.

    It compares 128 samples of fixed latents with the first 128 training images, all scaled down to at most 16x16
    pixels. It logs `guard/score`, from 0 (healthy) to 1, with the numbers it is computed from. A score of 0.5 or more
    is a warning at first. If it occurs `patience` times in a row without improvement, it is a failure. Bad
    scores in the first `warm_up` iterations are ignored, as the generator is still near its initial weights.

    If samples are healthy, the newest checkpoint is also kept as `checkpoints/healthy.ckpt`.

    Args:
        every_n_steps: Iterations between checks; 0 turns the guard off.
        action: What happens on a failure: warn prints one line; stop ends training with status 2; roll_back returns to
            the last healthy weights, averages and optimizers (or to the start) and continues from there with lower
            learning rates. For roll_back, checkpoints hold a copy of the healthy state.
        patience: Number of checks in a row that decide.
        warm_up: Iterations without warnings at the start, and after a roll-back to the start.
        rate_factor: Factor by which a roll-back multiplies the learning rates.
        roll_backs: Maximum number of roll-backs; the next failure stops training.
    """

    def __init__(
        self,
        every_n_steps: int = 100,
        action: Literal["warn", "stop", "roll_back"] = "warn",
        patience: int = 3,
        warm_up: int = 1000,
        rate_factor: float = 0.5,
        roll_backs: int = 3,
    ) -> None:
        for key, (value, least) in {
            "every_n_steps": (every_n_steps, 0),
            "patience": (patience, 1),
            "warm_up": (warm_up, 0),
            "roll_backs": (roll_backs, 0),
        }.items():
            if value < least:
                raise UserError(f"guard.{key} is {value}; it must be at least {least}")
        if not 0 < rate_factor <= 1:
            raise UserError(f"guard.rate_factor is {rate_factor}; it must be above 0 and at most 1")
        self.every_n_steps, self.action, self.patience, self.warm_up = every_n_steps, action, patience, warm_up
        self.rate_factor, self.roll_backs, self.run = rate_factor, roll_backs, Run(Path())
        self.forget()

    @property
    def healthy(self) -> Path:
        return self.run.checkpoint("healthy")

    def forget(self) -> None:
        """Forgets everything about a training run."""
        self.state: State = "healthy"
        self.real = torch.empty(0)
        """Thumbnails of real images, (N, d)."""
        self.scores: list[float] = []
        """The newest scores, at most `patience`."""
        self.begun = 0
        """The iteration at which the current weights would have started if nothing had been rolled back."""
        self.good: dict[str, Any] = {}
        """The last healthy state, its iteration, and for how many iterations its weights were trained."""
        self.rolled_back = 0

    # ---- checks ---------------------------------------------------------------------------------------------------

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.run = Run.of(trainer)
        if not trainer.global_step:
            self.forget()
            if trainer.is_global_zero:
                self.healthy.unlink(missing_ok=True)
        if self.every_n_steps and self.action == "roll_back" and not self.good:
            self.remember(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.every_n_steps and len(self.real) < SAMPLES:
            self.real = torch.cat([self.real, thumbnails(images_of(batch))])[:SAMPLES]
        if due(trainer.global_step, self.every_n_steps) and len(self.real) == SAMPLES:
            self.look(trainer, pl_module)

    def look(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Compares samples with real images and logs the result. The first process does it for all."""
        model: Any = pl_module
        model.finite.check()  # samples mean nothing if weights are not finite
        mine = self.compared(model) if trainer.is_global_zero else None
        found: Any = trainer.strategy.broadcast(mine)
        pl_module.log("guard/score", found.score, prog_bar=True, logger=False)
        for logger in trainer.loggers:
            logger.log_metrics(numbers(found), step=trainer.global_step)
        if trainer.global_step > self.begun + self.warm_up or found.score < LIMIT:
            self.react(trainer, pl_module, found)

    def compared(self, model: Any) -> Variety:
        return variety(self.real, thumbnails(model.sample(range(SAMPLES))))

    # ---- reactions ------------------------------------------------------------------------------------------------

    def react(self, trainer: Trainer, pl_module: LightningModule, found: Variety) -> None:
        """Records one more check, and acts if the state calls for it."""
        before, self.scores = self.state, [*self.scores, found.score][-self.patience :]
        self.state = state_of(self.scores, before, self.patience)
        if self.state == "failing":
            self.act(trainer, pl_module, found.reason, news=before != "failing")
        elif self.state == "healthy":
            if before == "failing":
                say(trainer, "samples are healthy again")
            self.vouch(trainer)
            if self.action == "roll_back" and found.score < self.scores[0] + DRIFT:  # not getting worse
                self.remember(trainer, pl_module)

    def act(self, trainer: Trainer, pl_module: LightningModule, reason: str, news: bool) -> None:
        if self.action == "stop" or (self.action == "roll_back" and self.rolled_back >= self.roll_backs):
            self.stop(trainer, reason)
        if self.action == "roll_back":
            self.roll_back(trainer, pl_module, reason)
        elif news:
            say(trainer, f"{reason}. To fix it: {HEALTH_ADVICE}, or set guard.action to stop or roll_back")

    def stop(self, trainer: Trainer, reason: str) -> NoReturn:
        after = f" after {self.rolled_back} roll-backs" if self.rolled_back else ""
        iteration = trainer.strategy.broadcast(self.healthy_iteration() if trainer.is_global_zero else None)
        last = "No checkpoint was found healthy"
        if iteration is not None:
            last = f"The last checkpoint found healthy, of iteration {iteration:,}, is {self.healthy}"
        raise TrainingError(
            f"training stopped in iteration {trainer.global_step}{after}: {reason}. To fix it: {HEALTH_ADVICE}. {last}",
            complete=True,
        )

    def vouch(self, trainer: Trainer) -> None:
        """Makes `healthy.ckpt` the same file as the checkpoint written since the last check, if there is one."""
        keep, step = trainer.checkpoint_callback, trainer.global_step
        if not isinstance(keep, KeepCheckpoints) or not trainer.is_global_zero:
            return
        if step - self.every_n_steps <= keep.saved < step:
            also_named(keep.last, self.healthy)

    def healthy_iteration(self) -> int | None:
        """Returns the iteration of `healthy.ckpt`; None if there is none, or it is damaged."""
        try:
            return Checkpoint(self.healthy).iteration
        except UserError:
            return None

    # ---- roll-backs -----------------------------------------------------------------------------------------------

    def remember(self, trainer: Trainer, pl_module: LightningModule) -> None:
        step = trainer.global_step
        self.good = {"step": step, "age": step - self.begun, **snapshot(pl_module, trainer.optimizers)}

    def roll_back(self, trainer: Trainer, pl_module: LightningModule, reason: str) -> None:
        restore_snapshot(self.good, pl_module, trainer.optimizers)
        slow_down(trainer.optimizers, [c.scheduler for c in trainer.lr_scheduler_configs], self.rate_factor)
        self.rolled_back += 1
        self.state, self.scores, self.begun = "healthy", [], trainer.global_step - self.good["age"]
        went = f"restored the state of iteration {self.good['step']:,}, learning rates times {self.rate_factor:g}"
        say(trainer, f"{reason}; {went} (roll-back {self.rolled_back} of {self.roll_backs})")

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in STATE}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name in STATE:
            setattr(self, name, state_dict[name])


STATE = ("state", "real", "scores", "begun", "good", "rolled_back")


def state_of(scores: list[float], before: State, patience: int) -> State:
    """Returns the state after the newest scores. It fails if all are bad and not falling, until all are good."""
    bad = [score >= LIMIT for score in scores]
    if before == "failing" and any(bad):
        return "failing"
    if len(bad) == patience and all(bad) and scores[-1] > scores[0] - DRIFT:
        return "failing"
    return "warning" if any(bad) else "healthy"


def numbers(found: Variety) -> dict[str, float]:
    """Returns the numbers to log."""
    return {
        "guard/score": found.score,
        "guard/distinct": found.distinct,
        "guard/distinct_real": found.real,
        "guard/distance": found.distance,
    }


def say(trainer: Trainer, words: str) -> None:
    if trainer.is_global_zero:
        print(f"\niteration {trainer.global_step:,}: {words}", file=sys.stderr, flush=True)
