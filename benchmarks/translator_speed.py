"""A translator's iteration beside a bare PyTorch loop with the same networks, side by side in one run.

    OMP_NUM_THREADS=1 python benchmarks/translator_speed.py

The networks, degradations and optimizers of configs/super_resolution.yaml (pixels alone) and configs/inpainting.yaml (a
game) on random images of their sizes, one thread, on the CPU. The two take turns, round by round; each ratio is the
median over rounds of CPU-seconds of the bare loop / CPU-seconds of this package in the same round (above 1: faster than
the bare loop).

- gan-lightning: `Trainer.fit` as `gan fit` runs it, with both loggers, curves, guard and progress bar (no grids).
- bare: no Lightning, images in memory, the losses written out, and the moving average of the generator.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from measured import Stopwatch
from PIL import Image
from torch import Tensor
from torch.utils.data import TensorDataset

from gan_lightning import Translator
from gan_lightning.callbacks import LossCurves, Progress, TranslationGuard
from gan_lightning.commands.experiment import from_config
from gan_lightning.commands.run import quieten
from gan_lightning.data import ImageData
from gan_lightning.models.ema import MovingAverage, warmed_up
from gan_lightning.networks import ImageShape

WARM_UP, BATCH = 3, 16
CONFIGS = ("super_resolution", "inpainting")


def pixels(image_shape: ImageShape) -> Tensor:
    return torch.randint(256, (256, *image_shape), generator=torch.Generator().manual_seed(0)).byte()


class RandomImages(ImageData):
    """Random images of a shape."""

    def __init__(self, image_shape: ImageShape) -> None:
        super().__init__(image_shape, BATCH)

    def load(self) -> TensorDataset:
        images = pixels(self.image_shape)
        return TensorDataset(images, torch.zeros(len(images)).long())


def translator(config: str) -> Any:
    """The model of a config, the same at every call."""
    with tempfile.TemporaryDirectory() as folder:
        Image.new("RGB", (96, 96)).save(Path(folder, "any.png"))
        torch.manual_seed(0)
        model = from_config(config, **{"data.root": folder, "data.held_out": 0.0}).model
    assert isinstance(model, Translator)
    return model


def gan_lightning(config: str, iterations: int) -> float:
    """CPU-seconds of this package."""
    watch, model = Stopwatch(WARM_UP), translator(config)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            max_steps=WARM_UP + iterations,
            accelerator="cpu",
            logger=[TensorBoardLogger(folder), CSVLogger(folder)],
            callbacks=[Progress(), LossCurves(), TranslationGuard(), watch],
            enable_checkpointing=False,
            enable_model_summary=False,
        )
        trainer.fit(model, RandomImages(model.image_shape))
    return watch.cpu


def enlarging(model: Any) -> Callable[[Tensor], None]:
    """An iteration of super-resolution: the Charbonnier loss."""
    g = model.generator
    optimizer = model.arguments["generator_optimization"].optimizer(g.parameters())

    def step(x: Tensor) -> None:
        with torch.no_grad():
            inputs = model.degradation(x, torch.randn, torch.rand)
        loss = ((g(inputs) - x).square() + 1e-6).sqrt().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


def inpainting(model: Any) -> Callable[[Tensor], None]:
    """An iteration of inpainting: the hinge losses, and the distance of pixels in the hole."""
    g, d = model.generator, model.discriminator
    optimizer_g = model.arguments["generator_optimization"].optimizer(g.parameters())
    optimizer_d = model.arguments["discriminator_optimization"].optimizer(d.parameters())

    def step(x: Tensor) -> None:
        with torch.no_grad():
            inputs = model.degradation(x, torch.randn, torch.rand)
            missing = inputs[:, -1:]
            fake = missing * g(inputs) + (1 - missing) * inputs[:, :-1]
        real, made = (d(torch.cat([inputs, images], 1)).logits for images in (x, fake))
        loss_d = F.relu(1 - real).mean() + F.relu(1 + made).mean()
        optimizer_d.zero_grad()
        loss_d.backward()
        optimizer_d.step()

        d.requires_grad_(False)
        fake = missing * g(inputs) + (1 - missing) * inputs[:, :-1]
        distance = ((fake - x).abs() * missing).sum((1, 2, 3)) / (3 * missing.sum((1, 2, 3)))
        loss_g = 20 * distance.mean() - d(torch.cat([inputs, fake], 1)).logits.mean()
        optimizer_g.zero_grad()
        loss_g.backward()
        optimizer_g.step()
        d.requires_grad_(True)

    return step


def bare(config: str, iterations: int) -> float:
    """CPU-seconds of a loop without Lightning."""
    model = translator(config)
    images, average = pixels(model.image_shape), MovingAverage(model.generator)
    step = enlarging(model) if model.discriminator is None else inpainting(model)
    started = 0.0
    for iteration in range(WARM_UP + iterations):
        if iteration == WARM_UP:
            started = time.process_time()
        chosen = torch.randperm(len(images))[:BATCH]
        step(images[chosen].float().div_(127.5).sub_(1))
        average.update(model.generator, warmed_up(0.999, iteration))
    return time.process_time() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    quieten()
    torch.set_num_threads(1)
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115  the progress bar is drawn, but not here
    print(f"torch {torch.__version__}, one thread, {options.rounds} rounds of {options.iterations} iterations\n")
    print(
        "| config | gan-lightning, CPU-seconds an iteration | bare | ratio | lowest, highest |\n|---|---|---|---|---|"
    )
    for config in CONFIGS:
        seconds: dict[Callable, list[float]] = {gan_lightning: [], bare: []}
        for turn in range(options.rounds):
            for contender in (gan_lightning, bare)[:: 1 if turn % 2 else -1]:  # each is first equally often
                seconds[contender].append(contender(config, options.iterations))
        ratios = [b / a for a, b in zip(seconds[gan_lightning], seconds[bare], strict=True)]
        ours, theirs = (statistics.median(seconds[of]) / options.iterations for of in (gan_lightning, bare))
        spread = f"{min(ratios):.2f}, {max(ratios):.2f}"
        print(f"| {config} | {ours:.3f} | {theirs:.3f} | {statistics.median(ratios):.2f} | {spread} |", flush=True)


if __name__ == "__main__":
    main()
