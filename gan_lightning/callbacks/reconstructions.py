"""The callback that draws images beside their reconstructions during training."""

from typing import Any

import numpy as np
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch import Tensor

from gan_lightning.callbacks.animation import show
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import enlarged, picture, save, tile, to_uint8
from gan_lightning.core.intervals import due
from gan_lightning.data.image_data import ImageData
from gan_lightning.runs.run import Run


class Reconstructions(Callback):
    """Draws images of the data, each with its reconstruction by the averaged networks on the right.

    Writes `reconstructions/step-0000200.png` into the run's folder, and shows it in TensorBoard if that logs the run.
    The images are always the first training images.

    Args:
        every_n_steps: Iterations between pictures; 0 draws only the last.
        rows: Rows of the picture.
        pairs: Images in a row, each beside its reconstruction.
    """

    def __init__(self, every_n_steps: int = 500, rows: int = 8, pairs: int = 5) -> None:
        if every_n_steps < 0 or rows < 1 or pairs < 1:
            raise UserError("Reconstructions needs every_n_steps of at least 0, and rows and pairs of at least 1")
        self.every_n_steps, self.rows, self.pairs = every_n_steps, rows, pairs

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if due(trainer.global_step, self.every_n_steps):
            self.draw(trainer, pl_module)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not due(trainer.global_step, self.every_n_steps):
            self.draw(trainer, pl_module)

    def draw(self, trainer: Trainer, pl_module: LightningModule) -> None:
        path = Run.of(trainer).reconstructions(trainer.global_step)
        if trainer.is_global_zero:
            image = enlarged(picture(self.grid(pl_module, *first_images(trainer, self.rows * self.pairs))))
            save(image, path)
            show(trainer, "reconstructions", image, trainer.global_step)

    def grid(self, model: Any, x: Tensor, y: Tensor) -> np.ndarray:
        """Returns originals and reconstructions in alternating columns, as pixels (H, W, C)."""
        x, y = x.to(model.device, model.dtype), y.to(model.device)
        both = torch.stack([x, model.reconstruct(x, y).to(x)], dim=1).flatten(0, 1)
        return tile(to_uint8(both), 2 * self.pairs)


def first_images(trainer: Trainer, count: int) -> tuple[Tensor, Tensor]:
    """Returns the first images (N, C, H, W) of the data, in [-1, 1], and their labels.

    Raises:
        UserError: The data is not an ImageData.
    """
    data = trainer.datamodule  # type: ignore[attr-defined]
    if not isinstance(data, ImageData):
        raise UserError("Reconstructions takes its images from an ImageData: turn your data into one, or leave it out")
    assert data.source is not None
    pixels, labels = data.source[torch.arange(min(count, len(data.source)))]  # type: ignore[arg-type]
    return data.as_floats(pixels), labels
