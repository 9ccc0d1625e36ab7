"""Which objectives and penalties find all modes of a ring of 8 and a grid of 25 Gaussians, in PacGAN's protocol.

    python benchmarks/toys.py recipe matrix lazy packs --results toys.jsonl
    python benchmarks/toys.py --results toys.jsonl --picture toys.png

The first command trains on one thread and appends a line of JSON for every run that is finished; started again, it
goes on. The second prints the tables of what there is, as in docs/results/toys.md, and draws them.

A run is the package's own game under Lightning's Trainer. 2,500 samples are judged, those of seeds 0 to 2,499, of the
averaged generator and of the last iterate.
"""

import argparse
import json
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from lightning.pytorch import Trainer
from matplotlib.figure import Figure

from gan_lightning import GAN, objectives, penalties
from gan_lightning.commands.run import quieten
from gan_lightning.core.errors import TrainingError
from gan_lightning.data import Grid, Ring
from gan_lightning.evaluation.metrics import HIGH_QUALITY, SHRUNK, kl_floor, modes
from gan_lightning.models.sampling import latents
from gan_lightning.networks import FourierDiscriminator, MLPGenerator
from gan_lightning.penalties import Penalty
from gan_lightning.training.optimization import Optimization
from gan_lightning.training.schedules import Cosine, Exponential, Schedule

WORLDS = {"ring": Ring, "grid": Grid}
SAMPLES, SHOWN = 2500, 1000
"""Samples that are judged, and those of the first seed that are drawn."""

PARTS = {
    "matrix": "Objectives and penalties, all trained alike: R1 and R2 fade from 0.1 to 0.001, WGANGP has weight 1.",
    "lazy": "Lazy regularisation: the same penalties every so many iterations, with as many times the weight.",
    "packs": "Packs, PacGAN's own remedy, without a penalty.",
}

ALIKE = {"matrix": [], "lazy": ["RelativisticPaired + R1", "RelativisticPaired + R1 + R2"], "packs": ["NonSaturating"]}
"""Rows of the matrix that are shown again for comparison."""

FADING = {"weight": 0.1, "end": 0.01}
"""The weight of R1 and R2 at the beginning, of gradients in the networks' units, and what is left of it at the end."""

MATRIX: dict[str, dict[str, dict[str, float]]] = {
    "NonSaturating": {"none": {}, "R1": FADING, "R1+R2": FADING},
    "RelativisticPaired": {"none": {}, "R1": FADING, "R1+R2": FADING},
    "LeastSquares": {"none": {}, "R1+R2": FADING},
    "Hinge": {"none": {}, "R1+R2": FADING},
    "Wasserstein": {"WGANGP": {"weight": 1.0}, "R1+R2": FADING},
}
"""For each objective, penalties and their weight."""

FREQUENCY = {"ring": 1.0, "grid": 2.0}
"""Of the discriminator's waves."""

RECIPES: dict[str, dict[str, Any]] = {
    "ring": {"iterations": 20_000, "batch_size": 128, "width": 96},
    "grid": {"iterations": 20_000, "batch_size": 256, "width": 96},
}

SEEDS = {"recipe": 10, "matrix": 5, "lazy": 5, "packs": 5}
"""Runs of each cell, with seeds from 0. (The recipe was looked for with other seeds, from 1,000.)"""


class Cell(NamedTuple):
    """What is trained, but for the seed.

    Args:
        part: The table in which it stands.
        world: ring or grid.
        objective: A class of `gan_lightning.objectives`.
        penalties: Classes of `gan_lightning.penalties`, joined by +; none for none.
        weight: Of each of them.
        end: What the weight falls to by the end, of 1; 1 for a constant weight.
        every: Iterations from one evaluation to the next.
        packing: Points that D judges at once.
        iterations: How long.
        batch_size: Points of an iteration.
        width: Of the hidden layers: D has three.
        depth: Hidden layers of G.
        lr: Learning rate at the beginning; it falls to zero along a cosine.
        momentum: Adam's beta_1; beta_2 is 0.99.
        frequency: Of the waves of D.
    """

    part: str
    world: str
    objective: str
    penalties: str
    weight: float = 0.0
    end: float = 1.0
    every: int = 1
    packing: int = 1
    iterations: int = 1000
    batch_size: int = 128
    width: int = 64
    depth: int = 5
    lr: float = 2e-3
    momentum: float = 0.0
    frequency: float = 2.0

    @property
    def name(self) -> str:
        words = (
            self.objective if self.penalties == "none" else f"{self.objective} + {self.penalties.replace('+', ' + ')}"
        )
        lazily = f", every {self.every}" if self.every > 1 else ""
        return words + lazily + (f", packs of {self.packing}" if self.packing > 1 else "")


