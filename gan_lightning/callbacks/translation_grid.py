"""The callback that draws inputs, what is made of them, and the truth, always of the same images."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from PIL import Image
from torch import Tensor

from gan_lightning.callbacks.animation import Animation
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import enlarged, picture, tile, to_uint8
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.data import Batches, ImageData


class TranslationGrid(Animation):
    """Draws the same images at intervals: the input, what the averaged generator makes of it, the truth.

    The images are the first held-out ones (data.held_out), else the first training images. Inputs are shown as large as
    images.

    Writes `grids/step-0000200.png` into the run's folder, shows it in TensorBoard if that logs the run, and at the end
    joins all of them into `training.gif`.

    Args:
        every_n_steps: Iterations between grids; 0 draws only the first and the last.
        rows: Rows of the grid.
        columns: Images in a row, each with its input on the left and the truth on the right.
        first_seed: The seed of what is random in the inputs.
    """

    def __init__(self, every_n_steps: int = 500, rows: int = 4, columns: int = 2, first_seed: int = 0) -> None:
        super().__init__(every_n_steps)
        for key, value, least in (("rows", rows, 1), ("columns", columns, 1), ("first_seed", first_seed, 0)):
            if value < least:
                raise UserError(f"grid.{key} is {value}; it must be at least {least}")
        self.rows, self.columns, self.first_seed = rows, columns, first_seed

    def frame(self, trainer: Trainer, pl_module: LightningModule) -> Image.Image:
        model: Any = pl_module
        held = some_images(trainer, self.rows * self.columns).to(model.device, model.dtype)
        x, inputs = model.degradation.pair(held, *numbered_draws(self.first_seed))
        shown = model.degradation.shown(inputs, x.shape[1])
        triples = torch.stack([shown, model(inputs).to(x), x], dim=1).flatten(0, 1)
        return enlarged(picture(tile(to_uint8(triples), 3 * self.columns)))


def some_images(trainer: Trainer, count: int) -> Tensor:
    """Returns the first held-out images (N, C, H, W) of the data, or training images, in [-1, 1], with their inputs.

    Raises:
        UserError: The data is not an ImageData.
    """
    data, batches = trainer.datamodule, trainer.train_dataloader  # type: ignore[attr-defined]
    if not isinstance(data, ImageData) or not isinstance(batches, Batches):
        raise UserError("grids take their images from an ImageData: turn your data into one")
    images: Any = data.left_out or batches.source
    return data.as_floats(images[torch.arange(min(count, len(images)))][0])
