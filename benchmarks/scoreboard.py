"""What the configs that ship reach on MNIST, what it costs, and what cheats score: the tables of docs/results/mnist.md.

    python benchmarks/scoreboard.py run sprint half_hour objectives few cheats --root data --folder scoreboard
    python benchmarks/scoreboard.py table --folder scoreboard --picture docs/results/mnist.png

The first command trains and judges with the `gan` command, one process and one thread at a time; started again, it goes
on. The second prints the tables of what there is and draws it. Every run is judged at its end, by `gan test`, with two
feature networks: no checkpoint is chosen, and the second one was never used in a search.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

from gan_lightning.data import MNIST
from gan_lightning.evaluation import Evaluator, StoredSamples
from gan_lightning.evaluation.features import extractor_for

JUDGES = {"MNIST": ".", "SecondMNIST": "second"}
"""The feature networks that judge, and where each one's report lies in the folder of a run."""

CONFIGS = Path(__file__).parents[1] / "configs"


class Row(NamedTuple):
    """What is trained, but for the seed.

    Args:
        name: In the tables.
        configs: Files in configs/, laid over each other.
        words: Options of `gan fit` that differ from them.
        seeds: How many runs, with seeds from 0.
    """

    name: str
    configs: tuple[str, ...]
    words: tuple[str, ...] = ()
    seeds: int = 3


CLASSIC = ("mnist.yaml",)
SHORT = ("--grid.every_n_steps", "0", "--trainer.max_epochs", "null")


def steps(count: int) -> tuple[str, ...]:
    return (*SHORT, "--trainer.max_steps", str(count))