# ---- what is trained ----------------------------------------------------------------------------------------------


def cells() -> Iterator[Cell]:
    """All cells, in the order of the tables."""
    for world, frequency in FREQUENCY.items():
        where: dict[str, Any] = {"world": world, "frequency": frequency}
        best = "RelativisticPaired", "R1+R2"
        yield cell("recipe", *best, **where, **FADING, **RECIPES[world])
        for objective, kinds in MATRIX.items():
            for kind, strength in kinds.items():
                yield cell("matrix", objective, kind, **where, **strength)
        for kind in ("R1", "R1+R2"):
            for every in (4, 16):
                yield cell("lazy", "RelativisticPaired", kind, **where, **FADING, every=every)
        for packing in (2, 4):
            yield cell("packs", "NonSaturating", "none", **where, packing=packing)


def cell(part: str, objective: str, kind: str, **others: Any) -> Cell:
    return Cell(part=part, objective=objective, penalties=kind, **others)


# ---- a run --------------------------------------------------------------------------------------------------------


def trained(cell: Cell, seed: int) -> dict[str, Any]:
    """What a run found, and its CPU-seconds."""
    torch.manual_seed(seed)
    data = WORLDS[cell.world](batch_size=cell.batch_size, seed=seed)
    adam = partial(torch.optim.Adam, lr=cell.lr, betas=(cell.momentum, 0.99), fused=True)
    gan = GAN(
        MLPGenerator(data.image_shape, latent_dim=2, hidden=[cell.width] * cell.depth, batch_norm=False),
        FourierDiscriminator(data.image_shape, [cell.width] * 3, frequency=cell.frequency, packing=cell.packing),
        getattr(objectives, cell.objective)(),
        penalties_of(cell),
        generator_optimization=Optimization(adam),
        discriminator_optimization=Optimization(adam),
        schedules=schedules_of(cell),
        seed=seed,
    )
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    trainer = Trainer(max_steps=cell.iterations, accelerator="cpu", enable_model_summary=False, **quiet)
    started = time.process_time()
    try:
        trainer.fit(gan, data)
    except TrainingError as trouble:
        return {"trouble": str(trouble), "cpu": time.process_time() - started}
    cpu = time.process_time() - started

    def judged(images: torch.Tensor) -> dict[str, float]:
        return modes(data.plane.points(images), data.means, data.deviation)._asdict()

    made = gan.sample(range(SAMPLES))
    with torch.no_grad():
        last = gan.generator(latents(range(SAMPLES), 2))
    found = {"average": judged(made), "last": judged(last), "cpu": cpu}
    if seed == 0:
        found["points"] = [[round(v, 3) for v in point] for point in data.plane.points(made[:SHOWN]).tolist()]
    return found


def penalties_of(cell: Cell) -> list[Penalty]:
    if cell.penalties == "none":
        return []
    return [getattr(penalties, name)(cell.weight, every=cell.every) for name in cell.penalties.split("+")]


def schedules_of(cell: Cell) -> dict[str, Schedule]:
    found: dict[str, Schedule] = {
        f"{player}_optimization.optimizer.lr": Cosine() for player in ("generator", "discriminator")
    }
    if cell.penalties == "none" or cell.end == 1:
        return found
    return found | {f"penalties.{name}.strength": Exponential(cell.end) for name in cell.penalties.split("+")}


