"""What several benchmarks share: the classic networks on random images, and a stopwatch."""

import resource
import time
from functools import partial
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from torch.utils.data import TensorDataset

from gan_lightning import GAN
from gan_lightning.commands.run import quieten
from gan_lightning.data import ImageData
from gan_lightning.networks import MLPDiscriminator, MLPGenerator
from gan_lightning.training.optimization import Optimization

SHAPE = (1, 28, 28)
ADAM = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999))
FUSED = partial(ADAM, fused=True)


def pixels(count: int = 16_384) -> torch.Tensor:
    return torch.randint(256, (count, *SHAPE), generator=torch.Generator().manual_seed(0)).byte()


class Random(ImageData):
    """Random images of MNIST's shape."""

    def __init__(self, batch_size: int) -> None:
        super().__init__(SHAPE, batch_size)

    def load(self) -> TensorDataset:
        images = pixels()
        return TensorDataset(images, torch.zeros(len(images)).long())


def classic() -> GAN:
    """The GAN of configs/mnist.yaml."""
    torch.manual_seed(0)
    return GAN(
        MLPGenerator(SHAPE),
        MLPDiscriminator(SHAPE),
        generator_optimization=Optimization(FUSED),
        discriminator_optimization=Optimization(FUSED),
    )


class Stopwatch(Callback):
    """CPU-seconds, wall-seconds and peak memory from the end of the warm-up to the end.

    Args:
        warm_up: Iterations that are not counted.
    """

    def __init__(self, warm_up: int) -> None:
        self.warm_up = warm_up

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if trainer.global_step == self.warm_up:
            wait(pl_module.device)
            self.started = time.process_time(), time.perf_counter()

    def on_train_end(self, trainer, pl_module) -> None:
        wait(pl_module.device)
        cpu, wall = self.started
        self.cpu, self.wall = time.process_time() - cpu, time.perf_counter() - wall
        on_gpu = pl_module.device.type == "cuda"
        peak = (
            torch.cuda.max_memory_allocated() if on_gpu else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        )
        self.megabytes = peak / 2**20


def wait(device: torch.device) -> None:
    """Until a GPU has done what it was told."""
    if device.type == "cuda":
        torch.cuda.synchronize()


def trained(batch_size: int, iterations: int, warm_up: int, **options: Any) -> Stopwatch:
    """Trains the classic networks on one thread, and nothing else: no logs, no files, no bar."""
    quieten()
    torch.set_num_threads(1)
    watch = Stopwatch(warm_up)
    trainer = Trainer(
        max_steps=warm_up + iterations,
        logger=False,
        callbacks=[watch],
        enable_checkpointing=False,
        enable_model_summary=False,
        enable_progress_bar=False,
        **options,
    )
    trainer.fit(classic(), Random(batch_size))
    return watch