def few(*augmentation: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """600 of MNIST's images, which is all that are left when the others are held out."""
    return ("few.yaml",), ("--data", "MNIST", "--data.held_out", "0.99", "--grid.every_n_steps", "0", *augmentation)


PARTS: dict[str, list[Row]] = {
    "sprint": [Row("sprint", ("mnist_sprint.yaml",)), Row("sprint, told the digit", ("conditional_sprint.yaml",))],
    "half_hour": [Row("told the digit", ("conditional.yaml",))],
    # the counts make the CPU-seconds about the same
    "objectives": [
        Row("NonSaturating", CLASSIC, steps(3000)),
        Row("LeastSquares", (*CLASSIC, "overlays/lsgan.yaml"), steps(3000)),
        Row("Hinge", (*CLASSIC, "overlays/hinge.yaml"), steps(3000)),
        Row("Wasserstein + WGANGP", (*CLASSIC, "overlays/wgan_gp.yaml"), steps(900)),
        Row("RelativisticPaired + R1 + R2", (*CLASSIC, "overlays/r3.yaml"), steps(2400)),
    ],
    "few": [
        Row("ADA", *few()),
        Row("no augmentation", *few("--model.augmentation", "null")),
        Row(
            "DiffAugment",
            *few("--model.augmentation", "{class_path: DiffAugment, init_args: {policy: [translation, cutout]}}"),
        ),
    ],
}

TITLES = {
    "sprint": "A sprint: about 160 CPU-seconds of one thread",
    "half_hour": "Less than half an hour of one thread",
    "objectives": "Objectives on the classic dense networks, about as many CPU-seconds each",
    "few": "600 images: augmentation of what the discriminator sees",
    "cheats": "Cheats: no generator at all",
}

KEYS = ("frechet", "coverage", "precision", "recall", "classifier_score", "authenticity", "copies", "copying")


# ---- runs ---------------------------------------------------------------------------------------------------------


def run(parts: list[str], root: Path, folder: Path) -> None:
    """Trains and judges what is not there yet: the first seed of every row, then the second, and so on."""
    for seed in range(3):
        for part in parts:
            for row in PARTS.get(part, []):
                if seed < row.seeds:
                    trained_and_judged(row, seed, root, folder / part / row.name.replace(" ", "_") / str(seed))
    if "cheats" in parts:
        cheats(root, folder / "cheats")


def trained_and_judged(row: Row, seed: int, root: Path, folder: Path) -> None:
    last = folder / "lightning_logs" / "version_0" / "checkpoints" / "last.ckpt"
    if not (folder / "report.json").exists():
        configs = [word for config in row.configs for word in ("--config", str(CONFIGS / config))]
        where = ["--data.root", str(root), "--trainer.default_root_dir", str(folder), "--seed", str(seed)]
        command("fit", *configs, *row.words, *where, "--ckpt_path", "last")
    for extractor, part in JUDGES.items():
        if not (folder / part / "report.json").exists():
            judge = ("--judge.extractor", extractor, "--judge.folder", str(folder / part))
            command("test", "--ckpt_path", str(last), *judge, "--device", "cpu")


def command(*words: str) -> None:
    print("gan", *words, flush=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", "gan_lightning", *words], check=True, env=environment)


# ---- cheats -------------------------------------------------------------------------------------------------------


def cheats(root: Path, folder: Path) -> None:
    """Judges images that no generator made."""
    data = MNIST(str(root))
    data.prepare_data()
    data.setup("test")
    judges = {part: Evaluator(data, extractor_for(data, extractor)) for extractor, part in JUDGES.items()}
    real = judges["."].real
    pixels = lambda images, count: images[torch.arange(count)]  # noqa: E731
    others, labels = pixels(real.other.images, len(real.other))
    training, _ = pixels(data.source, 10_000)
    tests, _ = pixels(real.reference.images, len(real.reference))
    noise = torch.randint(256, others.shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    blurred = F.avg_pool2d(F.pad(others.float(), (1, 1, 1, 1)), 3, stride=1).round().byte()
    for name, images in {
        "test images themselves": tests,
        "copies of training images": training,
        "1,000 training images, ten times each": training[:1000].repeat(10, 1, 1, 1),
        "one image": training[:1].expand(10_000, -1, -1, -1),
        "training images without sevens": others[labels != 7],
        "training images, blurred by 3x3": blurred,
        "uniform noise": noise,
    }.items():
        for part, judge in judges.items():
            if not (folder / name / part / "report.json").exists():
                judge.samples = len(images)
                judge.evaluate(StoredSamples(images, name)).write(folder / name / part)


# ---- tables -------------------------------------------------------------------------------------------------------


def reports(folder: Path) -> list[dict[str, Any]]:
    return [report_in(path.parent) for path in sorted(folder.glob("*/report.json"))]


def report_in(folder: Path) -> dict[str, Any]:
    """Returns the report of the first judge; that of the second is in it, if there is one."""
    first, *others = (folder / part / "report.json" for part in JUDGES.values())
    return json.loads(first.read_text()) | {"others": [json.loads(p.read_text()) for p in others if p.exists()]}


HEADER = (
    "| | n | Fréchet distance | worst | coverage | worst | precision | recall | classifier score | authenticity | "
    "copies | C_T | iterations | CPU-s |"
)

SECOND = " Fréchet / floor | second judge: Fréchet distance | second judge: Fréchet / floor |"
"""Columns of tables in which every row has a second judge."""


def tables(folder: Path) -> Iterator[str]:
    floor: dict[str, Any] | None = None
    for part, title in TITLES.items():
        rows = list(rows_of(part, folder))
        if not rows:
            continue
        floor = floor or rows[0][1][0]
        twice = all(report["others"] for _, found in rows for report in found) and floor["others"]
        header = HEADER + SECOND if twice else HEADER
        yield f"\n## {title}\n\n{header}\n|{'---|' * (header.count('|') - 1)}"
        yield real_images(floor) + (
            f" 1 | {floor['others'][0]['results']['frechet']['floor']:.2f} | 1 |" if twice else ""
        )
        for name, found in rows:
            yield line(name, found) + (of_both(found) if twice else "")


def rows_of(part: str, folder: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    if part == "cheats":
        for path in sorted((folder / part).glob("*/report.json")):
            yield path.parent.name, [report_in(path.parent)]
    for row in PARTS.get(part, []):
        if found := reports(folder / part / row.name.replace(" ", "_")):
            yield row.name, found


def line(name: str, found: list[dict[str, Any]]) -> str:
    values = {key: [report["results"][key]["value"] for report in found] for key in KEYS}
    cells = [spread(values["frechet"], 2), f"{max(values['frechet']):.2f}"]
    cells += [spread(values["coverage"], 3), f"{min(values['coverage']):.3f}"]
    cells += [spread(values[key], digits) for key, digits in zip(KEYS[2:], (3, 3, 2, 3, 4, 1), strict=True)]
    about = found[0]["about"]
    cost = [spread([report["about"]["cpu_seconds"] for report in found], 0)] if "cpu_seconds" in about else [""]
    iterations = f"{about['iteration']:,}" if "iteration" in about else ""
    return f"| {name} | {len(found)} | {' | '.join([*cells, iterations, *cost])} |"


def of_both(found: list[dict[str, Any]]) -> str:
    """The cells of both judges, side by side in floors."""
    first = [report["results"]["frechet"] for report in found]
    second = [report["others"][0]["results"]["frechet"] for report in found]
    floors = [spread([score["value"] / score["floor"] for score in scores], 2) for scores in (first, second)]
    return f" {floors[0]} | {spread([score['value'] for score in second], 2)} | {floors[1]} |"


def real_images(report: dict[str, Any]) -> str:
    """The floor: what other real images score."""
    floor = {key: report["results"][key]["floor"] for key in KEYS}
    shown = [f"{floor[key]:.{digits}f}" for key, digits in zip(KEYS, (2, 3, 3, 3, 2, 3, 4, 1), strict=True)]
    return f"| *other real images* | | {shown[0]} | | {shown[1]} | | {' | '.join(shown[2:])} | | |"


def spread(values: list[float], digits: int) -> str:
    """Mean ± standard error; the value alone of one run."""
    mean = f"{statistics.mean(values):,.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values) / len(values) ** 0.5:.{digits}f}"


def draw(folder: Path, path: Path) -> None:
    """Score against CPU-seconds: a point for each run."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    rows = [
        (f"600 images, {name}" if part == "few" else name, found)
        for part in PARTS
        for name, found in rows_of(part, folder)
    ]
    floor = None
    for i, (name, found) in enumerate(rows):
        cpu = [report["about"]["cpu_seconds"] for report in found]
        for axes, key in ((left, "frechet"), (right, "coverage")):
            values = [report["results"][key]["value"] for report in found]
            axes.plot(cpu, values, f"C{i % 10}{'os^'[i // 10]}", label=name)
        floor = floor or found[0]["results"]
    for axes, key, title in ((left, "frechet", "Fréchet distance"), (right, "coverage", "coverage")):
        if floor:
            axes.axhline(floor[key]["floor"], color="0.5", linestyle="--", label="other real images")
        axes.set(xlabel="CPU-seconds", xscale="log", title=title)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    left.set_yscale("log")
    right.legend(fontsize=7)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["run", "table"])
    parser.add_argument("parts", nargs="*", choices=[*TITLES, []], help="what to run")
    parser.add_argument("--root", type=Path, default=Path("data"), help="the folder that holds MNIST/raw")
    parser.add_argument("--folder", type=Path, default=Path("scoreboard"), help="where runs and reports are kept")
    parser.add_argument("--picture", type=Path)
    arguments = parser.parse_args()
    if arguments.what == "run":
        run(arguments.parts or [*TITLES], arguments.root, arguments.folder)
        return
    for text in tables(arguments.folder):
        print(text)
    if arguments.picture:
        draw(arguments.folder, arguments.picture)


if __name__ == "__main__":
    main()
