"""Translation without pairs where the true answer is known: digits, and negatives of other digits with thick strokes.

    python benchmarks/unpaired.py --root data --folder unpaired --steps 3000 --seed 0

It makes two folders of 5,000 training digits each, no image in both: A as they are, B dilated by a pixel to each side
and inverted. It trains configs/unpaired.yaml with small networks and the term Cycle alone, and then translates the
first 2,000 test digits. Started again, it goes on where it was stopped.

The table says how often the package's MNIST features read a translated digit (without its negative) as what it is, how
often they read the true answer so, how far translations are from true answers, and how much comes back. Distances are
means of absolute differences of pixels in [-1, 1].
"""

import argparse
import subprocess
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from gan_lightning.core import checkpoint_files
from gan_lightning.data import MNIST
from gan_lightning.data.image_data import scale
from gan_lightning.evaluation.features.feature_file import Learnt
from gan_lightning.models.cycle_translator import CycleTranslator
from gan_lightning.networks.feature_files import PINNED

CONFIG = Path(__file__).parents[1] / "configs" / "unpaired.yaml"
ON_A_SIDE, TESTED = 5000, 2000

SMALL = {
    "data.image_size": "28",
    "data.channels": "1",
    "data.batch_size": "8",
    "data.jitter": "0",
    "data.mirror": "false",
    "model.terms": '[{"class_path": "Cycle", "init_args": {"weight": 10.0}}]',
    **{f"model.{side}generator.width": "16" for side in ("", "backward_")},
    **{f"model.{side}generator.blocks": "2" for side in ("", "backward_")},
    **{f"model.{side}discriminator.width": "32" for side in ("", "backward_")},
    **{f"model.{player}_optimization.optimizer.lr": "0.0005" for player in ("generator", "discriminator")},
}


def answer(x: Tensor) -> Tensor:
    """The true translation of digits (N, 1, H, W) from 0 to 1: thicker, and inverted."""
    return 1 - F.max_pool2d(x, 3, 1, 1)


def without_answer(x: Tensor) -> Tensor:
    """Translated digits in [-1, 1], light on dark again."""
    return -x


def digits_in(root: str) -> tuple[Tensor, Tensor, Tensor]:
    """Training digits, test digits (N, 1, 28, 28) from 0 to 1, and the classes of these."""
    data = MNIST(root)
    data.prepare_data()
    train, test = data.load(), data.load_test()
    assert test is not None
    x, y = test[torch.arange(TESTED)]
    return train[torch.arange(2 * ON_A_SIDE)][0] / 255, x / 255, y


def write_sides(folder: Path, digits: Tensor) -> None:
    for name, images in (("a", digits[:ON_A_SIDE]), ("b", answer(digits[ON_A_SIDE:]))):
        if len([*(folder / name).glob("*.png")]) < ON_A_SIDE:
            (folder / name).mkdir(parents=True, exist_ok=True)
            for i, image in enumerate((images * 255).round().byte().numpy()):
                Image.fromarray(image[0]).save(folder / name / f"{i:04}.png")


def trained(options: argparse.Namespace, folder: Path) -> Path:
    """Trains, or goes on with training; the last checkpoint."""
    words = SMALL | {"data.a": f"{folder / 'a'}", "data.b": f"{folder / 'b'}", "seed": f"{options.seed}"}
    words |= {"trainer.max_steps": f"{options.steps}", "ckpt_path": "last"}
    runs = folder / f"seed-{options.seed}"
    words |= {"trainer.default_root_dir": f"{runs}", "grid.every_n_steps": "500"}
    given = [word for key, value in words.items() for word in (f"--{key}", value)]
    subprocess.run([sys.executable, "-m", "gan_lightning", "fit", "--config", str(CONFIG), *given], check=True)
    return max(runs.glob("lightning_logs/version_*/checkpoints/last.ckpt"), key=lambda path: path.stat().st_mtime)


def shares(x: Tensor, y: Tensor) -> float:
    """How many of the digits in [-1, 1] are read as what they are, in percent."""
    read = [Learnt(PINNED["MNIST"]).extract(some).probabilities for some in x.split(500)]
    return 100 * (torch.cat([some for some in read if some is not None]).argmax(1) == y).double().mean().item()


def in_blocks(model: CycleTranslator, x: Tensor, *directions: str) -> Tensor:
    """Images translated in one direction after another."""
    found = []
    for some in x.split(500):
        for direction in directions:
            some = model(some, direction)  # type: ignore[arg-type]
        found.append(some)
    return torch.cat(found)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data")
    parser.add_argument("--folder", type=Path, default=Path("unpaired"))
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    train, test, y = digits_in(options.root)
    write_sides(options.folder, train)
    path = trained(options, options.folder)
    seconds = checkpoint_files.read(path)["callbacks"]["Cost"]["cpu"]
    model = CycleTranslator.load_from_checkpoint(path).eval()
    a, b = (scale((x * 255).round().byte()) for x in (test, answer(test)))
    there, back = in_blocks(model, a, "a_to_b"), in_blocks(model, b, "b_to_a")
    cycles = [in_blocks(model, a, "a_to_b", "b_to_a"), in_blocks(model, b, "b_to_a", "a_to_b")]
    print(f"{options.steps:,} iterations, seed {options.seed}, {seconds:,.0f} CPU-seconds, {TESTED:,} test digits\n")
    print("| direction | read as what it is | the true answer is | distance from it | distance there and back |")
    print("|---|---|---|---|---|")
    rows = (("A to B", without_answer(there), without_answer(b), there - b, cycles[0] - a),
            ("B to A", back, a, back - a, cycles[1] - b))  # fmt: skip
    for name, made, truth, distance, cycle in rows:
        print(f"| {name} | {shares(made, y):.1f} % | {shares(truth, y):.1f} % | {distance.abs().mean():.3f} | "
              f"{cycle.abs().mean():.3f} |")  # fmt: skip


if __name__ == "__main__":
    main()
