"""How often the 95 % intervals of the metrics hold the mean over many sets of samples, with the same real images.

    python benchmarks/intervals.py

Real images are drawn from a standard normal distribution in d dimensions; samples from that or from a worse one. For
each set of samples, every metric gives a value and an interval. A right interval holds the mean of the values in 95 of
100 sets, and its standard error is the deviation of the values. Prints a Markdown table, as in
docs/results/intervals.md.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from gan_lightning.evaluation.metrics import (
    Estimate,
    class_divergence,
    classifier_score,
    compare_nearness,
    density_coverage,
    frechet,
    frechet_infinity,
    kernel_distance,
    nearness,
    precision_recall,
)

Law = Callable[[int, int, torch.Generator], Tensor]


def normal(n: int, d: int, generator: torch.Generator, scale: float = 1.0, shift: float = 0.0) -> Tensor:
    x = scale * torch.randn(n, d, dtype=torch.float64, generator=generator)
    x[:, 0] += shift
    return x


def half(n: int, d: int, generator: torch.Generator) -> Tensor:
    """Without what lies on one side of the first axis: missing modes."""
    x = normal(n, d, generator)
    return torch.cat([x[:, :1].abs(), x[:, 1:]], 1)


def few(n: int, d: int, generator: torch.Generator) -> Tensor:
    """Around twenty points only: a partial collapse."""
    points = normal(20, d, torch.Generator().manual_seed(99))
    return points[torch.randint(20, (n,), generator=generator)] + 0.1 * normal(n, d, generator)


LAWS: dict[str, Law] = {
    "as real": normal,
    "shifted by 1.5": partial(normal, shift=1.5),
    "shrunk to 0.7": partial(normal, scale=0.7),
    "one half missing": half,
    "twenty points": few,
}
DIMENSIONS = (2, 8, 64)
SIZES = ("300,300", "800,200", "200,800")
"""Numbers of real images and of samples."""
METRICS = ("frechet", "kernel", "precision", "recall", "density", "coverage", "authenticity", "copies", "C_T")
OTHERS = ("frechet at infinity", "classifier score", "KL of classes")


def measured(real: Tensor, held_out: Tensor, made: Tensor) -> Iterator[tuple[str, Estimate]]:
    """Yields every metric of samples, with its name. `held_out` are other real images."""
    yield "frechet", frechet(real, made)
    yield "kernel", kernel_distance(real, made)
    yield from zip(("precision", "recall"), precision_recall(real, made), strict=True)
    yield from zip(("density", "coverage"), density_coverage(real, made), strict=True)
    found = compare_nearness(nearness(real, held_out), nearness(real, made), alpha=0.01)
    yield from zip(("authenticity", "copies", "C_T"), (found.authentic, found.share, found.copying), strict=True)
    if min(len(real), len(made)) >= 4 * real.shape[1]:
        yield "frechet at infinity", frechet_infinity(real, made)
    p = (2 * made[:, :2] @ made.new_tensor([[0.0, 1.0, 2.0], [2.0, 0.0, 1.0]])).softmax(1)
    yield "classifier score", classifier_score(p)
    yield "KL of classes", class_divergence(p)


def held(law: Law, d: int, real_images: int, samples: int, repeats: int) -> dict[str, tuple[float, float, float]]:
    """For each metric: how often the interval holds the mean, its error over the deviation, and the mean."""
    real = normal(real_images, d, torch.Generator().manual_seed(1))
    held_out = normal(real_images // 2, d, torch.Generator().manual_seed(2))
    found: dict[str, list[Estimate]] = {}
    for seed in range(repeats):
        made = law(samples, d, torch.Generator().manual_seed(1000 + seed))
        for name, estimate in measured(real, held_out, made):
            found.setdefault(name, []).append(estimate)
    return {name: summary(torch.tensor(estimates, dtype=torch.float64)) for name, estimates in found.items()}


def summary(estimates: Tensor) -> tuple[float, float, float]:
    value, error, low, high = estimates.unbind(1)
    mean = value.mean()
    rounding = 1e-12
    inside = (low - rounding <= mean) & (mean <= high + rounding)
    ratio = error.square().mean().sqrt() / value.std()
    return inside.double().mean().item(), ratio.item(), mean.item()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=100, help="sets of samples")
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="N,M", help="real images, samples")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    started = time.process_time()
    columns = [*METRICS, *OTHERS]
    print("\n| d | real images | samples | samples are | " + " | ".join(columns) + " |")
    print("|---" * (4 + len(columns)) + "|")
    for d in DIMENSIONS:
        for real_images, samples in (map(int, size.split(",")) for size in chosen.sizes):
            for name, law in LAWS.items():
                found = held(law, d, real_images, samples, chosen.repeats)
                cells = [f"{100 * found[c][0]:.0f} ({found[c][1]:.2f})" if c in found else "" for c in columns]
                print(f"| {d} | {real_images:,} | {samples:,} | {name} | {' | '.join(cells)} |", flush=True)
    print(f"\n{chosen.repeats} sets of samples each, {time.process_time() - started:.0f} CPU-seconds")


if __name__ == "__main__":
    main()
