"""What each coordinate of a latent does."""

from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from gan_lightning.core.images import enlarged, picture, tile, to_uint8

VALUES = torch.linspace(-3, 3, 9).tolist()
"""Of a coordinate, which is standard normal."""


class Traversal(Callback):
    """Writes `traversal.png` beside the samples: one sample, in which one coordinate of the latent runs from -3 to 3.

    Rows are coordinates, the first of the latent on top.

    Args:
        coordinates: How many.
        seed: The sample.
        folder: Where to write.
        label: The sample's class, for a generator that was made for classes; without it, as `gan predict` has it.
    """

    def __init__(
        self, coordinates: int, seed: int = 0, folder: str | Path = "samples", label: int | None = None
    ) -> None:
        self.coordinates, self.seed, self.folder, self.label = coordinates, seed, Path(folder), label

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            images = pl_module.traverse(self.seed, range(self.coordinates), VALUES, self.label)  # type: ignore[operator]
            enlarged(picture(tile(to_uint8(images), len(VALUES)))).save(self.folder / "traversal.png")
