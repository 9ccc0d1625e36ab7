"""Large images in tiles: whether their borders can be seen, and how much a tile must see around it. Prints tables.

    gan fit --config colour --data ImagePatches --data.root bsds400/train --data.image_size 64 --data.held_out 0 \
        --model.discriminator null --model.generator_optimization.optimizer.lr 0.0005 \
        --model.generator.width 16 --trainer.max_steps 500
    (the ResNetTranslator: --model.generator.class_path ResNetTranslator --model.generator.input_channels 1
        --model.generator.width 8 --model.generator.blocks 3 --trainer.max_steps 300)
    OMP_NUM_THREADS=1 python benchmarks/tiles.py RUN [RUN ...] --photos bsds400/test

Each run is of a Translator. Photographs are resized to 1500x1000; if the model fills holes, a box of a quarter of the
picture is hidden. The same, made as a whole, is what tiles are compared with.

- difference: the mean absolute difference from it, of 255.
- step: the mean difference of neighbours across a border of tiles, over that of neighbours up to 16 pixels away; the
  largest of all borders. About 1 where no border can be told from its neighbourhood.
- beyond: the share of the gradient of a pixel that lies further away than a margin, of 960x960 pixels, with instance
  normalisation by fixed means and variances; the mean and the largest of some pixels.
"""

import argparse
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_lightning import Translator
from gan_lightning.commands.translate import inputs_of
from gan_lightning.commands.trust import open_checkpoint
from gan_lightning.core.images import to_uint8
from gan_lightning.core.tiles import TILE, Reach, spans, tiled
from gan_lightning.data.own_pixels import OwnPicture
from gan_lightning.networks.whole_statistics import whole_statistics

NEAR = 16
"""Pixels on both sides of a border with which it is compared."""

PROBED, SIDE = 8, 960


class Subject:
    """A translator and the large pictures that it is shown.

    Args:
        path: Of the run, or of its checkpoint.
        photographs: The files.
        size: Width and height that they are resized to.
    """

    def __init__(self, path: str, photographs: list[Path], size: tuple[int, int]) -> None:
        self.name = path
        self.model = Translator.maker_from_checkpoint(open_checkpoint(path)).eval()
        self.factor, self.reach = self.model.degradation.factor, self.model.generator.reach
        self.inputs = [shown(self.model, photograph, size) for photograph in photographs]

    @torch.no_grad()
    def make(self, x: Tensor) -> Tensor:
        return self.model(x)

    def in_tiles(self, x: Tensor, reach: Reach, alike: bool) -> np.ndarray:
        """Returns the pixels (H, W, C) that are made in tiles: normalised alike, or each by itself."""

        def put_through() -> np.ndarray:
            return tiled(self.make, x, self.factor, reach)

        if not alike:
            return put_through()
        with whole_statistics(self.model.average_generator, put_through):
            return put_through()

    def as_whole(self, x: Tensor) -> np.ndarray:
        return to_uint8(self.make(x))[0]


