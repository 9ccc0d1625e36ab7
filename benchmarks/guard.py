"""Whether the guard tells trainings that fail from trainings that work: ROC, latency, false alarms, cost.

    python benchmarks/guard.py run --results guard.jsonl --data_root data
    python benchmarks/guard.py cost --results guard.jsonl --data_root data
    python benchmarks/guard.py --results guard.jsonl --picture guard.png

The first command trains on one thread and appends a line of JSON for every run that is finished; started again, it
goes on. The second trains with and without the guard in turns. The third prints what docs/results/guard.md holds.

What a run is was not decided by the guard: every 50 iterations, 2,000 samples of the averaged generator are sorted into
the modes of the ring or of the grid (PacGAN's protocol), or by a small classifier into the digits of which it is more
than 90 % sure (a digit counts with 1 % of the samples). A run has failed if it ends with less than half of the modes or
digits, and works if it ends with three quarters or more. Its failure begins where it falls below half for good.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from lightning.pytorch import Callback, Trainer
from matplotlib.figure import Figure
from measured import Stopwatch
from torch import Tensor, nn

from gan_lightning import GAN, objectives, penalties
from gan_lightning.callbacks import CollapseGuard
from gan_lightning.callbacks.collapse_guard import DRIFT, LIMIT
from gan_lightning.commands.run import quieten
from gan_lightning.data import MNIST, Grid, ImageData, Ring
from gan_lightning.evaluation.metrics import Variety, modes
from gan_lightning.networks import FourierDiscriminator, MLPDiscriminator, MLPGenerator
from gan_lightning.penalties import Penalty
from gan_lightning.training.optimization import Optimization
from gan_lightning.training.schedules import Exponential

TRUTH, SAMPLES = 50, 2000
"""Iterations between two evaluations of the truth, and the samples that are sorted for it."""

SURE, COUNTS = 0.9, 0.01
"""How sure the classifier must be of a sample, and the share of samples with which a digit counts."""


class Game(NamedTuple):
    """What is trained, but for the seed.

    Args:
        world: ring, grid or digits.
        objective: A class of `gan_lightning.objectives`.
        penalties: R1, R2, joined by +; none for none.
        lr: Learning rate of both players.
        lr_generator: Of G, if it is another.
        momentum: Adam's beta_1; beta_2 is 0.99.
        batch_norm: Whether G has batch normalisation; for digits.
        breaks: An iteration from which the rates are multiplied; 0 for never.
        times: By what.
        seeds: How many runs, with seeds from 0. (Limits were chosen with seed 1,000.)
    """

    world: str
    objective: str
    penalties: str
    lr: float
    lr_generator: float | None = None
    momentum: float = 0.0
    batch_norm: bool = False
    breaks: int = 0
    times: float = 1.0
    seeds: int = 2

    @property
    def name(self) -> str:
        rate = f"{self.lr:g}" + (f" (G {self.lr_generator:g})" if self.lr_generator else "")
        late = f", times {self.times:g} from {self.breaks:,} on" if self.breaks else ""
        words = " + ".join([self.objective, *self.kinds])
        return f"{self.world}, {words}, lr {rate}{late}"

    @property
    def kinds(self) -> list[str]:
        return [] if self.penalties == "none" else self.penalties.split("+")

    @property
    def iterations(self) -> int:
        return 2000 if self.world == "digits" else 1600


TOY, PAIRED = 2e-3, "RelativisticPaired"

GAMES = [
    Game("ring", PAIRED, "R1+R2", TOY),
    Game("ring", "NonSaturating", "R1+R2", TOY),
    Game("grid", PAIRED, "R1+R2", TOY),
    Game("digits", PAIRED, "R1+R2", 5e-4, batch_norm=True, seeds=3),
    Game("digits", "NonSaturating", "R1+R2", 5e-4, batch_norm=True),
    Game("digits", "LeastSquares", "none", 3e-3, momentum=0.5),
    Game("ring", "NonSaturating", "none", TOY),
    Game("ring", "Hinge", "none", TOY),
    Game("grid", "NonSaturating", "none", TOY),
    Game("ring", "NonSaturating", "R1", TOY),
    Game("digits", "NonSaturating", "none", 2e-4, lr_generator=1e-2, momentum=0.5),
    Game("digits", "Hinge", "none", 5e-3, momentum=0.9, batch_norm=True),
    Game("digits", "Wasserstein", "none", 1e-3, momentum=0.5, seeds=1),
    Game("digits", PAIRED, "R1+R2", 5e-4, batch_norm=True, breaks=1200, times=100),
    Game("ring", "NonSaturating", "R1+R2", TOY, breaks=1000, times=10),
]


# ---- a run --------------------------------------------------------------------------------------------------------


def data_of(game: Game, seed: int, root: str) -> ImageData:
    toys = {"ring": Ring, "grid": Grid}
    if game.world in toys:
        return toys[game.world](batch_size=128, seed=seed)
    return MNIST(root=root, batch_size=64, seed=seed)


def gan_of(game: Game, data: ImageData, seed: int) -> GAN:
    torch.manual_seed(seed)
    adam = partial(torch.optim.Adam, betas=(game.momentum, 0.99), fused=True)
    steps = partial(torch.optim.lr_scheduler.MultiStepLR, milestones=[game.breaks], gamma=game.times)
    schedule = steps if game.breaks else None
    return GAN(
        *players(game, data),
        getattr(objectives, game.objective)(),
        penalties_of(game),
        generator_optimization=Optimization(partial(adam, lr=game.lr_generator or game.lr), schedule),
        discriminator_optimization=Optimization(partial(adam, lr=game.lr), schedule),
        schedules={} if game.world == "digits" else fading(game),
        seed=seed,
    )


def players(game: Game, data: ImageData) -> tuple[MLPGenerator, Any]:
    shape = data.image_shape
    if game.world == "digits":
        return MLPGenerator(shape, 64, [256, 256], game.batch_norm), MLPDiscriminator(shape, [256, 256])
    frequency = {"ring": 1.0, "grid": 2.0}[game.world]
    return MLPGenerator(shape, 2, [64] * 5, False), FourierDiscriminator(shape, [64] * 3, frequency=frequency)


def penalties_of(game: Game) -> list[Penalty]:
    digits = game.world == "digits"
    return [getattr(penalties, kind)(*([0.5, 4] if digits else [0.1])) for kind in game.kinds]


def fading(game: Game) -> dict[str, Exponential]:
    return {f"penalties.{kind}.strength": Exponential(0.01, game.iterations) for kind in game.kinds}


class Watched(CollapseGuard):
    """The guard as it comes, with a record of what it sees and of what it costs."""

    def __init__(self) -> None:
        super().__init__()
        self.looks: list[tuple[int, float]] = []
        self.alarm: int | None = None
        self.cpu = 0.0

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        started = time.process_time()
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
        self.cpu += time.process_time() - started
        if self.state == "failing" and self.alarm is None:
            self.alarm = trainer.global_step

    def compared(self, model: Any) -> Variety:
        found = super().compared(model)
        self.looks.append((model.global_step, found.score))
        return found


class Truth(Callback):
    """The share of modes or digits that are found, and what D says, every so many iterations."""

    def __init__(self, share: Callable[[Tensor], float]) -> None:
        self.share, self.cpu = share, 0.0
        self.seen: list[tuple[int, float]] = []
        self.opinions: list[tuple[int, float, float, float]] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if trainer.global_step % TRUTH:
            return
        started = time.process_time()
        model: Any = pl_module
        images = model.sample(range(SAMPLES))
        self.seen.append((trainer.global_step, self.share(images)))
        self.opinions.append((trainer.global_step, *opinion(model.discriminator, batch[0], images[: len(batch[0])])))
        self.cpu += time.process_time() - started


def opinion(discriminator: nn.Module, real: Tensor, fake: Tensor) -> tuple[float, float, float]:
    """E[sign D(x)]; the chance that D prefers a real image to a sample; the median slope of D at samples."""
    with torch.enable_grad():
        x = fake.clone().requires_grad_()
        logits = discriminator(x).image_logits
        (slope,) = torch.autograd.grad(logits.sum(), x)
    with torch.no_grad():
        rivals = discriminator(real).image_logits
    preferred = (rivals[:, None] > logits.detach()).float().mean().item()
    return rivals.sign().mean().item(), preferred, slope.flatten(1).norm(dim=1).median().item()


def share_of(game: Game, data: ImageData, root: str) -> Callable[[Tensor], float]:
    if isinstance(data, (Ring, Grid)):
        return lambda x: modes(data.plane.points(x), data.means, data.deviation).found / len(data.means)
    return partial(digits_found, classifier(root))


@torch.no_grad()
def digits_found(net: nn.Module, images: Tensor) -> float:
    sure, digit = net(images).softmax(1).max(1)
    counts = torch.bincount(digit[sure > SURE], minlength=10)
    return (counts >= COUNTS * len(images)).float().mean().item()


@cache
def classifier(root: str) -> nn.Module:
    """Dense layers that name 95 % of MNIST's test images, trained on the images of the games."""
    data = MNIST(root=root)
    data.prepare_data()
    data.setup("fit")
    source: Any = data.source
    torch.manual_seed(0)
    layers = [nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)]
    net = nn.Sequential(*layers)
    adam = torch.optim.Adam(net.parameters(), lr=1e-3)
    for _ in range(2):
        for part in torch.randperm(len(source)).split(128):
            x, y = source[part]
            adam.zero_grad()
            F.cross_entropy(net(x.float() / 127.5 - 1), y).backward()
            adam.step()
    return net.eval()


