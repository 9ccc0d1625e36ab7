"""The sprints: how good MNIST's digits become in 160 CPU-seconds of training on one thread, and what that is owed to.

    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/sprint_search.py best anchor --data.root data --seeds 0 1
    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/sprint_search.py ablation --data.root data --cpu 40
    OMP_NUM_THREADS=1 taskset -c 1 python benchmarks/sprint_search.py labels --data.root data --cpu 250 --looks 3
    python benchmarks/sprint_search.py        # prints the table of what is done

Each run measures its CPU-time an iteration, takes as many iterations as fit into the budget, trains (which is what
CPU-seconds count) on 50,000 images, and is judged by the other 10,000: the averaged generator, on samples 0 to 9,999,
at the end and, with --looks, on the way. The test images stay unseen. A judgement is one line of JSON; runs that are
there are not repeated. `--try '{"lr": 0.002}'` trains the best recipe with other settings.

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
from lightning.pytorch import Callback, Trainer

from gan_lightning import GAN, networks, objectives, penalties
from gan_lightning.commands.run import quieten
from gan_lightning.data import MNIST
from gan_lightning.evaluation import Evaluator
from gan_lightning.evaluation.features import extractor_for
from gan_lightning.training.optimization import Optimization
from gan_lightning.training.schedules import Exponential, Power, Schedule

WARM_UP, MEASURED = 20, 100
"""Iterations before and while the time of one is measured."""

HELD_OUT = 1 / 6
"""Of the images: those that the feature network has not learnt, and no recipe either."""

KEYS = ("name", "recipe", "budget", "seed")
"""What tells one run from another."""

SCORES = ("frechet", "coverage", "precision", "recall", "class_divergence")


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

SLOWER = BEST._replace(power=1.0, average_decay=0.9995)

LABELLED = SLOWER._replace(
    generator=sub_pixel("Generator", hidden=[256], classes=10),
    discriminator=sub_pixel("Discriminator", hidden=[512], classes=10),
)

LABELS: dict[str, Recipe] = {
    "labels, penalties .1 to .02": LABELLED._replace(weight=0.1, end=0.2),
    "labels, penalties .5 to .05": LABELLED,
    "no labels, penalties .1 to .02": SLOWER._replace(weight=0.1, end=0.2),
    "no labels, penalties .5 to .05": SLOWER,
    "no labels, penalties .5 to .02": SLOWER._replace(power=0.5, end=0.04),
    "no labels, packs of 2": SLOWER._replace(power=0.5, discriminator=sub_pixel("Discriminator", packing=2)),
    "no labels, RelativisticPaired": SLOWER._replace(power=0.5, objective="RelativisticPaired"),
}
"""What labels change, and how strong penalties should be with them."""

GROUPS = {"ablation": ABLATION, "labels": LABELS}

RECIPES = ABLATION | LABELS | {"anchor": ANCHOR, "classic": CLASSIC}


# ---- a run --------------------------------------------------------------------------------------------------------


def game(recipe: Recipe, iterations: int, seed: int) -> GAN:
    torch.manual_seed(seed)
    shape = (1, 28, 28)
    generator, discriminator = (getattr(networks, name)(shape, **options) for name, options in recipe[:2])
    adam = partial(torch.optim.Adam, lr=recipe.lr, betas=(recipe.beta1, recipe.beta2), fused=True)
    return GAN(
        generator,
        discriminator,
        getattr(objectives, recipe.objective)(),
        [getattr(penalties, name)(recipe.weight, every=recipe.every) for name in recipe.penalties],
        generator_optimization=Optimization(adam),
        discriminator_optimization=Optimization(adam),
        schedules=schedules_of(recipe, iterations),
        average_decay=recipe.average_decay,
        seed=seed,
    )


def schedules_of(recipe: Recipe, iterations: int) -> dict[str, Schedule]:
    found: dict[str, Schedule] = {}
    if recipe.power:
        players = ("generator", "discriminator")
        fall = Power(power=recipe.power, iterations=iterations)
        found |= {f"{player}_optimization.optimizer.lr": fall for player in players}
    if recipe.end != 1:
        fade = Exponential(recipe.end, iterations)
        found |= {f"penalties.{name}.strength": fade for name in recipe.penalties}
    return found


class Looks(Callback):
    """CPU-seconds of training, without the looks, and what each look says.

    Args:
        moments: Iterations after which the samples are judged.
        judge: Judges them.
    """

    def __init__(self, moments: list[int], judge: Evaluator | None) -> None:
        self.moments, self.judge, self.cpu, self.found = moments, judge, 0.0, []

    def on_train_start(self, trainer, pl_module) -> None:
        self.mark = time.process_time()

    def on_train_batch_end(self, trainer, pl_module: Any, outputs, batch, batch_idx) -> None:
        if trainer.global_step in self.moments:
            self.cpu += time.process_time() - self.mark
            scores = {}
            if self.judge is not None:
                report = self.judge.evaluate(pl_module, memory=False)
                scores = {key: report.value(key) for key in SCORES}
            self.found.append({"iteration": trainer.global_step, "cpu": round(self.cpu, 1), **scores})
            self.mark = time.process_time()


def trained(recipe: Recipe, iterations: int, seed: int, root: str, looks: Looks) -> None:
    """Trains; what it costs and what comes out is in the looks."""
    torch.set_float32_matmul_precision(recipe.matmul)
    gan, data = game(recipe, iterations, seed), MNIST(root, recipe.batch_size, seed, HELD_OUT)
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False, "accelerator": "cpu", "precision": recipe.precision}
    Trainer(max_steps=iterations, callbacks=[looks], **quiet).fit(gan, data)


def affordable(recipe: Recipe, seconds: float, root: str) -> int:
    """How many iterations fit into so many CPU-seconds, rounded down to hundreds."""
    looks = Looks([WARM_UP, WARM_UP + MEASURED], None)
    trained(recipe, WARM_UP + MEASURED, 0, root, looks)
    short, long = (look["cpu"] for look in looks.found)
    start = short - WARM_UP * (long - short) / MEASURED
    return max(100, int((seconds - start) * MEASURED / (long - short)) // 100 * 100)


def run(wanted: dict[str, Recipe], options: argparse.Namespace) -> None:
    """Trains what is not there yet: the first seed of every recipe, then the second, and so on."""
    quieten()
    torch.set_num_threads(1)
    for seed in options.seeds:
        for name, recipe in wanted.items():
            key = [name, json.loads(json.dumps(recipe)), options.cpu, seed]
            if key in [[line[k] for k in KEYS] for line in lines_of(options.results)]:
                continue
            iterations = options.iterations or affordable(recipe, options.cpu, options.root)
            moments = [iterations * (i + 1) // options.looks for i in range(options.looks)]
            looks = Looks(moments, judge(options.root))
            trained(recipe, iterations, seed, options.root, looks)
            with options.results.open("a") as file:
                for found in looks.found:
                    line = dict(zip(KEYS, key, strict=True)) | {"iterations": iterations} | found
                    file.write(json.dumps(line) + "\n")


@cache
def judge(root: str) -> Evaluator:
    data = MNIST(root, held_out=HELD_OUT)
    data.prepare_data()
    data.setup("fit")
    return Evaluator(data, extractor_for(data), "validation")


def lines_of(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


# ---- the table ----------------------------------------------------------------------------------------------------


def table(lines: list[dict[str, Any]]) -> Iterator[str]:
    """What was measured, as Markdown."""
    yield "| | n | of iterations | after | CPU-s | Fréchet distance | coverage | precision | recall | KL of classes |"
    yield "|" + "---|" * 10
    runs = defaultdict(list)
    for line in lines:
        runs[line["name"], line["budget"], line["iteration"] / line["iterations"]].append(line)
    for (name, _, _), same in runs.items():
        mean = {key: statistics.mean(line[key] for line in same) for key in ("iterations", "iteration", "cpu", *SCORES)}
        yield (
            f"| {name} | {len(same)} | {mean['iterations']:,.0f} | {mean['iteration']:,.0f} | {mean['cpu']:.0f} "
            f"| {mean['frechet']:.2f} | {mean['coverage']:.3f} | {mean['precision']:.3f} | {mean['recall']:.3f} "
            f"| {mean['class_divergence']:.4f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", help=f"ablation, labels, or some of: {', '.join(RECIPES)}")
    parser.add_argument("--try", dest="tried", type=json.loads, help="changes of the best recipe, as JSON")
    parser.add_argument("--data.root", dest="root", default="data")
    parser.add_argument("--results", type=Path, default=Path("sprint.jsonl"), help="one line of JSON for each run")
    parser.add_argument("--cpu", type=float, default=160.0, help="the budget in CPU-seconds")
    parser.add_argument("--iterations", type=int, help="this many, whatever they take")
    parser.add_argument("--looks", type=int, default=1, help="how often samples are judged")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    wanted = {}
    for name in options.recipes:
        wanted |= GROUPS.get(name) or {name: RECIPES[name]}
    if options.tried:
        wanted[json.dumps(options.tried)] = BEST._replace(**options.tried)
    if wanted:
        run(wanted, options)
    print("\n".join(table(lines_of(options.results))))


if __name__ == "__main__":
    main()
