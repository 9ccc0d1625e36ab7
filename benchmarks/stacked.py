"""Modes of Stacked MNIST among 26,000 samples.

    python benchmarks/stacked.py count lightning_logs/version_0/checkpoints/last.ckpt --root data
    python benchmarks/stacked.py train --seeds 0 1 2 --minutes 8 --wide --root data --folder stacked

The first counts for checkpoints of configs/stacked_mnist.yaml. The second is for a GPU: it measures what an iteration
takes, trains as many as fit into so many minutes a seed, and counts; started again, it goes on. --wide takes networks
of 1.9 M parameters instead of 1.2 M, and batches of 256 instead of 64.

Each channel of a sample is named by the package's MNIST features. Unfiltered, every sample counts for its most likely
triple of digits; filtered, only those of a triple that is more than 90 % sure. The row of real images is made of test
digits. (`gan test` finds as many filtered modes; its KL is from the real images, this one from equal shares.)
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from gan_lightning import GAN
from gan_lightning.core import checkpoint_files
from gan_lightning.data import StackedMNIST
from gan_lightning.data.image_data import scale
from gan_lightning.evaluation.features import Extracted, extractor_for
from gan_lightning.evaluation.metrics import class_divergence, classes_found, kl_floor
from gan_lightning.models.generative import GenerativeModel

SAMPLES, BLOCK = 26_000, 500

CONFIG = Path(__file__).parents[1] / "configs" / "stacked_mnist.yaml"

WIDE = (
    *("--data.batch_size", "256"),
    *("--model.generator.width", "96", "--model.discriminator.width", "96"),
)

WARM_UP, MEASURED = 200, 400
"""Iterations before and while the time of one is measured."""


def fit(iterations: int, *words: str) -> float:
    """Trains as the config says, but for so many iterations; the seconds that took."""
    count = str(iterations)
    started = time.monotonic()
    command = [sys.executable, "-m", "gan_lightning", "fit", "--config", str(CONFIG), "--trainer.max_steps", count]
    subprocess.run([*command, *words], check=True)
    return time.monotonic() - started


def affordable(minutes: float, words: list[str]) -> int:
    """How many iterations fit into so many minutes, rounded down to hundreds."""
    seconds = []
    for iterations in (WARM_UP, WARM_UP + MEASURED):
        with tempfile.TemporaryDirectory() as folder:
            seconds.append(fit(iterations, *words, "--trainer.default_root_dir", folder))
    each = (seconds[1] - seconds[0]) / MEASURED
    return max(100, int((60 * minutes - seconds[0]) / each) // 100 * 100)


def train(arguments: argparse.Namespace) -> list[Path]:
    """Trains every seed; the checkpoints."""
    words = ["--data.root", str(arguments.root), *(WIDE if arguments.wide else ())]
    plan, found = arguments.folder / "iterations.txt", []
    if not plan.exists():
        arguments.folder.mkdir(parents=True, exist_ok=True)
        plan.write_text(str(affordable(arguments.minutes, words)))
    for seed in arguments.seeds:
        folder = arguments.folder / str(seed)
        own = ["--seed", str(seed), "--trainer.default_root_dir", str(folder), "--ckpt_path", "last"]
        fit(int(plan.read_text()), *words, *own)
        found.append(folder / "lightning_logs" / "version_0" / "checkpoints" / "last.ckpt")
    return found


def counted(seen: Extracted, sure: float) -> str:
    """Modes, modes of sure samples, the share of sure ones, and KL(samples || uniform)."""
    probabilities = seen.probabilities
    assert probabilities is not None
    share = (probabilities.max(1).values > sure).double().mean()
    found = f"{classes_found(probabilities)} | {classes_found(probabilities, sure)} | {share:.3f}"
    return f"{found} | {class_divergence(probabilities).value:.4f}"


def table(root: str, paths: list[Path]) -> None:
    data = StackedMNIST(root)
    extractor = extractor_for(data)
    data.prepare_data()
    real, blocks = data.load_test(), torch.arange(SAMPLES).split(BLOCK)
    columns = "modes of 1,000 | filtered | share sure | KL | parameters of G and D | iterations | CPU-s"
    print(f"| | {columns} |\n|" + "---|" * 8)
    seen = Extracted.joined([extractor.extract(scale(real[block][0])) for block in blocks])
    floor = kl_floor(1000, SAMPLES)
    print(f"| real images (floor in expectation {floor:.4f}) | {counted(seen, extractor.confident)} | | | |")
    for path in paths:
        model, content = GenerativeModel.load_from_checkpoint(path), checkpoint_files.read(path)
        assert isinstance(model, GAN)
        seen = Extracted.joined([extractor.extract(model.sample(block.tolist())) for block in blocks])
        size = sum(p.numel() for player in model.players.values() for p in player.network.parameters())
        cpu = content["callbacks"].get("Cost", {}).get("cpu", float("nan"))
        found = counted(seen, extractor.confident)
        print(f"| {path} | {found} | {size:,} | {content['global_step']:,} | {cpu:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "count"])
    parser.add_argument("checkpoints", nargs="*", type=Path, help="to count")
    parser.add_argument("--root", default="data", help="the folder that holds MNIST/raw")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="to train")
    parser.add_argument("--minutes", type=float, default=25.0, help="for each of them")
    parser.add_argument("--wide", action="store_true", help="larger networks and batches, for a GPU")
    parser.add_argument("--folder", type=Path, default=Path("stacked"), help="where runs are kept")
    arguments = parser.parse_args()
    trained = train(arguments) if arguments.what == "train" else []
    table(arguments.root, [*trained, *arguments.checkpoints])


if __name__ == "__main__":
    main()
