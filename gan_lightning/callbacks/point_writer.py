"""Samples of a game on points as a table and a picture."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import BasePredictionWriter
from torch import Tensor

from gan_lightning.callbacks.plane import draw_points, empty, pixels
from gan_lightning.callbacks.writer import prepare
from gan_lightning.data import Plane


class PointWriter(BasePredictionWriter):
    """Writes what `predict` makes of points: `points.csv`, a line each with its seed, and `points.png`.

    Args:
        seeds: The numbers of all samples, first to last.
        plane: The way to the user's units.
        folder: Where to write.
        npz: Also write `samples.npz`: `points` float64 (N, 2) and `seeds` int64 (N,).
        overwrite: Write into a folder that holds files already; those of the same name are replaced.

    Raises:
        UserError: The folder holds files, or is none.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        plane: Plane,
        folder: str | Path = "samples",
        npz: bool = False,
        overwrite: bool = False,
    ) -> None:
        super().__init__(write_interval="batch")
        self.seeds, self.plane, self.folder, self.npz, self.overwrite = seeds, plane, Path(folder), npz, overwrite
        self.made: dict[int, Tensor] = {}

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
        batch: Tensor,
        batch_idx: int,
        dataloader_idx: int,
    ) -> None:
        self.made |= dict(zip(batch.tolist(), self.plane.points(prediction), strict=True))

    def on_predict_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.world_size > 1:  # by files: processes may be on several machines, and share this folder
            torch.save(self.made, self.part(trainer.global_rank))
            trainer.strategy.barrier()
        if trainer.is_global_zero:
            for rank in range(trainer.world_size if trainer.world_size > 1 else 0):
                self.made |= torch.load(self.part(rank), weights_only=True)
                self.part(rank).unlink()
            self.write(torch.stack([self.made[seed] for seed in self.seeds]))

    def part(self, rank: int) -> Path:
        return self.folder / f"part-{rank}.pt"

    def write(self, points: Tensor) -> None:
        seeds = np.array(self.seeds, dtype=np.int64)
        lines = [f"seed,{','.join(self.plane.names)}"]
        lines += [f"{seed},{x:.9g},{y:.9g}" for seed, (x, y) in zip(self.seeds, points.tolist(), strict=True)]
        (self.folder / "points.csv").write_text("\n".join(lines) + "\n")
        figure, axes = empty(self.plane)
        draw_points(axes, points)
        axes.set_title(f"{len(points):,} samples")
        pixels(figure).save(self.folder / "points.png")
        if self.npz:
            np.savez_compressed(self.folder / "samples.npz", points=points.numpy(), seeds=seeds)
