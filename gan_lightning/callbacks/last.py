"""The checkpoint from which training goes on and samples are made."""

from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Checkpoint

from gan_lightning.callbacks.run_folder import run_folder


class LastCheckpoint(Checkpoint):
    """Keeps `checkpoints/last.ckpt` in the run's folder: the newest state, complete enough to go on or to sample from.

    Lightning's `ModelCheckpoint` beside it keeps whatever else you want to keep.

    Args:
        every_n_steps: Iterations between writes; 0 writes only at the end.
    """

    def __init__(self, every_n_steps: int = 1000) -> None:
        self.every_n_steps = every_n_steps
        self.path = Path()
        self.saved = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.path = run_folder(trainer) / "checkpoints" / "last.ckpt"
        self.saved = -1

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.every_n_steps and trainer.global_step % self.every_n_steps == 0:
            self.save(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.saved != trainer.global_step:
            self.save(trainer)

    def save(self, trainer: Trainer) -> None:
        trainer.save_checkpoint(self.path, weights_only=False)  # False: with the optimizers, too
        self.saved = trainer.global_step
