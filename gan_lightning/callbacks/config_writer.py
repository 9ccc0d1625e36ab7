"""The callback that keeps the settings of a run in its folder and its checkpoints."""

from typing import Any

import yaml
from lightning.pytorch import Callback, LightningModule, Trainer

from gan_lightning.runs.run import Run


class ConfigWriter(Callback):
    """Writes `config.yaml` into the run's folder and keeps it in checkpoints, so that resuming can report changes.

    Args:
        settings: The options of `gan fit`, as plain values.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        run = Run.of(trainer)
        if trainer.is_global_zero:
            run.folder.mkdir(parents=True, exist_ok=True)
            run.config.write_text(yaml.safe_dump(self.settings, sort_keys=False))

    def state_dict(self) -> dict[str, Any]:
        return {"settings": self.settings}
