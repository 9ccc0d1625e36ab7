"""The callback that writes samples of a game on points as a table and a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torch import Tensor

from gan_lightning.callbacks.plane_picture import draw_points, empty, pixels
from gan_lightning.callbacks.sample_writer import prepare
from gan_lightning.data import Plane


class PointWriter(BasePredictionWriter):
    """Writes predicted points: `points.csv`, one line each with its seed, and `points.png`.

    Args:
        seeds: The seeds of all samples, first to last.
        plane: Converts points to the user's units.
        folder: The output folder.
        npz: Also write `samples.npz`: `points` float64 (N, 2), `seeds` int64 (N,), and `labels` if they were asked for.
        overwrite: Write into a folder that already holds files, replacing those of the same name.
        labels: The classes asked for, each with a point for every seed; None if none were asked for.

    Raises:
        UserError: The folder holds files, or is not a folder.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        plane: Plane,
        folder: str | Path = "samples",
        npz: bool = False,
        overwrite: bool = False,
        labels: Sequence[int] | None = None,
    ) -> None:
        super().__init__(write_interval="batch")
        self.plane, self.folder, self.npz, self.overwrite = plane, Path(folder), npz, overwrite
        self.asked = [(seed,) for seed in seeds] if labels is None else [(s, k) for k in labels for s in seeds]
        self.names = ["seeds"] if labels is None else ["seeds", "labels"]
        self.made: dict[tuple[int, ...], Tensor] = {}

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if trainer.is_global_zero:
            prepare(self.folder, self.overwrite)
        trainer.strategy.barrier()

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
        columns = [batch] if isinstance(batch, Tensor) else batch
        asked = zip(*(column.tolist() for column in columns), strict=True)
        self.made |= dict(zip(asked, self.plane.points(prediction), strict=True))

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.world_size > 1:
            self.collect(trainer)
        if trainer.is_global_zero:
            self.write(torch.stack([self.made[asked] for asked in self.asked]))

    def collect(self, trainer: Trainer) -> None:
        """Joins the points of all processes through files in the output folder, which all machines share."""
        shares = [self.folder / f"part-{process}.pt" for process in range(trainer.world_size)]
        torch.save(self.made, shares[trainer.global_rank])
        trainer.strategy.barrier()
        for share in shares if trainer.is_global_zero else []:
            self.made |= torch.load(share, weights_only=True)
            share.unlink()

    def write(self, points: Tensor) -> None:
        header = ",".join([*(name.removesuffix("s") for name in self.names), *self.plane.names])
        rows = zip(self.asked, points.tolist(), strict=True)
        lines = [",".join([*map(str, asked), f"{x:.9g}", f"{y:.9g}"]) for asked, (x, y) in rows]
        (self.folder / "points.csv").write_text("\n".join([header, *lines]) + "\n")
        figure, axes = empty(self.plane)
        draw_points(axes, points)
        axes.set_title(f"{len(points):,} samples")
        pixels(figure).save(self.folder / "points.png")
        if self.npz:
            columns = np.array(self.asked, dtype=np.int64).T
            np.savez_compressed(
                self.folder / "samples.npz", points=points.numpy(), **dict(zip(self.names, columns, strict=True))
            )
