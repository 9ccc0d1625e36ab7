"""Images a second: this package, a bare PyTorch loop, and the plain way of DataLoader and transforms.

    python benchmarks/throughput.py

The classic networks of configs/mnist.yaml on random images of MNIST's shape, one thread, on the CPU. The contenders
take turns, round by round, so that a noisy machine treats them alike; each ratio is the median over rounds of
CPU-seconds of the bare loop / CPU-seconds of the contender in the same round (above 1: faster than the bare loop).

- gan-lightning: `Trainer.fit` as `gan fit` runs it, with both loggers, curves and progress bar (no grids: a sample grid
  every 500 iterations costs what two iterations cost).
- bare, same work: no Lightning, images in memory, fused Adam, averaged generator.
- bare, less work: the same without averaged generator, and with Adam as it comes (not fused).
- plain: bare, less work, but images through torchvision's transforms and a DataLoader, losses read every iteration.
"""

import argparse
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial

import torch
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from measured import ADAM, FUSED, SHAPE, Random, Stopwatch, classic, pixels
from PIL import Image
from torch import Tensor
from torch.nn.functional import softplus
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from gan_lightning.callbacks import LossCurves, Progress
from gan_lightning.commands.run import quieten
from gan_lightning.models.ema import MovingAverage, warmed_up
from gan_lightning.networks import MLPDiscriminator, MLPGenerator

PIXELS = pixels()
WARM_UP = 10


def gan_lightning(batch_size: int, iterations: int) -> float:
    """CPU-seconds of this package."""
    watch = Stopwatch(WARM_UP)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            max_steps=WARM_UP + iterations,
            accelerator="cpu",
            logger=[TensorBoardLogger(folder), CSVLogger(folder)],
            callbacks=[Progress(), LossCurves(), watch],
            enable_checkpointing=False,
            enable_model_summary=False,
        )
        trainer.fit(classic(), Random(batch_size))
    return watch.cpu


def batches_in_memory(batch_size: int) -> Iterator[Tensor]:
    while True:
        order = torch.randperm(len(PIXELS))
        for start in range(0, len(PIXELS) - batch_size + 1, batch_size):
            yield PIXELS[order[start : start + batch_size]].float().div_(127.5).sub_(1)


class Plain(Dataset):
    """One image at a time through PIL, as torchvision's data sets do it."""

    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self) -> int:
        return len(PIXELS)

    def __getitem__(self, index: int) -> Tensor:
        return self.transform(Image.fromarray(PIXELS[index, 0].numpy()))  # type: ignore[return-value]


def batches_of_a_loader(batch_size: int) -> Iterator[Tensor]:
    while True:
        yield from DataLoader(Plain(), batch_size=batch_size, shuffle=True, drop_last=True)


def bare(batch_size: int, iterations: int, batches=batches_in_memory, adam=ADAM, average=False, read=False) -> float:
    """CPU-seconds of a loop without Lightning."""
    g, d = MLPGenerator(SHAPE), MLPDiscriminator(SHAPE)
    optimizer_g, optimizer_d = adam(g.parameters()), adam(d.parameters())
    average_g = MovingAverage(g)
    started = 0.0
    for iteration, x in zip(range(WARM_UP + iterations), batches(batch_size), strict=False):
        if iteration == WARM_UP:
            started = time.process_time()
        with torch.no_grad():
            fake = g(torch.randn(len(x), 100))
        loss_d = (softplus(-d(x)).mean() + softplus(d(fake)).mean()) / 2
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()

        d.requires_grad_(False)
        loss_g = softplus(-d(g(torch.randn(len(x), 100)))).mean()
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
        d.requires_grad_(True)
        if average:
            average_g.update(g, warmed_up(0.999, iteration))
        if read:
            loss_d.item()
            loss_g.item()
    return time.process_time() - started


CONTENDERS = {
    "bare, same work": partial(bare, adam=FUSED, average=True),
    "gan-lightning": gan_lightning,
    "bare, less work": bare,
    "plain": partial(bare, batches=batches_of_a_loader, read=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 128, 512])
    parser.add_argument("--images", type=int, default=12_800, help="images that a contender trains on in a round")
    parser.add_argument("--rounds", type=int, default=8)
    options = parser.parse_args()
    quieten()
    torch.set_num_threads(1)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  the progress bar is drawn, but not here
    machine = f"torch {torch.__version__}, {platform.machine()}, {os.cpu_count()} cores, one thread"
    print(f"{machine}, {options.rounds} rounds of {options.images:,} images\n")
    print("| batch | contender | images / CPU-second | of the bare loop, same work | lowest, highest |")
    print("|---|---|---|---|---|")
    for batch_size in options.batches:
        iterations = max(20, options.images // batch_size)
        seconds = {name: [] for name in CONTENDERS}
        for first in range(options.rounds):
            names = list(CONTENDERS)
            for turn in range(len(names)):
                name = names[(first + turn) % len(names)]  # each comes first, second, ... equally often
                torch.manual_seed(0)
                seconds[name].append(CONTENDERS[name](batch_size, iterations))
        for name, times in seconds.items():
            ratios = [a / b for a, b in zip(seconds["bare, same work"], times, strict=True)]
            speed = iterations * batch_size / statistics.median(times)
            spread = f"{min(ratios):.2f}, {max(ratios):.2f}"
            print(f"| {batch_size} | {name} | {speed:,.0f} | {statistics.median(ratios):.2f} | {spread} |", flush=True)


if __name__ == "__main__":
    main()
