"""The same samples again and again, while the generator learns."""

from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.loggers import TensorBoardLogger

from gan_lightning.callbacks.run_folder import run_folder
from gan_lightning.errors import UserError
from gan_lightning.moments import due
from gan_lightning.pictures import enlarged, picture, save_animation, tile, to_uint8


class SampleGrid(Callback):
    """Draws a grid of samples of the averaged generator, always of the same latents.

    A model with classes gets one row a class, beginning again with the first after the last.

    Writes `grids/step-0000200.png` into the run's folder (with any logger or none), shows it in TensorBoard if that
    logs the run, and at the end puts all of them into `training.gif`.

    Args:
        every_n_steps: Iterations between grids; 0 draws only the first and the last.
        rows: Rows of the grid.
        columns: Columns of the grid.
        first_seed: The first sample's number; the grid shows this one and those that follow, as `gan predict` would.
    """

    def __init__(self, every_n_steps: int = 500, rows: int = 8, columns: int = 8, first_seed: int = 0) -> None:
        least = {
            "every_n_steps": (every_n_steps, 0),
            "rows": (rows, 1),
            "columns": (columns, 1),
            "first_seed": (first_seed, 0),
        }
        for key, (value, lowest) in least.items():
            if value < lowest:
                raise UserError(f"grid.{key} is {value}; it must be at least {lowest}")
        self.every_n_steps, self.columns = every_n_steps, columns
        self.seeds = range(first_seed, first_seed + rows * columns)
        self.steps: list[int] = []
        self.folder = Path()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.folder = run_folder(trainer)
        if not trainer.global_step:
            self.steps = []
            self.draw(trainer, pl_module)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if due(trainer.global_step, self.every_n_steps):
            self.draw(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.global_step not in self.steps:
            self.draw(trainer, pl_module)
        drawn = [step for step in self.steps if self.path(step).exists()]
        if trainer.is_global_zero:
            captions = [f"iteration {step:,}" for step in drawn]
            save_animation(self.folder / "training.gif", map(self.path, drawn), captions)

    def draw(self, trainer: Trainer, pl_module: LightningModule) -> None:
        step = trainer.global_step
        self.steps.append(step)
        if trainer.is_global_zero:
            model: Any = pl_module
            classes = model.generator.classes
            labels = [i // self.columns % classes for i in range(len(self.seeds))] if classes else None
            grid = tile(to_uint8(model.sample(self.seeds, labels)), self.columns)
            self.path(step).parent.mkdir(parents=True, exist_ok=True)
            enlarged(picture(grid)).save(self.path(step))
            show(trainer, "samples", grid, step)

    def path(self, step: int) -> Path:
        return self.folder / "grids" / f"step-{step:07d}.png"

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.steps = state_dict["steps"]


def show(trainer: Trainer, name: str, grid: np.ndarray, step: int) -> None:
    """A grid in TensorBoard, if it logs the run."""
    for logger in trainer.loggers:
        if isinstance(logger, TensorBoardLogger):
            logger.experiment.add_image(name, grid, step, dataformats="HWC")
