"""Perception against distortion: checkpoints of one translator with several weights of the game, as one picture.

    python benchmarks/perception_distortion.py runs/*/checkpoints/last.ckpt --picture tradeoff.png

Near images are not real ones: below some distortion, what is made can only come nearer to the truth by looking less
like real images. Blau and Michaeli, "The perception-distortion tradeoff", 2018. https://arxiv.org/abs/1711.06077

Distortion is PSNR, perception the Fréchet distance from real images, as `gan test` measures them (with `--samples`
images, in --folder). Checkpoints are those of a sweep of model.adversarial_weight; without a discriminator, it is 0.
"""

import argparse
import json
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt

from gan_lightning import cli
from gan_lightning.evaluation.translation_evaluator import TRUTH
from gan_lightning.runs.checkpoint import Checkpoint


class Point(NamedTuple):
    """A translator: its weight of the game, and its scores with half the width of their 95 % intervals."""

    weight: float
    psnr: float
    psnr_margin: float
    frechet: float
    frechet_margin: float


def weight_of(path: str) -> float:
    """The weight of the game in a checkpoint; 0 without a discriminator."""
    arguments = Checkpoint(path).arguments
    return float(arguments["adversarial_weight"]) if arguments.get("discriminator") else 0.0


def point(weight: float, scores: dict[str, Any]) -> Point:
    psnr, frechet = (scores[key] for key in ("PSNR", "frechet"))
    margins = ((score["high"] - score["low"]) / 2 for score in (psnr, frechet))
    return Point(weight, psnr["value"], next(margins), frechet["value"], next(margins))


def drawn(points: list[Point], baseline: tuple[str, Point], floor: float, path: Path) -> None:
    """Writes the picture: distortion grows to the left, and the best is below on the right."""
    figure, axes = plt.subplots(figsize=(6, 4.5))
    _, x, dx, y, dy = zip(*points, strict=True)
    axes.errorbar(x, y, dy, dx, fmt="o-", capsize=2)
    for one in points:
        axes.annotate(f"{one.weight:g}", (one.psnr, one.frechet), textcoords="offset points", xytext=(5, 5))
    name, other = baseline
    axes.plot(other.psnr, other.frechet, "s", color="grey", label=name)
    axes.axhline(floor, color="grey", linestyle=":", label=TRUTH)
    axes.set(xlabel="PSNR (dB)", ylabel="Fréchet distance", title="by the weight of the game", ylim=(0, None))
    axes.legend()
    figure.savefig(path, dpi=150, bbox_inches="tight")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+")
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--extractor", help="as judge.extractor of gan test")
    parser.add_argument("--folder", type=Path, default=Path("perception_distortion"), help="for the report of gan test")
    parser.add_argument("--picture", type=Path, default=Path("perception_distortion.png"))
    options = parser.parse_args()
    judge = ["--judge.samples", str(options.samples), "--judge.folder", str(options.folder)]
    judge += ["--judge.extractor", options.extractor] if options.extractor else []
    cli.main(["test", *options.checkpoints, *judge])

    scores: dict[str, Any] = json.loads((options.folder / "report.json").read_text())["scores"]
    if "frechet" not in scores[TRUTH]:
        raise SystemExit("there are too few images for a Fréchet distance: raise --samples, or give more images")
    names, count = [*scores], len(options.checkpoints)
    weights = map(weight_of, options.checkpoints)
    points = sorted(point(weight, scores[name]) for weight, name in zip(weights, names, strict=False))
    baseline = names[count], point(0.0, scores[names[count]])
    drawn(points, baseline, scores[TRUTH]["frechet"]["value"], options.picture)
    print("\n| weight of the game | PSNR (dB) | Fréchet distance |\n|---|---|---|")
    for weight, psnr, dp, frechet, df in points:
        print(f"| {weight:g} | {psnr:.2f} ± {dp:.2g} | {frechet:.2f} ± {df:.2g} |")
    print(f"| {baseline[0]} | {baseline[1].psnr:.2f} | {baseline[1].frechet:.2f} |")
    print(f"| {TRUTH} | | {scores[TRUTH]['frechet']['value']:.2f} |\n\nwrote {options.picture}")


if __name__ == "__main__":
    main()
