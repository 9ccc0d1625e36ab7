"""Photographs on one core: what recipes reach in the same CPU-seconds. Prints the tables of docs/results/photos.md.

    OMP_NUM_THREADS=1 python benchmarks/photos.py cifar10 cats --cifar10 cifar10-train --cats cats
    python benchmarks/photos.py        # prints the tables of what is done

A run measures its CPU-time an iteration, takes as many iterations as fit into the row's budget, trains (which is what
CPU-seconds count), keeps a checkpoint and a grid in --folder, and is judged once, at its end: the averaged generator,
samples 0 to 9,999 (2,000 of cats). A judgement is one line of JSON; runs that are there are not repeated, and a
checkpoint that is there is judged without training. --share 0.25 gives every run a quarter of its time.

Of CIFAR-10's training images, a sixth is held out (the network Colour was trained without them), of the cats a fifth,
for 100 cats nine tenths. Samples are compared with half of them; the other half gives the floor.
"""

import argparse
import json
import time
from collections.abc import Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import torch
import yaml
from lightning.pytorch import Callback, Trainer
from lightweight import LightweightDiscriminator, LightweightGenerator
from PIL import Image
from popular_dcgan import PopularDiscriminator, PopularGenerator

from gan_lightning import GAN
from gan_lightning.augmentation import DiffAugment
from gan_lightning.commands.experiment import from_config
from gan_lightning.commands.run import quieten
from gan_lightning.core.images import tile, to_uint8
from gan_lightning.data import ImageFolder
from gan_lightning.evaluation import Evaluator
from gan_lightning.evaluation.features import extractor_for
from gan_lightning.evaluation.metrics import authenticity
from gan_lightning.evaluation.report import Result
from gan_lightning.objectives import Hinge
from gan_lightning.penalties import R1
from gan_lightning.training.optimization import Optimization

CONFIGS = Path(__file__).parents[1] / "configs"

WARM_UP, MEASURED = 10, 40
"""Iterations before and while the time of one is measured."""

JUDGES = ["Colour", "EfficientNetLite0"]
"""Feature networks; the second is an extra, and what photos_fast.yaml plays against."""

KEYS = ("row", "recipe", "budget", "seed", "judge")
"""What tells one judgement from another."""

FEW = 2000
"""Training images below which authenticity is measured, too."""

SCORES = ("frechet", "kernel", "coverage", "precision", "recall", "authenticity")


class Recipe(NamedTuple):
    """What is trained.

    Args:
        config: A file in configs/, or a baseline of BASELINES.
        options: That differ from it.
        ours: Whether it is run with all seeds.
        share: Of the row's CPU-seconds.
    """

    config: str
    options: Mapping[str, Any] = MappingProxyType({})
    ours: bool = False
    share: float = 1.0


class Row(NamedTuple):
    """Recipes that are compared.

    Args:
        title: Of the table.
        size: Height and width.
        seconds: Of one core.
        labels: Whether recipes are told the classes.
        held_out: Share of the images.
        samples: That are judged.
        recipes: By name.
    """

    title: str
    size: int
    seconds: float
    labels: bool
    held_out: float
    samples: int
    recipes: dict[str, Recipe]


NO_ADA = {"model.augmentation": None}
DIFF_AUGMENT = {"model.augmentation": "DiffAugment"}

CIFAR10 = {
    "pyramids": Recipe("cifar10.yaml", ours=True),
    "the networks of few.yaml": Recipe("few.yaml", NO_ADA),
    "the most copied DCGAN": Recipe("DCGAN"),
    "SNGAN": Recipe("resnet.yaml"),
}
LABELLED = {
    "pyramids": Recipe("cifar10_conditional.yaml", ours=True),
    "the networks of conditional.yaml": Recipe("conditional.yaml"),
    "the most copied DCGAN": Recipe("DCGAN"),
}
CATS = {
    "pyramids": Recipe("photos_sprint.yaml", ours=True),
    "few.yaml": Recipe("few.yaml", {"model.augmentation.init_args.color": True}),
    "the most copied DCGAN, DiffAugment": Recipe("DCGAN", DIFF_AUGMENT),
    "lightweight-gan's networks, DiffAugment": Recipe("lightweight-gan", DIFF_AUGMENT),
    "photos_fast.yaml": Recipe("photos_fast.yaml", ours=True, share=1 / 3),
    "photos_fast.yaml, all of the time": Recipe("photos_fast.yaml"),
}
ROWS = {
    "cifar10": Row("CIFAR-10, 600 CPU-seconds", 32, 600, False, 1 / 6, 10_000, CIFAR10),
    "labels": Row("CIFAR-10 with labels, 600 CPU-seconds", 32, 600, True, 1 / 6, 10_000, LABELLED),
    "cats": Row("800 cats, 64x64, 1,200 CPU-seconds", 64, 1200, False, 0.2, 2000, CATS),
    "few_cats": Row("100 cats, 64x64, 1,200 CPU-seconds", 64, 1200, False, 0.9, 2000, CATS),
}


