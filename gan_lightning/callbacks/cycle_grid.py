"""The callback that draws images of either side, translated there and back, always the same ones."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from PIL import Image
from torch import Tensor

from gan_lightning.callbacks.animation import Animation
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import enlarged, picture, tile, to_uint8
from gan_lightning.data import ImageData


class CycleGrid(Animation):
    """Draws the same images at intervals: one of A, what the averaged generators make of it there and back, and the
    same of one of B. A model of one direction has neither the way back nor B.

    The images are the first held-out ones (data.held_out) of each side, else the first training images.

    Writes `grids/step-0000200.png` into the run's folder, shows it in TensorBoard if that logs the run, and at the end
    joins all of them into `training.gif`.

    Args:
        every_n_steps: Iterations between grids; 0 draws only the first and the last.
        rows: Rows of the grid.
    """

    def __init__(self, every_n_steps: int = 500, rows: int = 6) -> None:
        super().__init__(every_n_steps)
        if rows < 1:
            raise UserError(f"grid.rows is {rows}; it must be at least 1")
        self.rows = rows

    def frame(self, trainer: Trainer, pl_module: LightningModule) -> Image.Image:
        model: Any = pl_module
        a, b = (x.to(model.device, model.dtype) for x in some_of_each_side(trainer, self.rows))
        images = [a, there := model(a)]
        if model.backward_generator is not None:
            back = model(b, "b_to_a")
            images += [model(there, "b_to_a"), b, back, model(back)]
        rows = torch.stack([x.to(a) for x in images], dim=1).flatten(0, 1)
        return enlarged(picture(tile(to_uint8(rows), len(images))))


def some_of_each_side(trainer: Trainer, count: int) -> list[Tensor]:
    """Returns the first held-out images (N, C, H, W) of each side, or training images, as many of each, in [-1, 1].

    Raises:
        UserError: The data does not have two sides.
    """
    data: Any = trainer.datamodule  # type: ignore[attr-defined]
    images: Any = (data.left_out or data.source) if isinstance(data, ImageData) else None
    groups = data.groups(images) if images is not None else ()
    if len(groups) != 2:
        name = type(data or trainer.train_dataloader).__name__
        raise UserError(f"a CycleTranslator learns from images of two sides, and {name} has one: set data to Unpaired")
    shown = min(count, *map(len, groups))
    return [data.as_floats(images[group[:shown]][0]) for group in groups]  # type: ignore[index]
