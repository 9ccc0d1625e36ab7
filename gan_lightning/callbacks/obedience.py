"""The callback that lets a signal stop sampling between two batches."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gan_lightning.runs.signals import Signals


class Obedience(Callback):
    """Lets Ctrl-C, SIGTERM and the like end `gan predict` after the current batch.

    The exit status is 128 plus the signal's number.
    """

    def __init__(self) -> None:
        self.signals = Signals("batch")

    def on_predict_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.signals.catch()

    def on_predict_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        batches: Any = trainer.num_predict_batches
        self.signals.obey(f"{batch_idx + 1:,} of {sum(batches):,} batches")

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.signals.release()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.signals.release()
