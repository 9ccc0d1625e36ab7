"""The sprint: how good MNIST's digits become in 160 CPU-seconds of training on one thread, and what that is owed to.

    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/sprint_search.py best anchor --data.root data --seeds 0 1
    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/sprint_search.py ablation --data.root data --cpu 40
    python benchmarks/sprint_search.py        # prints the table of what is done

Each run measures its CPU-time an iteration, takes as many iterations as fit into the budget, trains (which is what
CPU-seconds count), and is judged: the averaged generator of the last iteration, on samples 0 to 9,999. A run is one
line of JSON; those that are there are not repeated. `--try '{"lr": 0.002}'` trains the best recipe with other settings.

Settings of the process that save time and change no number (torch 2.15, glibc, a PyTorch built with CUDA on a machine
without a GPU): CUDA_VISIBLE_DEVICES= GLIBC_TUNABLES=glibc.malloc.hugetlb=1 MALLOC_MMAP_THRESHOLD_=1000000000
MALLOC_TRIM_THRESHOLD_=4000000000 MALLOC_TOP_PAD_=67108864
"""

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer

from gan_lightning import GAN, networks, objectives, penalties
from gan_lightning.commands import quieten
from gan_lightning.data import MNIST
from gan_lightning.extractors import extractor_for
from gan_lightning.judging import Judge

WARM_UP, MEASURED = 20, 100
"""Iterations before and while the time of one is measured."""


class Recipe(NamedTuple):
    """What is trained, but for the seed and how long.

    Args:
        generator: A class of `gan_lightning.networks`, and its options but for the size of the images.
        discriminator: The same.
        objective: A class of `gan_lightning.objectives`.
        penalties: Classes of `gan_lightning.penalties`.
        weight: Of each of them.
        end: What is left of the weight at the end, of 1; 1 for a constant weight.
        every: Iterations from one evaluation to the next.
        batch_size: Images of an iteration.
        lr: Both players' learning rate at the beginning.
        beta1: Of Adam.
        beta2: The same.
        power: The learning rate is that times (1 - t / iterations)^power; 0 for a constant one.
        average_decay: Of the generator that is judged.
        precision: Of Lightning's trainer.
        matmul: `torch.set_float32_matmul_precision`; "medium" lets oneDNN in the place of MKL multiply.
    """

    generator: tuple[str, dict[str, Any]]
    discriminator: tuple[str, dict[str, Any]]
    objective: str = "NonSaturating"
    penalties: tuple[str, ...] = ("R1", "R2")
    weight: float = 0.5
    end: float = 0.1
    every: int = 8
    batch_size: int = 64
    lr: float = 3e-3
    beta1: float = 0.0
    beta2: float = 0.99
    power: float = 0.5
    average_decay: float = 0.999
    precision: str = "32-true"
    matmul: str = "medium"


def sub_pixel(kind: str, **options: Any) -> tuple[str, dict[str, Any]]:
    best = {"Generator": {"latent_dim": 32, "hidden": [128]}, "Discriminator": {"hidden": [256]}}[kind]
    return f"SubPixel{kind}", {"width": 32, "convolutions": 2} | best | options


def dense(kind: str, *hidden: int, **options: Any) -> tuple[str, dict[str, Any]]:
    return f"MLP{kind}", {"hidden": list(hidden)} | options


BEST = Recipe(sub_pixel("Generator"), sub_pixel("Discriminator"))

ANCHOR = Recipe(
    dense("Generator", 256, 256, latent_dim=64),
    dense("Discriminator", 256, 256),
    objective="RelativisticPaired",
    end=1.0,
    every=4,
    lr=1e-3,
)
"""Dense networks: the best that was known before, but for the fall of the learning rate."""

CLASSIC = Recipe(
    dense("Generator", 256, 512, 1024, latent_dim=100),
    dense("Discriminator", 512, 256),
    penalties=(),
    batch_size=128,
    lr=2e-4,
    beta1=0.5,
    beta2=0.999,
    power=0.0,
)
"""That of configs/mnist.yaml."""

ABLATION: dict[str, Recipe] = {
    "best": BEST,
    "dense D": BEST._replace(discriminator=ANCHOR.discriminator),
    "dense G": BEST._replace(generator=dense("Generator", 256, 256, latent_dim=32)),
    "one convolution in D": BEST._replace(discriminator=sub_pixel("Discriminator", convolutions=1)),
    "one convolution in G": BEST._replace(generator=sub_pixel("Generator", convolutions=1)),
    "width 64": BEST._replace(
        generator=sub_pixel("Generator", width=64), discriminator=sub_pixel("Discriminator", width=64)
    ),
    "latents of 64": BEST._replace(generator=sub_pixel("Generator", latent_dim=64)),
    "latents of 16": BEST._replace(generator=sub_pixel("Generator", latent_dim=16)),
    "no batch normalisation in G": BEST._replace(generator=sub_pixel("Generator", batch_norm=False)),
    "RelativisticPaired": BEST._replace(objective="RelativisticPaired"),
    "Hinge": BEST._replace(objective="Hinge"),
    "no penalty": BEST._replace(penalties=()),
    "no R2": BEST._replace(penalties=("R1",)),
    "penalties do not fade": BEST._replace(end=1.0),
    "weight 2": BEST._replace(weight=2.0),
    "penalties every 2nd step": BEST._replace(every=2),
    "lr 1e-3": BEST._replace(lr=1e-3),
    "constant lr": BEST._replace(power=0.0),
    "no averaging": BEST._replace(average_decay=0.0),
    "batch 32": BEST._replace(batch_size=32),
    "batch 128": BEST._replace(batch_size=128),
    "bf16-mixed": BEST._replace(precision="bf16-mixed"),
    "MKL multiplies": BEST._replace(matmul="highest"),
}
"""The best with one thing changed."""

