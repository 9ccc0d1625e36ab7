"""How surely copies among samples are found: the power of `metrics.memorisation` on MNIST, with planted copies.

    python benchmarks/memorisation.py --root data
    python benchmarks/memorisation.py --root data --moved --by network
    python benchmarks/memorisation.py --moved --photographs cifar10-train

Samples are real images that were not trained on, in place of a perfect generator's, among which a share are copies of
training images: exact, with Gaussian noise of several strengths in the pixels, or shifted by one pixel. A detection is
p < 0.01. Every repeat draws the copies, the other samples and the held-out images anew. Prints Markdown tables, as in
docs/results/memorisation.md.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torchvision
from torch import Tensor
from torch.utils.data import TensorDataset

from gan_lightning.data import MNIST
from gan_lightning.data.identity import identify, in_order
from gan_lightning.data.image_data import scale
from gan_lightning.evaluation.features import extractor_for
from gan_lightning.evaluation.metrics.memorisation import (
    Memorisation,
    Nearness,
    compare_nearness,
    nearness,
    nearness_of_versions,
)
from gan_lightning.evaluation.versions import moved_by, versions

COMPONENTS = 64


def components(images: Tensor) -> Tensor:
    """What images (N, 1, 28, 28) in [-1, 1] are compared by, (N, d): principal components of the training images."""
    mean, axes = principal
    return images.flatten(1).double().sub(mean) @ axes


principal: tuple[Tensor, Tensor]
"""The mean (784,) and the first axes (784, d) of the training images."""


def principal_of(images: Tensor) -> tuple[Tensor, Tensor]:
    x = images.flatten(1).double()
    _, vectors = torch.linalg.eigh(torch.cov(x.T))  # the largest values last
    return x.mean(0), vectors[:, -COMPONENTS:]


def pixels(images: Tensor) -> Tensor:
    return images.flatten(1).double()


def network(images: Tensor) -> Tensor:
    """What the package's feature network of MNIST sees."""
    seen = extractor_for(MNIST())
    return torch.cat([seen.extract(block).features for block in images.split(500)]).double()


LOOKS = {"components": components, "pixels": pixels, "network": network}


# ---- what is planted ----------------------------------------------------------------------------------------------


def noisy(sigma: float) -> Callable[[Tensor, torch.Generator], Tensor]:
    """Gaussian noise of this deviation, pixels in [-1, 1], clipped."""
    return lambda x, generator: (x + sigma * torch.randn(x.shape, generator=generator)).clamp(-1, 1)


def moved(x: Tensor, generator: torch.Generator) -> Tensor:
    """By one pixel up, down, left or right; the edges of digits are empty."""
    ways = torch.tensor([(1, 2), (-1, 2), (1, 3), (-1, 3)])[torch.randint(4, (len(x),), generator=generator)]
    return torch.cat([image[None].roll(int(by), int(axis)) for image, (by, axis) in zip(x, ways, strict=True)])


CHANGES: dict[str, Callable[[Tensor, torch.Generator], Tensor]] = {
    "exact": lambda x, _: x,
    "noise .05": noisy(0.05),
    "noise .1": noisy(0.1),
    "noise .2": noisy(0.2),
    "noise .4": noisy(0.4),
    "one pixel off": moved,
}
SHARES = (0.01, 0.05, 0.2, 1.0)
SIZES = (100, 500, 2000)
BANK = 2000
"""Copies of each kind, of different training images, from which repeats draw."""
TRAINED_ON = 50_000


# ---- the measurement ----------------------------------------------------------------------------------------------


def some(of: Nearness, which: Tensor) -> Nearness:
    return Nearness(*(values[which] for values in of))


def together(one: Nearness, other: Nearness) -> Nearness:
    return Nearness(*(torch.cat(pair) for pair in zip(one, other, strict=True)))


def split(real: Nearness, size: int, generator: torch.Generator) -> tuple[Nearness, Nearness]:
    """Real images that were not trained on: half are held out, and of the others there are this many samples."""
    order = torch.randperm(len(real.ratio), generator=generator)
    half = len(order) // 2
    return some(real, order[:half]), some(real, order[half : half + size])