def trained(game: Game, seed: int, root: str) -> dict[str, Any]:
    """What the truth, the guard and D said in a run, and CPU-seconds."""
    data = data_of(game, seed, root)
    truth, guard = Truth(share_of(game, data, root)), Watched()
    started = time.process_time()
    trainer_of(game.iterations, guard, truth).fit(gan_of(game, data, seed), data)
    cpu = time.process_time() - started - truth.cpu
    found = {"truth": truth.seen, "looks": guard.looks, "alarm": guard.alarm, "opinions": truth.opinions}
    return found | {"cpu": cpu, "guard_cpu": guard.cpu}


def trainer_of(iterations: int, *callbacks: Callback) -> Trainer:
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False, "accelerator": "cpu"}
    return Trainer(max_steps=iterations, callbacks=[*callbacks], **quiet)


def run(results: Path, root: str) -> None:
    """Trains what is not there yet, seed by seed."""
    for seed in range(max(game.seeds for game in GAMES)):
        for game in (game for game in GAMES if seed < game.seeds):
            if (game, seed) not in {(line["game"], line["seed"]) for line in runs_of(results)}:
                append(results, {"game": list(game), "seed": seed, **trained(game, seed, root)})


def append(results: Path, line: dict[str, Any]) -> None:
    with results.open("a") as file:
        file.write(json.dumps(line) + "\n")


