"""The callback that writes samples as image files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from PIL import Image
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import enlarged, picture, pixels_of, tile, to_uint8
from gan_lightning.runs.run import check_folder

GRID = 100
"""Maximum number of images in the overview."""


class SampleWriter(BasePredictionWriter):
    """Writes predicted images: `0000.png` and so on, named by seed, then `grid.png` of the first hundred.

    If classes are asked for, files are named by seed and class, `0000-class-3.png`. If these are several, `grid.png`
    has one row per class, of up to ten images.

    Args:
        seeds: The seeds of all samples, first to last.
        folder: The output folder.
        npz: Also write `samples.npz`: `images` uint8 (N, H, W, C) and `seeds` int64 (N,).
        overwrite: Write into a folder that already holds files, replacing those of the same name.
        labels: The classes asked for, each with an image for every seed; None if none were asked for.

    Raises:
        UserError: The folder holds files, or is not a folder.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        folder: str | Path = "samples",
        npz: bool = False,
        overwrite: bool = False,
        labels: Sequence[int] | None = None,
    ) -> None:
        super().__init__(write_interval="batch")
        self.seeds, self.folder, self.npz = seeds, Path(folder), npz
        self.overwrite, self.labels = overwrite, labels
        self.digits = max(4, len(str(max(seeds))))

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if trainer.is_global_zero:
            prepare(self.folder, self.overwrite)
        trainer.strategy.barrier()
        self.channels: int = pl_module.generator.image_shape[0]  # type: ignore[union-attr]

    def write_on_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        prediction: Tensor,
        batch_indices: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        seeds, labels = (batch, [None] * len(batch)) if isinstance(batch, Tensor) else (batch[0], batch[1].tolist())
        for seed, label, image in zip(seeds.tolist(), labels, to_uint8(prediction), strict=True):
            picture(image).save(self.path(seed, label))

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.strategy.barrier()  # wait until every process has written its share
        if trainer.is_global_zero:
            shown, columns = self.overview()
            enlarged(picture(tile(self.read(shown), columns))).save(self.folder / "grid.png")
            if self.npz:
                self.archive()

    def overview(self) -> tuple[list[tuple[int, int | None]], int]:
        """Returns the seeds and labels of the images in grid.png, and its number of columns."""
        if self.labels is not None and len(self.labels) > 1:  # one row per class
            columns = min(10, len(self.seeds))
            return [(seed, label) for label in self.labels for seed in self.seeds[:columns]], columns
        label = self.labels[0] if self.labels else None
        shown = [(seed, label) for seed in self.seeds[:GRID]]
        return shown, min(10, max(1, round(len(shown) ** 0.5)))

    def archive(self) -> None:
        pairs = [(seed, label) for label in self.labels or [None] for seed in self.seeds]
        arrays = {"images": self.read(pairs), "seeds": np.array([seed for seed, _ in pairs], dtype=np.int64)}
        if self.labels is not None:
            arrays["labels"] = np.array([label for _, label in pairs], dtype=np.int64)
        np.savez_compressed(self.folder / "samples.npz", **arrays)  # type: ignore[arg-type]

    def path(self, seed: int, label: int | None = None) -> Path:
        return self.folder / (f"{seed:0{self.digits}d}" + ("" if label is None else f"-class-{label}") + ".png")

    def read(self, pairs: Sequence[tuple[int, int | None]]) -> np.ndarray:
        """Returns the images (N, H, W, C) of these seeds and labels, as written."""
        images = []
        for seed, label in pairs:
            with Image.open(self.path(seed, label)) as image:
                images.append(pixels_of(image, self.channels))
        return np.stack(images)


def prepare(folder: Path, overwrite: bool, group: str = "samples.") -> None:
    """Creates the folder, or checks that it may be written into.

    Args:
        folder: The folder.
        overwrite: Whether it may hold files.
        group: What the names of the options folder and overwrite begin with.
    """
    check_folder(folder, f"{group}folder", "samples")
    held = len(list(folder.iterdir()))
    if held and not overwrite:
        raise UserError(
            f"the folder {folder} holds {held} files already: choose another with --{group}folder, or add "
            f"--{group}overwrite true to replace files of the same name"
        )