def repeats_of(
    real: Nearness, copies: Nearness, size: int, share: float, repeats: int
) -> Iterator[tuple[Memorisation, int]]:
    """Reports, the copies first among the samples, and how many copies there are."""
    planted = round(share * size)
    for seed in range(repeats):
        generator = torch.Generator().manual_seed(seed)
        held_out, others = split(real, size - planted, generator)
        chosen = some(copies, torch.randperm(BANK, generator=generator)[:planted])
        yield compare_nearness(held_out, together(chosen, others)), planted


def rate(hits: list[bool]) -> str:
    return f"{sum(hits) / len(hits):.3f}"


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def rows(real: Nearness, kinds: dict[str, Nearness], repeats: int) -> Iterator[str]:
    yield (
        "| planted | copies called, % | others called, % | "
        + " | ".join(f"n = {size:,}: {what}" for size in SIZES for what in ("detected", "C_T < -3"))
        + " |"
    )
    yield "|---" * (3 + 2 * len(SIZES)) + "|"
    for name, copies in [("none", kinds["exact"]), *kinds.items()]:
        for share in SHARES if name != "none" else (0.0,):
            cells, called, wrong = [], [], []
            for size in SIZES:
                reports = [*repeats_of(real, copies, size, share, repeats)]
                cells += [
                    rate([r.p_value < 0.01 for r, _ in reports]),
                    rate([r.copying.value < -3 for r, _ in reports]),
                ]
                if size == SIZES[-1]:
                    called = [r.copies[:k].double().mean().item() for r, k in reports if k]
                    wrong = [r.copies[k:].double().mean().item() for r, k in reports if k < size]
            title = "none" if name == "none" else f"{name}, {100 * share:.0f} %"
            shown = [f"{100 * mean(values):.2f}" if values else "" for values in (called, wrong)]
            yield f"| {title} | {' | '.join(shown + cells)} |"


def strangers(held_out: Nearness, others: Nearness, repeats: int) -> str:
    """How often there is an alarm without any copy where held-out images are of other writers than the samples."""
    cells = []
    for size in SIZES:
        reports = []
        for seed in range(repeats):
            order = torch.randperm(len(others.ratio), generator=torch.Generator().manual_seed(seed))
            reports.append(compare_nearness(held_out, some(others, order[:size])))
        alarms = rate([r.p_value < 0.01 for r in reports])
        cells.append(f"n = {size:,}: {alarms} (C_T {mean([r.copying.value for r in reports]):.1f} on average)")
    return "; ".join(cells)


# ---- mirrored and shifted copies ----------------------------------------------------------------------------------


MOVES: dict[str, Callable[[Tensor], Tensor]] = {
    "exact": lambda x: x,
    "mirrored": lambda x: x.flip(3),
    "1 pixel to a side": lambda x: moved_by(x, 0, 1),
    "2 pixels up": lambda x: moved_by(x, -2, 0),
    "1 pixel along a diagonal": lambda x: moved_by(x, 1, 1),
    "mirrored and 1 pixel to a side": lambda x: moved_by(x.flip(3), 0, 1),
}
MOVED_TRAINING, MOVED_HELD_OUT, MOVED_SAMPLES, MOVED_COPIES = 10_000, 2000, 1000, 100


