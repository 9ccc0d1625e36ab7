"""The base class of callbacks that draw a picture at intervals and join the pictures into an animation."""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.utilities.rank_zero import rank_zero_warn
from PIL import Image

from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.core.images import save, save_animation, whole_picture
from gan_lightning.core.intervals import due
from gan_lightning.runs.run import Run
from gan_lightning.runs.signals import Stopped
from gan_lightning.training.resumable import damaged_part


class Animation(Callback, ABC):
    """Draws the same view at intervals during training. A subclass implements one method, `frame`.

    Writes `grids/step-0000200.png` into the run's folder (with or without a logger) and shows it in TensorBoard if that
    logs the run. When training ends, fails or is stopped, all pictures are joined into `training.gif`.

    Args:
        every_n_steps: Iterations between frames; 0 draws only the first and the last.
    """

    captioned = True
    """Whether the animation shows the iteration under each picture; if not, the pictures contain it."""

    def __init__(self, every_n_steps: int) -> None:
        if every_n_steps < 0:
            raise UserError(f"grid.every_n_steps is {every_n_steps}; it must be at least 0")
        self.every_n_steps = every_n_steps
        self.steps: list[int] = []
        self.run = Run(Path())

    @abstractmethod
    def frame(self, trainer: Trainer, pl_module: LightningModule) -> Image.Image:
        """Returns the picture of the current iteration. Only the first process calls it."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.run = Run.of(trainer)
        step = trainer.global_step
        if not step:
            self.steps = []
            self.draw(trainer, pl_module)
        elif step in self.steps and trainer.is_global_zero and whole_picture(self.run.grid(step)) is None:
            save(self.frame(trainer, pl_module), self.run.grid(step))  # lost when the power failed

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if due(trainer.global_step, self.every_n_steps):
            self.draw(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step not in self.steps:
            self.draw(trainer, pl_module)
        self.animate(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        if isinstance(exception, (TrainingError, Stopped)):
            self.animate(trainer)

    def animate(self, trainer: Trainer) -> None:
        drawn = [step for step in self.steps if self.run.grid(step).exists()]
        if trainer.is_global_zero and drawn:
            captions = [f"iteration {step:,}" for step in drawn] if self.captioned else None
            if skipped := save_animation(self.run.animation, map(self.run.grid, drawn), captions):
                rank_zero_warn(
                    f"{self.run.animation} leaves out {len(skipped)} of {len(drawn)} pictures, which are damaged or of "
                    f"another size, the first of them {skipped[0]}"
                )

    def draw(self, trainer: Trainer, pl_module: LightningModule) -> None:
        step = trainer.global_step
        self.steps.append(step)
        if trainer.is_global_zero:
            image = self.frame(trainer, pl_module)
            save(image, self.run.grid(step))
            show(trainer, "samples", image, step)

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        if not all(isinstance(step, int) for step in state_dict["steps"]):
            raise damaged_part(f"callbacks.{self.state_key}")
        self.steps = state_dict["steps"]


def show(trainer: Trainer, name: str, image: Image.Image, step: int) -> None:
    """Shows a picture in TensorBoard, if it logs the run."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            dataformats = "HW" if image.mode == "L" else "HWC"
            logger.experiment.add_image(name, np.asarray(image), step, dataformats=dataformats)