# ---- training -----------------------------------------------------------------------------------------------------


def data_of(row: Row, root: str, batch_size: int, seed: int, mirror: bool) -> ImageFolder:
    options: dict[str, Any] = {"image_size": row.size, "batch_size": batch_size, "seed": seed, "mirror": mirror}
    return ImageFolder(root, held_out=row.held_out, **options)


def experiment_of(row: Row, recipe: Recipe, root: str, seed: int, folder: Path) -> tuple[GAN, ImageFolder]:
    """Returns the model and the data."""
    if recipe.config in BASELINES:
        torch.manual_seed(seed)
        augmentation = DiffAugment() if "model.augmentation" in recipe.options else None
        model = BASELINES[recipe.config](row, augmentation=augmentation, seed=seed)
        batch_size, mirror = BATCHES[recipe.config], False
    else:
        found = from_config(retold(row, recipe, root, folder), **recipe.options, seed=seed)
        model, batch_size, mirror = found.model, found.data.batch_size, found.data.mirror  # type: ignore[attr-defined]
    assert isinstance(model, GAN)
    return model, data_of(row, root, batch_size, seed, mirror)


def retold(row: Row, recipe: Recipe, root: str, folder: Path) -> Path:
    """Writes the config with the row's images in place of its own data, and returns the path."""
    settings = yaml.safe_load((CONFIGS / recipe.config).read_text())
    kept = {key: settings["data"]["init_args"].get(key, default) for key, default in DATA.items()}
    words = kept | {"root": root, "image_size": row.size}
    settings["data"] = {"class_path": "ImageFolder", "init_args": words}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


DATA = {"batch_size": 64, "mirror": False}
"""Options of the data that are a part of a recipe."""


def popular(row: Row, **options: Any) -> GAN:
    """Returns the most copied DCGAN, with its loop's settings."""
    shape, classes = (3, row.size, row.size), 10 if row.labels else 0
    adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.999), fused=True)
    players = PopularGenerator(shape, classes=classes), PopularDiscriminator(shape, classes=classes)
    optimization: dict[str, Any] = dict.fromkeys(OPTIMIZATIONS, Optimization(adam))
    return GAN(*players, **optimization, **options)


def lightweight(row: Row, **options: Any) -> GAN:
    """Returns lightweight-gan's networks, with its loop's settings."""
    shape = (3, row.size, row.size)
    adam = partial(torch.optim.Adam, lr=2e-4, betas=(0.5, 0.9), fused=True)
    optimization: dict[str, Any] = dict.fromkeys(OPTIMIZATIONS, Optimization(adam))
    game: dict[str, Any] = {"objective": Hinge(), "penalties": [R1(20, every=4)], "average_decay": 0.995}
    return GAN(LightweightGenerator(shape), LightweightDiscriminator(shape), **game, **optimization, **options)


OPTIMIZATIONS = ("generator_optimization", "discriminator_optimization")
BASELINES = {"DCGAN": popular, "lightweight-gan": lightweight}
BATCHES = {"DCGAN": 64, "lightweight-gan": 10}


class Clock(Callback):
    """CPU-seconds since the start of training, after some iterations.

    Args:
        moments: Those iterations.
    """

    def __init__(self, *moments: int) -> None:
        self.moments, self.cpu = moments, []

    def on_train_start(self, trainer, pl_module) -> None:
        self.start = time.process_time()

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if trainer.global_step in self.moments:
            self.cpu.append(time.process_time() - self.start)


def fitted(model: GAN, data: ImageFolder, iterations: int, clock: Clock) -> Trainer:
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(max_steps=iterations, callbacks=[clock], enable_model_summary=False, accelerator="cpu", **quiet)
    trainer.fit(model, data)
    return trainer


def affordable(row: Row, recipe: Recipe, root: str, seconds: float, folder: Path) -> int:
    """Returns how many iterations fit into so many CPU-seconds."""
    clock = Clock(WARM_UP, WARM_UP + MEASURED)
    fitted(*experiment_of(row, recipe, root, 0, folder), WARM_UP + MEASURED, clock)
    return max(WARM_UP, int(seconds * MEASURED / (clock.cpu[1] - clock.cpu[0])))