def shown(model: Translator, path: Path, size: tuple[int, int]) -> Tensor:
    """Returns what a model is shown of a photograph, which is as large as this after it."""
    factor = model.degradation.factor
    with Image.open(path) as file:
        picture = file.convert("RGB").resize((size[0] // factor, size[1] // factor), Image.Resampling.BICUBIC)
    pixels = np.asarray(picture)
    alpha = None
    if model.degradation.leaves_out:
        height, width = pixels.shape[:2]
        alpha = np.full((height, width, 1), 255, np.uint8)
        alpha[height // 4 : height // 4 * 3, width // 4 : width // 4 * 3] = 0
    return inputs_of(model, OwnPicture(pixels, alpha))


# ---- borders ------------------------------------------------------------------------------------------------------


def borders(side: int, reach: Reach, factor: int) -> list[int]:
    """Returns where tiles meet along a side of the result."""
    return [span.start * factor for span in spans(side, TILE, reach._replace(overlap=0))[1:]]


def largest_step(pixels: np.ndarray, inputs: Tensor, subject: Subject) -> float:
    found = []
    for axis in (0, 1):
        x = np.moveaxis(pixels.astype(float), axis, 0)
        across = np.abs(np.diff(x, axis=0)).mean((1, 2))  # [i]: between i and i + 1
        for border in borders(inputs.shape[2 + axis], subject.reach, subject.factor):
            around = np.r_[across[border - 1 - NEAR : border - 1], across[border : border + NEAR]]
            found.append(across[border - 1] / around.mean())
    return max(found)


def border_rows(subjects: list[Subject]) -> Iterator[str]:
    """Yields what kinds of tiles do at their borders, as a table."""
    ways = {
        "side by side": (0, False),
        "blended": (None, False),
        "blended, normalised alike": (None, True),
    }
    yield f"\n| step, difference | {' | '.join(ways)} | as a whole: step |\n|{'---|' * (2 + len(ways))}"
    for subject in subjects:
        cells = []
        wholes = [subject.as_whole(x) for x in subject.inputs]
        for overlap, alike in ways.values():
            reach = subject.reach if overlap is None else subject.reach._replace(margin=0, overlap=overlap)
            made = [subject.in_tiles(x, reach, alike) for x in subject.inputs]
            steps = [largest_step(a, x, subject) for a, x in zip(made, subject.inputs, strict=True)]
            cells.append(f"{max(steps):.2f}, {mean_difference(made, wholes):.1f}")
        step = max(largest_step(a, x, subject) for a, x in zip(wholes, subject.inputs, strict=True))
        yield f"| {subject.name} | {' | '.join(cells)} | {step:.2f} |"


def mean_difference(made: list[np.ndarray], wholes: list[np.ndarray]) -> float:
    return float(np.mean([np.abs(a.astype(float) - b).mean() for a, b in zip(made, wholes, strict=True)]))


# ---- margins ------------------------------------------------------------------------------------------------------


def shares_beyond(subject: Subject, margins: list[int]) -> dict[int, list[float]]:
    """Returns, for each margin, the shares of the gradients of some pixels that lie further away."""
    side, draws, found = SIDE // subject.factor, torch.Generator().manual_seed(0), {m: [] for m in margins}
    for whole in subject.inputs:
        x = whole[:, :, :side, :side].clone().requires_grad_()
        places = torch.randint(side // 4, side * 3 // 4, (PROBED, 2), generator=draws).tolist()
        with whole_statistics(subject.model.average_generator, lambda x=x: subject.make(x.detach())):
            made = subject.model.average_generator(x)
            for row, column in places:
                pixel = made[0, :, row * subject.factor, column * subject.factor].sum()
                gradient = torch.autograd.grad(pixel, x, retain_graph=True)[0].abs().sum(1)[0]
                away = torch.maximum(
                    (torch.arange(x.shape[2]) - row).abs()[:, None], (torch.arange(x.shape[3]) - column).abs()
                )
                for margin in margins:
                    found[margin].append(float(gradient[away > margin].sum() / gradient.sum()))
    return found


def margin_rows(subjects: list[Subject], margins: list[int]) -> Iterator[str]:
    """Yields what a margin costs and leaves out, as a table."""
    yield f"\n| | margin | beyond: mean, largest | difference | largest tile | CPU-s of a picture |\n|{'---|' * 6}"
    for subject in subjects:
        shares, wholes = shares_beyond(subject, margins), [subject.as_whole(x) for x in subject.inputs]
        for margin in margins:
            reach, started = subject.reach._replace(margin=margin), time.process_time()
            made = [subject.in_tiles(x, reach, alike=True) for x in subject.inputs]
            cost = (time.process_time() - started) / len(made)
            rows, columns = (max(s.high - s.low for s in spans(n, TILE, reach)) for n in subject.inputs[0].shape[2:])
            found = shares[margin]
            yield (
                f"| {subject.name} | {margin} | {np.mean(found):.2%}, {max(found):.2%} | "
                f"{mean_difference(made, wholes):.2f} | {columns}x{rows} | {cost:.1f} |"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", help="of Translators: their folders or checkpoints")
    parser.add_argument("--photos", type=Path, default=Path("data/bsds400/test"), help="the folder with photographs")
    parser.add_argument("--count", type=int, default=3, help="how many of them")
    parser.add_argument("--size", type=int, nargs=2, default=[1500, 1000], help="width and height that they get")
    parser.add_argument("--margins", type=int, nargs="+", default=[64, 96, 128])
    options = parser.parse_args()
    torch.set_num_threads(1)
    photographs = sorted(options.photos.glob("*.jpg"))[: options.count]
    if not photographs:
        parser.error(f"there are no .jpg files in {options.photos}")
    subjects = [Subject(run, photographs, tuple(options.size)) for run in options.runs]
    for line in border_rows(subjects):
        print(line, flush=True)
    for line in margin_rows(subjects, options.margins):
        print(line, flush=True)
    print(f"\nlargest memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:.0f} MB")


if __name__ == "__main__":
    main()
