"""Which objectives and penalties find all modes of a ring of 8 and a grid of 25 Gaussians, in PacGAN's protocol.

    python benchmarks/toys.py recipe matrix lazy packs --results toys.jsonl
    python benchmarks/toys.py --results toys.jsonl --picture docs/results/toys.png > docs/results/toys.md

The first command trains, one thread, a line of JSON for every run that is finished; it goes on where it was stopped.
The second prints the tables of what there is, and draws them. Every run is the package's own game with Lightning's
Trainer; 2,500 samples are judged: seeds 0 to 2,499 of the averaged generator, and the last iterate's of the same latents.
"""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Trainer

from gan_lightning import GAN, objectives, penalties
from gan_lightning.commands import quieten
from gan_lightning.data import Grid, Ring
from gan_lightning.metrics import HIGH_QUALITY, SHRUNK, Modes, kl_floor, modes
from gan_lightning.networks import MLPDiscriminator, MLPGenerator
from gan_lightning.sampling import latents

WORLDS = {"ring": Ring, "grid": Grid}
SAMPLES = 2500


@dataclass(frozen=True)
class Recipe:
    """One cell of a table: what is trained, but for the seed.

    Args:
        world: ring or grid.
        objective: A class of `gan_lightning.objectives`.
        penalties: Classes of `gan_lightning.penalties`, with their arguments.
        iterations: How long; the learning rate falls to zero along a cosine.
        lr: It begins here.
        batch_size: Points of an iteration.
        packing: Points that D judges at once.
    """

    world: str
    objective: str
    penalties: tuple[tuple[str, dict[str, float]], ...] = field(hash=False)
    iterations: int
    lr: float = 2e-3
    batch_size: int = 128
    packing: int = 1

    def key(self, seed: int) -> str:
        return json.dumps([asdict(self), seed], sort_keys=True)


def train(recipe: Recipe, seed: int) -> dict[str, Any]:
    """One run: what was found, and its CPU-seconds."""
    torch.manual_seed(seed)
    data = WORLDS[recipe.world](batch_size=recipe.batch_size, seed=seed)
    adam = partial(torch.optim.Adam, lr=recipe.lr, betas=(0.0, 0.99), fused=True)
    decay = partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=recipe.iterations)
    generator = MLPGenerator(data.image_shape, latent_dim=2, hidden=[128] * 3, batch_norm=False)
    gan = GAN(
        generator,
        MLPDiscriminator(data.image_shape, hidden=[128] * 3, packing=recipe.packing),
        getattr(objectives, recipe.objective)(),
        [getattr(penalties, name)(**words) for name, words in recipe.penalties],
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        generator_scheduler=decay,
        discriminator_scheduler=decay,
        seed=seed,
    )
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(max_steps=recipe.iterations, accelerator="cpu", enable_model_summary=False, **quiet)
    started = time.process_time()
    trainer.fit(gan, data)
    cpu = time.process_time() - started

    def judged(images: torch.Tensor) -> dict[str, float]:
        return modes(data.plane.points(images), data.means, data.deviation)._asdict()

    with torch.no_grad():
        last = generator(latents(range(SAMPLES), 2))
    return {"average": judged(gan.sample(range(SAMPLES))), "last": judged(last), "cpu": cpu}


# ---- what is trained ----------------------------------------------------------------------------------------------

R = ("R1", "R2")


def both(weight: float, every: int = 1) -> tuple[tuple[str, dict[str, float]], ...]:
    return tuple((name, {"weight": weight, "every": every}) for name in R)