def trained(row: Row, recipe: Recipe, root: str, seconds: float, seed: int, folder: Path) -> None:
    """Trains what has no checkpoint yet, and writes what it cost."""
    if (folder / "cost.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    iterations = affordable(row, recipe, root, seconds, folder)
    model, data = experiment_of(row, recipe, root, seed, folder)
    clock = Clock(iterations)
    fitted(model, data, iterations, clock).save_checkpoint(folder / "last.ckpt")
    Image.fromarray(tile(to_uint8(model.sample(range(100))), 10)).save(folder / "samples.png")
    (folder / "cost.json").write_text(json.dumps({"iterations": iterations, "cpu": round(clock.cpu[0], 1)}))


# ---- judging ------------------------------------------------------------------------------------------------------


@cache
def judge(name: str, root: str, kind: str) -> Evaluator:
    row = ROWS[name]
    data = data_of(row, root, 64, 0, False)
    data.prepare_data()
    data.setup("fit")
    return Evaluator(data, extractor_for(data, kind), samples=row.samples)


def judgement(judge: Evaluator, folder: Path) -> dict[str, Any]:
    """Returns scores and their floors."""
    model, real = GAN.sampler_from_checkpoint(folder / "last.ckpt"), judge.real
    results = judge.evaluate(model, memory=False).results
    made = judge.seen_samples(model) if len(real.data.source) < FEW else None  # type: ignore[arg-type]
    if made is not None:
        fresh = authenticity(real.seen_training.features, real.seen_reference.features)
        found = authenticity(real.seen_training.features, made.features)
        results.append(Result("authenticity", found.value, found.error, fresh.value))
    results = [result for result in results if result.key in SCORES]
    floors = {f"floor of {result.key}": round(result.floor, 4) for result in results if result.floor is not None}
    return {result.key: round(result.value, 4) for result in results} | floors


def run(name: str, options: argparse.Namespace) -> None:
    """Trains and judges what is not there yet: the first seed of every recipe, then the second, and so on."""
    row, root = ROWS[name], options.cifar10 if name in ("cifar10", "labels") else options.cats
    for seed in options.seeds:
        for title, recipe in row.recipes.items():
            if (options.only and title not in options.only) or (seed and not recipe.ours):
                continue
            seconds = row.seconds * options.share * recipe.share
            folder = options.folder / f"{name} {title} {seconds:g} {seed}".replace(" ", "_")
            trained(row, recipe, root, seconds, seed, folder)
            for kind in options.judges:
                key = [name, title, seconds, seed, kind]
                if key in [[line[k] for k in KEYS] for line in lines_of(options.results)]:
                    continue
                scores = judgement(judge(name, root, kind), folder)
                line = dict(zip(KEYS, key, strict=True)) | json.loads((folder / "cost.json").read_text()) | scores
                with options.results.open("a") as file:
                    file.write(json.dumps(line) + "\n")


def lines_of(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


# ---- the tables ---------------------------------------------------------------------------------------------------


def tables(lines: list[dict[str, Any]]) -> Iterator[str]:
    """Returns what was measured, as Markdown: a line for each run."""
    for name, row in ROWS.items():
        for kind in dict.fromkeys(line["judge"] for line in lines):
            found = [line for line in lines if (line["row"], line["judge"]) == (name, kind)]
            if found:
                yield f"\n## {row.title}, judged by {kind}\n"
                yield f"| | seed | iterations | CPU-s | {' | '.join(SCORES)} |\n|{'---|' * (4 + len(SCORES))}"
                yield f"| *real images* | | | | {cells(found[0], 'floor of ')} |"
            for line in sorted(found, key=lambda line: (line["budget"], line["kernel"])):
                yield (
                    f"| {line['recipe']} | {line['seed']} | {line['iterations']:,} | {line['cpu']:.0f} "
                    f"| {cells(line)} |"
                )


def cells(line: dict[str, Any], prefix: str = "") -> str:
    return " | ".join(f"{line[prefix + key]:.3f}" if prefix + key in line else "" for key in SCORES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", help=f"some of: {', '.join(ROWS)}")
    parser.add_argument("--cifar10", default="data/cifar10-train", help="the folder of training images")
    parser.add_argument("--cats", default="data/cats", help="the folder of cats")
    parser.add_argument("--folder", type=Path, default=Path("photos"), help="where checkpoints and grids are kept")
    parser.add_argument(
        "--results", type=Path, default=Path("photos.jsonl"), help="one line of JSON for each judgement"
    )
    parser.add_argument("--share", type=float, default=1.0, help="of every row's CPU-seconds")
    parser.add_argument("--only", nargs="+", help="some recipes, by their names")
    parser.add_argument("--judges", nargs="+", default=JUDGES)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    quieten()
    torch.set_num_threads(1)
    for name in options.rows:
        run(name, options)
    print("\n".join(tables(lines_of(options.results))))


if __name__ == "__main__":
    main()