RECIPES = ABLATION | {"anchor": ANCHOR, "classic": CLASSIC}


# ---- a run --------------------------------------------------------------------------------------------------------


def game(recipe: Recipe, iterations: int, seed: int) -> GAN:
    torch.manual_seed(seed)
    shape = (1, 28, 28)
    generator, discriminator = (getattr(networks, name)(shape, **options) for name, options in recipe[:2])
    adam = partial(torch.optim.Adam, lr=recipe.lr, betas=(recipe.beta1, recipe.beta2), fused=True)
    fall = partial(torch.optim.lr_scheduler.PolynomialLR, total_iters=iterations, power=recipe.power)
    return GAN(
        generator,
        discriminator,
        getattr(objectives, recipe.objective)(),
        [smoother(recipe, getattr(penalties, name), iterations) for name in recipe.penalties],
        generator_optimizer=adam,
        discriminator_optimizer=adam,
        generator_scheduler=fall,
        discriminator_scheduler=fall,
        average_decay=recipe.average_decay,
        seed=seed,
    )


def smoother(recipe: Recipe, kind: type[penalties.Penalty], iterations: int) -> penalties.Penalty:
    penalty = kind(recipe.weight, every=recipe.every)
    return penalty if recipe.end == 1 else penalties.Fading(penalty, recipe.end, iterations)


def trained(recipe: Recipe, iterations: int, seed: int, root: str) -> tuple[GAN, float]:
    """The model and the CPU-seconds of its training."""
    torch.set_float32_matmul_precision(recipe.matmul)
    gan, data = game(recipe, iterations, seed), MNIST(root, recipe.batch_size, seed)
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False, "accelerator": "cpu", "precision": recipe.precision}
    trainer = Trainer(max_steps=iterations, **quiet)
    started = time.process_time()
    trainer.fit(gan, data)
    return gan, time.process_time() - started


def affordable(recipe: Recipe, seconds: float, root: str) -> int:
    """How many iterations fit into so many CPU-seconds, rounded down to hundreds."""
    short, long = (trained(recipe, n, 0, root)[1] for n in (WARM_UP, WARM_UP + MEASURED))
    start = short - WARM_UP * (long - short) / MEASURED
    return max(100, int((seconds - start) * MEASURED / (long - short)) // 100 * 100)


def run(wanted: dict[str, Recipe], options: argparse.Namespace) -> None:
    """Trains what is not there yet: the first seed of every recipe, then the second, and so on."""
    quieten()
    torch.set_num_threads(1)
    for seed in options.seeds:
        for name, recipe in wanted.items():
            key = [name, json.loads(json.dumps(recipe)), options.cpu, seed]
            if key in [[line[k] for k in ("name", "recipe", "budget", "seed")] for line in lines_of(options.results)]:
                continue
            iterations = options.iterations or affordable(recipe, options.cpu, options.root)
            gan, cpu = trained(recipe, iterations, seed, options.root)
            found = {"iterations": iterations, "cpu": round(cpu, 1), **judged(gan, options.root)}
            line = {**dict(zip(("name", "recipe", "budget", "seed"), key, strict=True)), **found}
            with options.results.open("a") as file:
                file.write(json.dumps(line) + "\n")


def judged(gan: GAN, root: str) -> dict[str, float]:
    """What the averaged generator's samples 0 to 9,999 score against the test images."""
    report = judge(root).judge(gan, memory=False)
    return {key: report.value(key) for key in ("frechet", "coverage", "density")}


@cache
def judge(root: str) -> Judge:
    data = MNIST(root)
    data.prepare_data()
    data.setup("test")
    return Judge(data, extractor_for(data))


def lines_of(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


# ---- the table ----------------------------------------------------------------------------------------------------


def table(lines: list[dict[str, Any]]) -> Iterator[str]:
    """What was measured, as Markdown."""
    yield "| | budget, CPU-s | n | iterations | CPU-s | Fréchet distance | coverage | density |"
    yield "|---|---|---|---|---|---|---|---|"
    runs = defaultdict(list)
    for line in lines:
        runs[line["budget"], line["name"]].append(line)
    for (budget, name), same in sorted(runs.items(), key=lambda pair: (pair[0][0], pair[1][0]["frechet"])):
        mean = {key: statistics.mean(line[key] for line in same) for key in same[0] if isinstance(same[0][key], float)}
        steps = statistics.mean(line["iterations"] for line in same)
        yield (
            f"| {name} | {budget:g} | {len(same)} | {steps:,.0f} | {mean['cpu']:.0f} | {mean['frechet']:.2f} "
            f"| {mean['coverage']:.3f} | {mean['density']:.3f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", help=f"ablation, or some of: {', '.join(RECIPES)}")
    parser.add_argument("--try", dest="tried", type=json.loads, help="changes of the best recipe, as JSON")
    parser.add_argument("--data.root", dest="root", default="data")
    parser.add_argument("--results", type=Path, default=Path("sprint.jsonl"), help="one line of JSON for each run")
    parser.add_argument("--cpu", type=float, default=160.0, help="the budget in CPU-seconds")
    parser.add_argument("--iterations", type=int, help="this many, whatever they take")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    wanted = {}
    for name in options.recipes:
        wanted |= ABLATION if name == "ablation" else {name: RECIPES[name]}
    if options.tried:
        wanted[json.dumps(options.tried)] = BEST._replace(**options.tried)
    if wanted:
        run(wanted, options)
    print("\n".join(table(lines_of(options.results))))


if __name__ == "__main__":
    main()
