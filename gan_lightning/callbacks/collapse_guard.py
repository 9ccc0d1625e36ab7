"""Says when samples are no longer as varied as the data, and does something about it if asked to."""

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
"""How many samples are compared with as many real images."""

LIMIT = 0.5
"""The score from which on something is wrong."""

DRIFT = 0.01
"""A change of the score over `patience` looks that means something: a generator still gets better, or worse."""

State = Literal["healthy", "warning", "failing"]

HEALTH_ADVICE = "lower the learning rates, or smooth D with penalties (R1 and R2)"


class CollapseGuard(Callback):
    """Watches for collapse: whether samples of the averaged generator are as varied as real images, and near them.

    It compares 128 samples, always of the same latents, with the first 128 images of the training, both made small
    (16x16 at most). The log gets `guard/score`, from 0 to 1, and what it comes from. Above 0.5 something is wrong: at
    first that is a warning; `patience` times in a row, without getting better meanwhile, it is a failure. The generator
    has `warm_up` iterations to get away from its beginning.

    When samples were found healthy, the newest checkpoint gets the name `checkpoints/healthy.ckpt`, too.

    Args:
        every_n_steps: Iterations from one look to the next; 0 for none at all.
        action: What a failure does: warn in one line; stop with status 2; or roll_back: go back to the last healthy
            weights, averages and optimizers (or to the beginning) and go on from there with lower learning rates.
            Checkpoints then hold a copy of these.
        patience: Looks in a row that decide.
        warm_up: Iterations at the beginning, and after a roll-back to the beginning, of which nothing bad is said.
        rate_factor: What learning rates are multiplied by in a roll-back.
        roll_backs: How many there are at most; then it stops.
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
        """All that it remembers of a training."""
        self.state: State = "healthy"
        self.real = torch.empty(0)
        """What real images look like, (N, d)."""
        self.scores: list[float] = []
        """The newest ones, at most `patience`."""
        self.begun = 0
        """The iteration in which weights of the present age would have begun."""
        self.good: dict[str, Any] = {}
        """The last healthy state, its iteration, and how many of these its weights have learnt."""
        self.rolled_back = 0

    # ---- when -----------------------------------------------------------------------------------------------------

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
        """Compares, and says so. The first process looks, all are told."""
        model: Any = pl_module
        model.finite.check()  # samples of what is not finite would say nothing
        mine = self.compared(model) if trainer.is_global_zero else None
        found: Any = trainer.strategy.broadcast(mine)
        pl_module.log("guard/score", found.score, prog_bar=True, logger=False)
        for logger in trainer.loggers:
            logger.log_metrics(numbers(found), step=trainer.global_step)
        if trainer.global_step > self.begun + self.warm_up or found.score < LIMIT:
            self.react(trainer, pl_module, found)

    def compared(self, model: Any) -> Variety:
        return variety(self.real, thumbnails(model.sample(range(SAMPLES))))

    # ---- what it means --------------------------------------------------------------------------------------------

    def react(self, trainer: Trainer, pl_module: LightningModule, found: Variety) -> None:
        """Takes in one more look, and acts if that changes something."""
        before, self.scores = self.state, [*self.scores, found.score][-self.patience :]
        self.state = state_of(self.scores, before, self.patience)
        if self.state == "failing":
            self.act(trainer, pl_module, found.reason, news=before != "failing")
        elif self.state == "healthy":
            if before == "failing":
                say(trainer, "samples are healthy again")
            self.vouch(trainer)
            if self.action == "roll_back" and found.score < self.scores[0] + DRIFT:  # not on its way down
                self.remember(trainer, pl_module)

    def act(self, trainer: Trainer, pl_module: LightningModule, reason: str, news: bool) -> None:
        if self.action == "stop" or (self.action == "roll_back" and self.rolled_back >= self.roll_backs):
            self.stop(trainer, reason)
        if self.action == "roll_back":
            self.roll_back(trainer, pl_module, reason)
        elif news:
            say(trainer, f"{reason}. To get past it: {HEALTH_ADVICE}, or let guard.action do something")

    def stop(self, trainer: Trainer, reason: str) -> NoReturn:
        after = f" after {self.rolled_back} roll-backs" if self.rolled_back else ""
        iteration = trainer.strategy.broadcast(self.healthy_iteration() if trainer.is_global_zero else None)
        last = "No checkpoint was found healthy"
        if iteration is not None:
            last = f"The last checkpoint found healthy, of iteration {iteration:,}, is {self.healthy}"
        raise TrainingError(
            f"training stopped in iteration {trainer.global_step}{after}: {reason}. To get past it: {HEALTH_ADVICE}. "
            f"{last}",
            complete=True,
        )

    def vouch(self, trainer: Trainer) -> None:
        """Lets `healthy.ckpt` name the checkpoint that was written since the last look, if one was."""
        keep, step = trainer.checkpoint_callback, trainer.global_step
        if not isinstance(keep, KeepCheckpoints) or not trainer.is_global_zero:
            return
        if step - self.every_n_steps <= keep.saved < step:
            also_named(keep.last, self.healthy)

    def healthy_iteration(self) -> int | None:
        """The iteration of `healthy.ckpt`, if there is one."""
        return Checkpoint(self.healthy).iteration if self.healthy.exists() else None

    # ---- going back -----------------------------------------------------------------------------------------------

    def remember(self, trainer: Trainer, pl_module: LightningModule) -> None:
        step = trainer.global_step
        self.good = {"step": step, "age": step - self.begun, **snapshot(pl_module, trainer.optimizers)}

    def roll_back(self, trainer: Trainer, pl_module: LightningModule, reason: str) -> None:
        restore_snapshot(self.good, pl_module, trainer.optimizers)
        slow_down(trainer.optimizers, [c.scheduler for c in trainer.lr_scheduler_configs], self.rate_factor)
        self.rolled_back += 1
        self.state, self.scores, self.begun = "healthy", [], trainer.global_step - self.good["age"]
        went = f"went back to the state of iteration {self.good['step']:,}, learning rates times {self.rate_factor:g}"
        say(trainer, f"{reason}; {went} (roll-back {self.rolled_back} of {self.roll_backs})")

    def state_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in STATE}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for name in STATE:
            setattr(self, name, state_dict[name])


STATE = ("state", "real", "scores", "begun", "good", "rolled_back")


def state_of(scores: list[float], before: State, patience: int) -> State:
    """What the newest scores say: a failure if all are bad and they do not fall, and then until all are good."""
    bad = [score >= LIMIT for score in scores]
    if before == "failing" and any(bad):
        return "failing"
    if len(bad) == patience and all(bad) and scores[-1] > scores[0] - DRIFT:
        return "failing"
    return "warning" if any(bad) else "healthy"


def numbers(found: Variety) -> dict[str, float]:
    """What is logged."""
    return {
        "guard/score": found.score,
        "guard/distinct": found.distinct,
        "guard/distinct_real": found.real,
        "guard/distance": found.distance,
    }


def say(trainer: Trainer, words: str) -> None:
    if trainer.is_global_zero:
        print(f"\niteration {trainer.global_step:,}: {words}", file=sys.stderr, flush=True)
