"""The callback that counts the cost of training."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gan_lightning.core.distributed import total
from gan_lightning.training.batch_checks import images_of


class Cost(Callback):
    """Counts images and CPU-seconds over all processes, and over all parts of a training run that was resumed.

    Evaluation does not count; pictures and checkpoints do.
    """

    def __init__(self) -> None:
        self.images, self.cpu, self.wall = 0, 0.0, 0.0
        self.cpu_mark, self.wall_mark = 0.0, 0.0
        self.lap = (0, 0.0)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not trainer.global_step:
            self.images, self.cpu, self.wall = 0, 0.0, 0.0
        self.cpu_mark, self.wall_mark = time.process_time(), time.monotonic()
        self.lap = (self.images, self.wall)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.images += len(images_of(batch)) * trainer.world_size

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Excludes the code inside from the cost."""
        self.count()
        yield
        self.cpu_mark, self.wall_mark = time.process_time(), time.monotonic()

    def count(self) -> None:
        cpu, wall = time.process_time(), time.monotonic()
        self.cpu, self.wall = self.cpu + cpu - self.cpu_mark, self.wall + wall - self.wall_mark
        self.cpu_mark, self.wall_mark = cpu, wall

    def numbers(self, device: torch.device) -> dict[str, float]:
        """Returns images seen, CPU-seconds of all processes, images per second since the last call, and peak memory.

        Every process must call it.
        """
        self.count()
        images, wall = self.lap
        speed = (self.images - images) / max(self.wall - wall, 1e-9)
        self.lap = (self.images, self.wall)
        return {
            "images": self.images,
            "cpu_seconds": total(self.cpu, device),
            "images_per_second": speed,
            "peak_memory_mib": peak_memory(device),
        }

    def state_dict(self) -> dict[str, Any]:
        self.count()
        return {"images": self.images, "cpu": self.cpu, "wall": self.wall}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.images, self.cpu, self.wall = (state_dict[key] for key in ("images", "cpu", "wall"))


def peak_memory(device: torch.device) -> float:
    """Returns the peak memory of this process so far in MiB, on the GPU if there is one."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform == "win32":
        return float("nan")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)


def cost_of(trainer: Trainer) -> Cost | None:
    """Returns the callback that counts the cost of this training run, if there is one."""
    return next((callback for callback in trainer.callbacks if isinstance(callback, Cost)), None)  # type: ignore[attr-defined]
