"""The callback that draws a grid of samples, always of the same latents, during training."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from PIL import Image

from gan_lightning.callbacks.animation import Animation
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import enlarged, picture, tile, to_uint8


class SampleGrid(Animation):
    """Draws a grid of samples of the averaged generator, always of the same latents.

    For a model with classes, each row is one class; after the last, it starts over with the first.

    Writes `grids/step-0000200.png` into the run's folder (with or without a logger), shows it in TensorBoard if that
    logs the run, and at the end joins all of them into `training.gif`.

    Args:
        every_n_steps: Iterations between grids; 0 draws only the first and the last.
        rows: Rows of the grid.
        columns: Columns of the grid.
        first_seed: The seed of the first sample. The grid shows this one and the next, as `gan predict` would.
    """

    def __init__(self, every_n_steps: int = 500, rows: int = 8, columns: int = 8, first_seed: int = 0) -> None:
        super().__init__(every_n_steps)
        for key, value, least in (("rows", rows, 1), ("columns", columns, 1), ("first_seed", first_seed, 0)):
            if value < least:
                raise UserError(f"grid.{key} is {value}; it must be at least {least}")
        self.columns = columns
        self.seeds = range(first_seed, first_seed + rows * columns)

    def frame(self, trainer: Trainer, pl_module: LightningModule) -> Image.Image:
        model: Any = pl_module
        classes = model.generator.classes
        labels = [i // self.columns % classes for i in range(len(self.seeds))] if classes else None
        return enlarged(picture(tile(to_uint8(model.sample(self.seeds, labels)), self.columns)))