def run(parts: list[str], worlds: list[str], results: Path, seeds: int | None) -> None:
    """Trains what is not there yet: the first seed of every cell, then the second, and so on."""
    quieten()
    torch.set_num_threads(1)
    wanted = [cell for cell in cells() if cell.part in parts and cell.world in worlds]
    for seed in range(max(SEEDS.values())):
        for cell in wanted:
            done = {(Cell(*line["cell"]), line["seed"]) for line in lines_of(results)}
            if seed < (seeds or SEEDS[cell.part]) and (cell, seed) not in done:
                line = {"cell": list(cell), "seed": seed, **trained(cell, seed)}
                with results.open("a") as file:
                    file.write(json.dumps(line) + "\n")


def lines_of(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


# ---- the tables ---------------------------------------------------------------------------------------------------

PUBLISHED = {
    "ring": {
        "GAN (PacGAN, Table 1)": ("6.3 ± .5", "98.2", ".45"),
        "ALI (PacGAN, Table 1)": ("6.6", "97.6", ".36"),
        "Unrolled GAN (VEEGAN, Table 1)": ("7.6", "35.6", ""),
        "VEEGAN (VEEGAN, Table 1)": ("8", "52.9", ""),
        "PacGAN2 (PacGAN, Table 1)": ("7.9 ± .1", "95.6", ".07"),
        "PacGAN4 (PacGAN, Table 1)": ("7.8 ± .1", "95.9", ".07"),
    },
    "grid": {
        "GAN (PacGAN, Table 1)": ("17.3 ± .8", "94.8", ".70"),
        "ALI (PacGAN, Table 1)": ("24.1", "95.7", ".14"),
        "Unrolled GAN (VEEGAN, Table 1)": ("23.6", "16", ""),
        "VEEGAN (VEEGAN, Table 1)": ("24.6", "40", ""),
        "PacGAN2 (PacGAN, Table 1)": ("23.8 ± .7", "91.3", ".13"),
        "PacGAN4 (PacGAN, Table 1)": ("24.8 ± .2", "93.6", ".04"),
    },
}
"""Modes, high quality in %, KL. Lin et al., "PacGAN", 2018, and Srivastava et al., "VEEGAN", 2017."""

HEADER = """\
| | n | modes | seeds with all | HQ % | worst seed: modes / HQ % / KL | KL | last iterate: modes / HQ % / KL | CPU-s |
|---|---|---|---|---|---|---|---|---|"""

Runs = dict[Cell, list[dict[str, Any]]]


def tables(runs: Runs) -> Iterator[str]:
    """What was measured, as Markdown: for each world the recipe, what others report, and each part."""
    for world, make in WORLDS.items():
        data = make(count=1)
        count = len(data.means)
        yield f"\n## {world.capitalize()}\n\n{HEADER}"
        yield exact(data)
        for cell, lines in runs.items():
            if (cell.world, cell.part) == (world, "recipe"):
                yield row(f"**recipe**: {cell.name}, {cell.iterations:,} iterations", lines, count)
        for name, (found, quality, kl) in PUBLISHED[world].items():
            yield f"| {name} | | {found} | | {quality} | | {kl} | | |"
        for part, title in PARTS.items():
            here = [(cell, lines) for cell, lines in runs.items() if cell.world == world]
            again = [(cell, lines) for cell, lines in here if cell.part == "matrix" and cell.name in ALIKE[part]]
            new = [(cell, lines) for cell, lines in here if cell.part == part]
            if new:
                yield f"\n{title} {settings(new[0][0])}\n\n{HEADER}"
                yield from (row(cell.name, lines, count) for cell, lines in again + new)


def settings(cell: Cell) -> str:
    layers = f"layers of {cell.width} (three of D, {cell.depth} of G)"
    return f"{cell.iterations:,} iterations of batch {cell.batch_size}, {layers}, lr {cell.lr:g}."


def row(name: str, lines: list[dict[str, Any]], count: int) -> str:
    """One cell, over its seeds."""
    good = [line for line in lines if "average" in line]
    broken = f" ({len(lines) - len(good)} stopped: not finite)" if len(good) < len(lines) else ""
    cpu = statistics.mean(line["cpu"] for line in lines)
    if not good:
        return f"| {name}{broken} | {len(lines)} | | | | | | | {cpu:.0f} |"
    average, last = ({key: [line[which][key] for line in good] for key in KEYS} for which in ("average", "last"))
    quality = [100 * value for value in average["high_quality"]]
    whole = sum(found == count for found in average["found"])
    worst = min(good, key=lambda line: (line["average"]["found"], line["average"]["high_quality"]))["average"]
    shrunk = " shrunk" if statistics.mean(quality) > 100 * SHRUNK else ""
    means = [statistics.mean(last[key]) for key in KEYS]
    return (
        f"| {name}{broken} | {len(lines)} | {spread(average['found'], 1)} | {whole} | {spread(quality, 1)}{shrunk} "
        f"| {worst['found']} / {100 * worst['high_quality']:.1f} / {worst['kl']:.4f} | {spread(average['kl'], 4)} "
        f"| {means[0]:.1f} / {100 * means[1]:.1f} / {means[2]:.4f} | {cpu:.0f} |"
    )


KEYS = ("found", "high_quality", "kl")


def spread(values: list[float], digits: int) -> str:
    """Mean ± standard error; the value alone of one run."""
    mean = f"{statistics.mean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values) / len(values) ** 0.5:.{digits}f}"


def exact(data: Any) -> str:
    """Points of the true law in place of samples."""
    scores = [modes(data.draw(SAMPLES, seed)[0], data.means, data.deviation)._asdict() for seed in range(100)]
    line = row("an exact sampler", [{"average": score, "last": score, "cpu": 0.0} for score in scores], len(data.means))
    floor = f"(closed form: {100 * HIGH_QUALITY:.1f} %, KL {kl_floor(len(data.means), SAMPLES):.4f})"
    return line.replace("exact sampler", f"exact sampler {floor}").rsplit("|", 3)[0] + "| | |"


# ---- the picture --------------------------------------------------------------------------------------------------

COLUMNS = 5


def draw(runs: Runs, path: Path) -> None:
    """A thousand samples of the first seed of the recipe and of every cell of the matrix, over the modes."""
    shown = [(cell, lines[0]["points"]) for cell, lines in runs.items() if "points" in lines[0] and cell.part != "lazy"]
    shown.sort(key=lambda pair: [*WORLDS].index(pair[0].world))
    rows = -(-len(shown) // COLUMNS)
    figure = Figure(figsize=(2.2 * COLUMNS, 2.45 * rows), layout="constrained")
    for axes in figure.subplots(rows, COLUMNS, squeeze=False).flat:
        axes.set_axis_off()
    for axes, (cell, points) in zip(figure.axes, shown, strict=False):
        data = WORLDS[cell.world](count=1)
        reach = data.plane.extent[0]
        axes.scatter(*data.means.T.tolist(), s=60, facecolors="none", edgecolors="0.7", linewidths=0.6)
        axes.scatter(*zip(*points, strict=True), s=1, c="#00a040", linewidths=0)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        title = ("recipe: " if cell.part == "recipe" else "") + cell.name.replace("Relativistic", "Relativistic\n", 1)
        axes.set_title(title, fontsize=6)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*SEEDS, []], help="what to train; nothing prints the tables")
    parser.add_argument("--worlds", nargs="+", choices=[*WORLDS], default=[*WORLDS])
    parser.add_argument("--results", type=Path, default=Path("toys.jsonl"), help="one line of JSON for each run")
    parser.add_argument("--seeds", type=int, help="runs of each cell")
    parser.add_argument("--picture", type=Path, help="where to draw the samples")
    options = parser.parse_args()
    if options.parts:
        run(options.parts, options.worlds, options.results, options.seeds)
        return
    runs: Runs = defaultdict(list)
    once = {(Cell(*line["cell"]), line["seed"]): line for line in lines_of(options.results)}
    for (cell, _), line in sorted(once.items(), key=lambda pair: pair[0][1]):
        runs[cell].append(line)
    runs = {cell: runs[cell] for cell in [*cells()] if cell in runs}
    print("\n".join(tables(runs)))
    if options.picture:
        draw(runs, options.picture)


if __name__ == "__main__":
    main()
