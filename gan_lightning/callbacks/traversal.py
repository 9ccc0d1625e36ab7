"""The callback that shows what each coordinate of a latent does."""

from pathlib import Path

import torch
from lightning.pytorch import Callback, LightningModule, Trainer

from gan_lightning.core.images import enlarged, picture, tile, to_uint8

VALUES = torch.linspace(-3, 3, 9).tolist()
"""The values of a coordinate, which is standard normal."""


class Traversal(Callback):
    """Writes `traversal.png` beside the samples: one sample, in which one coordinate of the latent runs from -3 to 3.

    Each row is one coordinate, starting with the first.

    Args:
        coordinates: Number of coordinates.
        seed: The seed of the sample.
        folder: The output folder.
        label: The class of the sample, for a generator with classes. If None, as in `gan predict`.
    """

    def __init__(
        self, coordinates: int, seed: int = 0, folder: str | Path = "samples", label: int | None = None
    ) -> None:
        self.coordinates, self.seed, self.folder, self.label = coordinates, seed, Path(folder), label

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.is_global_zero:
            images = pl_module.traverse(self.seed, range(self.coordinates), VALUES, self.label)  # type: ignore[operator]
            enlarged(picture(tile(to_uint8(images), len(VALUES)))).save(self.folder / "traversal.png")