def lines_of(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def runs_of(results: Path) -> list[dict[str, Any]]:
    return [line | {"game": Game(*line["game"])} for line in lines_of(results) if "game" in line]


# ---- what it costs ------------------------------------------------------------------------------------------------


def cost(results: Path, root: str, rounds: int = 5, iterations: int = 600) -> None:
    """CPU-seconds with and without the guard, in turns, of a small step: two layers of 256, batch 64."""
    game = next(game for game in GAMES if game.world == "digits")
    for _ in range(rounds):
        line = {}
        for name, guards in (("without", []), ("with", [CollapseGuard()])):
            data, watch = data_of(game, 0, root), Stopwatch(warm_up=10)
            trainer_of(10 + iterations, *guards, watch).fit(gan_of(game, data, 0), data)
            line[name] = watch.cpu
        append(results, {"cost": line})


# ---- what it says -------------------------------------------------------------------------------------------------


def outcome(line: dict[str, Any]) -> str:
    """What the truth says of a run."""
    *_, (_, share) = line["truth"]
    return "fails" if share < 0.5 else "works" if share >= 0.75 else "between"


def onset(line: dict[str, Any]) -> int:
    """The first evaluation from which a failed run stays below half, or the end of the guard's warm-up, if later."""
    good = [step for step, share in line["truth"] if share >= 0.5]
    return max(max(good, default=0) + TRUTH, CollapseGuard().warm_up)


def score(line: dict[str, Any]) -> float:
    """The highest limit at which the guard would have raised an alarm."""
    guard = CollapseGuard()
    late = [value for step, value in line["looks"] if step > guard.warm_up]
    windows = (late[i : i + guard.patience] for i in range(len(late) - guard.patience + 1))
    return max((min(window) for window in windows if window[-1] > window[0] - DRIFT), default=0.0)


def opinion_scores(line: dict[str, Any]) -> dict[str, float]:
    """What D alone would say: the median of each of its signals after the guard's warm-up."""
    late = [values for step, *values in line["opinions"] if step > CollapseGuard().warm_up]
    names = ("E[sign D(x)]", "D prefers a real image", "slope of D at samples")
    return {name: statistics.median(column) for name, column in zip(names, zip(*late, strict=True), strict=True)}


def auroc(bad: list[float], good: list[float]) -> float:
    """The chance that a bad one has the higher score; a tie counts one half."""
    wins = [(b > g) + (b == g) / 2 for b in bad for g in good]
    return sum(wins) / len(wins)


def tables(lines: list[dict[str, Any]], costs: list[dict[str, float]]) -> Iterator[str]:
    bad, good = ([line for line in lines if outcome(line) == kind] for kind in ("fails", "works"))
    alarms = [line for line in good if line["alarm"]]
    late = [line for line in bad if line["alarm"]]
    delays = sorted(line["alarm"] - onset(line) for line in late)
    watched = sum(line["game"].iterations - CollapseGuard().warm_up for line in good)
    yield f"| | {len(bad)} runs that failed, {len(good)} that work |\n|---|---|"
    yield f"| AUROC of the guard's score | {auroc([*map(score, bad)], [*map(score, good)]):.3f} |"
    for name in opinion_scores(lines[0]):
        values = [[opinion_scores(line)[name] for line in part] for part in (bad, good)]
        yield f"| AUROC of {name} alone | {auroc(*values):.2f} |"
    yield f"| failures found | {len(late)} of {len(bad)} |"
    yield f"| iterations from failure to alarm | median {statistics.median(delays):g}, worst {delays[-1]} |"
    broken = [line["alarm"] - onset(line) for line in late if line["game"].breaks]
    if broken:
        yield f"| the same of the {len(broken)} that broke late | median {statistics.median(broken):g} |"
    yield f"| false alarms | {len(alarms)} in {watched:,} iterations of runs that work, after the warm-up |"
    share = statistics.median(line["guard_cpu"] / (line["cpu"] - line["guard_cpu"]) for line in lines)
    yield f"| CPU-seconds in the guard, of the rest of a run | {100 * share:.1f} % (median of {len(lines)}) |"
    if costs:
        ratios = [cost["with"] / cost["without"] for cost in costs]
        spread = f"{min(ratios):.3f} to {max(ratios):.3f}, {len(costs)} rounds"
        yield f"| CPU-seconds with / without, in turns | median {statistics.median(ratios):.3f} ({spread}) |"
    yield "\n| limit | failures found | false alarms |\n|---|---|---|"
    for limit in (0.2, 0.3, 0.4, LIMIT, 0.6, 0.7, 0.8):
        hits, errors = (sum(score(line) >= limit for line in part) for part in (bad, good))
        ours = " (the guard's)" if limit == LIMIT else ""
        yield f"| {limit:g}{ours} | {hits} of {len(bad)} | {errors} of {len(good)} |"
    yield "\n| game | seed | found at the end | truth | score | failed from | alarm |\n|---|---|---|---|---|---|---|"
    for line in lines:
        kind, alarm = outcome(line), line["alarm"]
        since = f"{onset(line):,}" if kind == "fails" else ""
        said = f"{alarm:,}" if alarm else ""
        row = (line["game"].name, line["seed"], f"{100 * line['truth'][-1][1]:.0f} %", kind, f"{score(line):.2f}")
        yield f"| {' | '.join(map(str, (*row, since, said)))} |"


def draw(lines: list[dict[str, Any]], path: Path) -> None:
    """The ROC on the left, the scores of all runs while they train on the right."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.5])
    bad, good = ([line for line in lines if outcome(line) == kind] for kind in ("fails", "works"))
    curves = {"the guard": score} | {n: partial(opinion_of, n) for n in opinion_scores(lines[0])}
    for name, value in curves.items():
        left.plot(*roc([*map(value, bad)], [*map(value, good)]), label=name, linewidth=2 if value is score else 1)
    left.plot([0, 1], [0, 1], color="0.8", linewidth=0.8, zorder=0)
    left.set(xlabel=f"share of {len(good)} runs that work", ylabel=f"share of {len(bad)} that failed", aspect="equal")
    left.set_title("called failing", fontsize="medium")
    left.legend(fontsize="small", frameon=False, loc="lower right")
    for line, colour in [(line, "#1f77b4") for line in good] + [(line, "#d62728") for line in bad]:
        right.plot(*zip(*line["looks"], strict=True), color=colour, linewidth=0.9, alpha=0.7)
    for colour, label in (("#d62728", "failed in the end"), ("#1f77b4", "work in the end")):
        right.plot([], [], color=colour, label=label)
    right.axhline(LIMIT, color="0.4", linewidth=0.8, linestyle="--")
    right.axvspan(0, CollapseGuard().warm_up, color="0.93", zorder=0)
    right.text(20, 0.01, "warm-up: no alarm yet", color="0.4", fontsize="small")
    right.set(xlabel="iteration", ylabel="guard/score", ylim=(0, 1), xlim=(0, None))
    right.legend(fontsize="small", frameon=False, loc="upper right", ncols=2)
    figure.savefig(path, dpi=110)


def opinion_of(name: str, line: dict[str, Any]) -> float:
    return opinion_scores(line)[name]


def roc(bad: list[float], good: list[float]) -> tuple[list[float], list[float]]:
    """The shares of good and of bad ones at or above each limit."""
    limits = [float("inf"), *sorted({*bad, *good}, reverse=True)]
    share = lambda part, limit: sum(value >= limit for value in part) / len(part)  # noqa: E731
    return [share(good, limit) for limit in limits], [share(bad, limit) for limit in limits]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", nargs="?", choices=["run", "cost"], help="what to do; nothing prints the tables")
    parser.add_argument("--results", type=Path, default=Path("guard.jsonl"), help="one line of JSON for each run")
    parser.add_argument("--data_root", default="data", help="where MNIST lies")
    parser.add_argument("--picture", type=Path, help="where to draw the ROC")
    options = parser.parse_args()
    quieten()
    torch.set_num_threads(1)
    if options.work:
        {"run": run, "cost": cost}[options.work](options.results, options.data_root)
        return
    lines = sorted(runs_of(options.results), key=lambda line: (GAMES.index(line["game"]), line["seed"]))
    print("\n".join(tables(lines, [line["cost"] for line in lines_of(options.results) if "cost" in line])))
    if options.picture:
        draw(lines, options.picture)


if __name__ == "__main__":
    main()