def of_versions(images: Tensor, look: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.stack([look(version) for version in versions(images).unbind(1)], dim=1)


def moved_rows(images: Tensor, look: Callable[[Tensor], Tensor]) -> Iterator[str]:
    """How many of planted copies, 10 % of the samples, are called copies: of images as they are, and of versions."""
    train, held_out, others = images.split([MOVED_TRAINING, MOVED_HELD_OUT, MOVED_SAMPLES])
    known = look(train)
    plain = [nearness(known, look(x)) for x in (held_out, others)]
    best = [nearness_of_versions(known, of_versions(x, look)) for x in (held_out, others)]
    yield "| planted | copies called, % | others called, % | p | of versions: copies called, % | others called, % | p |"
    yield "|---|---|---|---|---|---|---|"
    for name, move in MOVES.items():
        copies, cells = move(train[:MOVED_COPIES]), []
        seen = nearness(known, look(copies)), nearness_of_versions(known, of_versions(copies, look))
        for (fresh, real), near in zip((plain, best), seen, strict=True):
            rest = some(real, torch.arange(MOVED_COPIES, MOVED_SAMPLES))
            found = compare_nearness(fresh, together(near, rest))
            shares = [found.copies[:MOVED_COPIES], found.copies[MOVED_COPIES:]]
            cells += [*(f"{100 * share.double().mean().item():.1f}" for share in shares), f"{found.p_value:.2g}"]
        yield f"| {name} | {' | '.join(cells)} |"
    alarms = [compare_nearness(fresh, real) for fresh, real in (plain, best)]
    cells = [cell for a in alarms for cell in ("", f"{100 * a.share.value:.1f}", f"{a.p_value:.2g}")]
    yield f"| none | {' | '.join(cells)} |"


def photographs(folder: str) -> Tensor:
    """The first images of a folder of 32x32 pictures, in a fixed random order, (N, 3, 32, 32) in [-1, 1]."""
    paths = sorted(Path(folder).rglob("*.jpg"))
    order = torch.randperm(len(paths), generator=torch.Generator().manual_seed(0)).tolist()
    chosen = [paths[i] for i in order[: MOVED_TRAINING + MOVED_HELD_OUT + MOVED_SAMPLES]]
    return scale(torch.stack([torchvision.io.decode_image(str(path)) for path in chosen]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", default="data", help="the folder that holds MNIST/raw")
    parser.add_argument("--repeats", type=int, default=200)
    parser.add_argument("--by", choices=[*LOOKS], default="components", help="what images are compared by")
    parser.add_argument("--moved", action="store_true", help="plant mirrored and shifted copies instead")
    parser.add_argument("--photographs", help="a folder of 32x32 JPEG pictures in place of MNIST, with --moved")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    started = time.process_time()
    if chosen.photographs:
        print("\n".join(moved_rows(photographs(chosen.photographs), pixels)))
        print(f"\n{time.process_time() - started:.0f} CPU-seconds")
        return

    files = [torchvision.datasets.MNIST(chosen.root, train=train).data.unsqueeze(1) for train in (True, False)]
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(len(files[0]), generator=generator)
    if chosen.by == "network":  # which has learnt the first of these
        order = in_order(identify(TensorDataset(files[0]))).flip(0)
    written, strange = files[0][order], files[1]
    if chosen.moved:
        unlearnt = scale(written[TRAINED_ON - MOVED_TRAINING :])
        print("\n".join(moved_rows(unlearnt[: MOVED_TRAINING + MOVED_HELD_OUT + MOVED_SAMPLES], LOOKS[chosen.by])))
        print(f"\nby {chosen.by}, {time.process_time() - started:.0f} CPU-seconds")
        return
    train, left = scale(written[:TRAINED_ON]), scale(written[TRAINED_ON:])
    global principal
    principal = principal_of(train)
    look = LOOKS[chosen.by]

    known = look(train)
    bank = train[torch.randperm(len(train), generator=generator)[:BANK]]
    real = nearness(known, look(left))
    kinds = {name: nearness(known, look(change(bank, generator))) for name, change in CHANGES.items()}
    measured = time.process_time() - started
    print(f"by {chosen.by}, {chosen.repeats} repeats, seed 0\n")
    print("\n".join(rows(real, kinds, chosen.repeats)))
    print("\nMedian ratio: " + ", ".join(f"{k} {v.ratio.median():.3f}" for k, v in [("none", real), *kinds.items()]))
    if chosen.by != "pixels":
        other = nearness(known, look(scale(strange)))
        print(f"\nAlarms without copies, other writers held out: {strangers(other, real, chosen.repeats)}")
    print(f"\n{time.process_time() - started:.0f} CPU-seconds, of which {measured:.0f} for the neighbours")


if __name__ == "__main__":
    main()
