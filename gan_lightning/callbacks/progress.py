"""The progress bar: one line for the whole training run."""

import io
import sys
import time
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar
from tqdm import tqdm

from gan_lightning.core.intervals import due
from gan_lightning.training.length import planned_iterations

GUARD = {"guard/score": "collapse"}
"""The short name of the guard's score; those of a model's metrics are its `short_names`."""


class Progress(ProgressBar):
    """One bar for the whole training run: epoch, iterations per second, time left, losses, D(x), D(G(z)) and accuracy.

    If the output is not a terminal, it prints a line at intervals instead.

    Args:
        seconds: Seconds between lines, if the output is not a terminal.
    """

    def __init__(self, seconds: float = 30.0) -> None:
        super().__init__()
        self.seconds, self.bar, self.enabled, self.written = seconds, None, True, 0.0
        self.terminal = sys.stderr.isatty()

    def disable(self) -> None:
        self.enabled = False

    def enable(self) -> None:
        self.enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.enabled and trainer.is_global_zero:
            file = sys.stderr if self.terminal else io.StringIO()
            total = planned_iterations(trainer)
            self.bar = tqdm(total=total, initial=trainer.global_step, file=file, dynamic_ncols=True)
            self.written = time.monotonic()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if self.bar is None:
            return
        if due(trainer.global_step, trainer.log_every_n_steps):  # type: ignore[attr-defined]
            self.bar.set_description_str(epochs(trainer), refresh=False)
            names = getattr(pl_module, "short_names", {}) | GUARD
            self.bar.set_postfix_str(postfix(self.get_metrics(trainer, pl_module), names), refresh=False)
        self.bar.update()
        if not self.terminal and time.monotonic() - self.written > self.seconds:
            self.write()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.close()

    def write(self) -> None:
        print(self.bar, file=sys.stderr, flush=True)
        self.written = time.monotonic()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.refresh()
            if not self.terminal:
                self.write()
            self.bar.close()
            self.bar = None


def epochs(trainer: Trainer) -> str:
    of = f"/{trainer.max_epochs}" if (trainer.max_epochs or -1) > 0 and trainer.max_steps < 0 else ""
    return f"epoch {trainer.current_epoch + 1}{of}"


def postfix(metrics: dict[str, Any], names: dict[str, str]) -> str:
    """Formats the metrics that the model logged for the bar, with short names."""
    metrics = {k: v for k, v in metrics.items() if k != "v_num"}  # Lightning's number of the run
    texts = (f"{v:.0%}" if k == "D/accuracy" else f"{v:.3f}" for k, v in metrics.items())
    return "  ".join(f"{names.get(k, k)} {text}" for k, text in zip(metrics, texts, strict=True))
