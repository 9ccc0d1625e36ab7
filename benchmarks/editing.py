"""What `gan invert` and `gan complete` reach, as in docs/results/editing.md. Each part prints rows of a Markdown table.

    python benchmarks/editing.py again --ckpt_path last --n 256
    python benchmarks/editing.py real --ckpt_path last --data MNIST --root data --n 200
    python benchmarks/editing.py complete --ckpt_path last --root data --n 500 --holes left right top bottom random

`again` finds samples again that are given as 8-bit images. `real` finds test images, beside the nearest training image
and the principal components of the training images, as many as the latent has coordinates. `complete` completes test
images of MNIST; it needs scikit-image. Test images of CIFAR-10 are read from a folder (--data ImageFolder with --root
and --test_root).
"""

import argparse
import time
from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.data import MNIST, ImageFolder
from gan_lightning.editing.inversion import Inverted, psnr
from gan_lightning.editing.masks import hole
from gan_lightning.editing.matches import Features
from gan_lightning.editing.tuning import tune
from gan_lightning.editing.walk import images_from
from gan_lightning.evaluation.features import EfficientNetLite0, Learnt
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.networks.feature_files import PINNED
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.locate import find_checkpoint

BATCH = 50


def in_bytes(x: Tensor) -> Tensor:
    """Images as a file would hold them."""
    return ((x + 1) * 127.5).round() / 127.5 - 1


def again(model: GenerativeModel, options: argparse.Namespace) -> None:
    """Samples found again."""
    images, begun = in_bytes(model.sample(range(options.n))), time.process_time()
    found = [model.invert(part, starts=options.starts, seed=options.seed).psnr for part in images.split(BATCH)]
    quality, seconds = torch.cat(found), (time.process_time() - begun) / options.n
    share = float((quality >= 35).float().mean())
    print(f"| {options.n} | {options.starts} | {share:.1%} | {quality.median():.1f} | {quality.min():.1f} "
          f"| {seconds:.2f} |", flush=True)  # fmt: skip


def tensors(options: argparse.Namespace, test: bool) -> tuple[Tensor, Tensor]:
    """Images uint8 and labels, of training or of tests."""
    if options.data == "MNIST":
        data = MNIST(root=options.root)
        data.setup("fit")
        dataset = data.load_test() if test else data.load()
        assert dataset is not None
        return dataset.tensors[0], dataset.tensors[1]  # type: ignore[attr-defined]
    side = options.side
    folder = ImageFolder(root=options.test_root if test else options.root, image_size=side)
    folder.setup("fit")
    assert folder.source is not None
    return folder.source[torch.arange(len(folder.source))]  # pyright: ignore[reportArgumentType]


def scaled(pixels: Tensor) -> Tensor:
    return pixels.float() / 127.5 - 1


def chosen(options: argparse.Namespace) -> tuple[Tensor, Tensor]:
    """The test images, drawn by the seed."""
    x, y = tensors(options, test=True)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(options.seed))[: options.n]
    return scaled(x[order]), y[order]


def nearest(train: Tensor, x: Tensor, weights: Tensor) -> Tensor:
    """The training image (uint8) nearest to each image in the pixels that count."""
    w, flat = weights.flatten(), x.flatten(1)
    parts = []
    for part in train.split(5000):
        other = scaled(part).flatten(1)
        parts.append((w * other.square()).sum(1) - 2 * (flat * w) @ other.T)
    return scaled(train[torch.cat(parts, 1).argmin(1)])


def components(train: Tensor, x: Tensor, count: int) -> Tensor:
    """Images from as many principal components of (10,000) training images."""
    known = scaled(train[:10_000]).flatten(1)
    mean = known.mean(0)
    axes = torch.linalg.svd(known - mean, full_matrices=False).Vh[:count]
    return ((x.flatten(1) - mean) @ axes.T @ axes + mean).view_as(x).clamp(-1, 1)


def real(model: GenerativeModel, options: argparse.Namespace) -> None:
    """Test images found, beside the floors."""
    x, _ = chosen(options)
    train, begun = tensors(options, test=False)[0], time.process_time()
    latent_dim = model.generator.latent_dim
    search = {"noise": options.noise or 0.03, "starts": options.starts, "seed": options.seed}
    found = [model.invert(part, **search) for part in x.split(BATCH)]
    seconds = {"found": (time.process_time() - begun) / len(x)}
    rows = {"found": torch.cat([each.images for each in found])}
    if options.tune:
        begun, name = time.process_time(), f"found, the generator tuned to it in {options.tune} steps"
        rows[name] = torch.cat([tuned_to(model, x, found, i, options) for i in range(len(x))])
        seconds[name] = seconds["found"] + (time.process_time() - begun) / len(x)
    rows |= {
        "nearest training image": nearest(train, x, torch.ones_like(x[0])),
        f"{latent_dim} principal components": components(train, x, latent_dim),
    }
    judges = [Features(network, x, name) for name, network in networks(options).items()]
    print(f"| | mean PSNR (dB) | {' | '.join(judge.name for judge in judges)} | CPU-seconds an image |")
    for name, made in rows.items():
        pairs = [*zip(x.split(BATCH), made.split(BATCH), strict=True)]
        distances = [float(torch.cat([judge.distance(a, b) for a, b in pairs]).mean()) for judge in judges]
        words = [f"{float(psnr(made, x).mean()):.2f}", *(f"{distance:.3f}" for distance in distances)]
        print(f"| {name} | {' | '.join(words)} | {f'{seconds[name]:.2f}' if name in seconds else ''} |", flush=True)


def networks(options: argparse.Namespace) -> dict[str, Callable[[Tensor], Tensor]]:
    """The networks whose features are compared."""
    if options.data == "MNIST":
        return {name: Learnt(PINNED[name]).network for name in ("MNIST", "SecondMNIST")}
    return {"EfficientNetLite0": EfficientNetLite0().smooth, "Colour": Learnt(PINNED["Colour"]).network}


def tuned_to(model: GenerativeModel, x: Tensor, found: list[Inverted], i: int, options: argparse.Namespace) -> Tensor:
    """What a generator makes that is tuned to one of the images."""
    part, row = found[i // BATCH], slice(i % BATCH, i % BATCH + 1)
    z, y = part.z[row], None if part.y is None else part.y[row]
    tuned = tune(model.average_generator.network, z, y, x[i : i + 1], options.tune, options.seed)
    return images_from(tuned, z, y).detach()


class Reader(nn.Sequential):
    """Reads digits from the part that is visible."""

    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(1, 24, 3, 2, 1), nn.ReLU(), nn.BatchNorm2d(24),
            nn.Conv2d(24, 48, 3, 2, 1), nn.ReLU(), nn.BatchNorm2d(48),
            nn.Flatten(), nn.Linear(48 * 49, 128), nn.ReLU(), nn.Dropout(0.3), nn.Linear(128, 10),
        )  # fmt: skip


def trained_reader(x: Tensor, y: Tensor, mask: Tensor, epochs: int, seed: int) -> Reader:
    """A reader of the visible part of training images (uint8)."""
    torch.manual_seed(seed)
    reader = Reader()
    optimizer = torch.optim.Adam(reader.parameters(), lr=2e-3, fused=True)
    steps = epochs * (len(x) // 128)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 1 - step / steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(128)[: len(x) // 128]:
            loss = F.cross_entropy(reader(scaled(x[rows]).masked_fill(mask, 0)), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return reader.eval()


def calibration_error(confidence: Tensor, right: Tensor, bins: int = 10) -> float:
    """sum_b n_b / n |mean confidence - mean right| over bins of equal width.

    Naeini et al., "Obtaining well calibrated probabilities using Bayesian binning", 2015.
    """
    number = (confidence * bins).long().clamp(max=bins - 1)
    total = 0.0
    for b in range(bins):
        inside = number == b
        if inside.any():
            total += float(inside.float().mean() * (confidence[inside].mean() - right[inside].mean()).abs())
    return total


@cache
def judge() -> Learnt:
    """The classifier that reads completions; it takes no part in completing."""
    return Learnt(PINNED["MNIST"])


def complete(model: GenerativeModel, options: argparse.Namespace) -> None:
    """Test images completed, hole by hole."""
    from skimage.restoration import inpaint_biharmonic  # pyright: ignore[reportMissingImports]

    x, y = chosen(options)
    train, labels = tensors(options, test=False)
    for name in options.holes:
        mask = hole(name, *x.shape[2:])
        reader = trained_reader(train, labels, mask, options.epochs, options.seed)
        with torch.no_grad():
            seen = reader(x.masked_fill(mask, 0)).softmax(1)
        begun = time.process_time()
        search = {
            "noise": options.noise or 0.5,
            "starts": options.starts,
            "count": options.count + 1,
            "seed": options.seed,
            "reader": model.label_reader(mask, options.read_samples, options.seed) if options.read_samples else None,
        }
        made = [model.complete(part, mask, **search) for part in x.split(BATCH)]
        seconds = (time.process_time() - begun) / len(x)
        images = torch.cat([part.images for part in made])
        read = judge().extract(images[:, 0]).probabilities
        draws = judge().extract(images[:, 1:].flatten(0, 1)).probabilities
        assert read is not None
        assert draws is not None
        several = draws.argmax(1).view(len(x), -1)
        sure, top = seen.max(1)
        error = calibration_error(sure, (several == top[:, None]).float().mean(1))
        greys = (x[:, 0].double() + 1) / 2
        inpainted = torch.stack([torch.from_numpy(inpaint_biharmonic(i.numpy(), mask.numpy())) for i in greys])
        others = {"nearest": nearest(train, x, (~mask)[None].float()), "biharmonic": inpainted[:, None] * 2 - 1}
        wrong = {"made": images[:, 0], **others}
        hidden = {key: float((value - x)[:, :, mask].square().mean()) for key, value in wrong.items()}
        spread = float(images[:, 1:][..., mask].std(1).mean())
        cells = [
            name, f"{float((read.argmax(1) == y).float().mean()):.1%}", f"{float((top == y).float().mean()):.1%}",
            *(f"{hidden[key]:.3f}" for key in wrong), f"{spread:.2f}", f"{error:.3f}", f"{seconds:.2f}",
        ]  # fmt: skip
        print("| " + " | ".join(cells) + " |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["again", "real", "complete"])
    parser.add_argument("--ckpt_path", default="last")
    parser.add_argument("--data", choices=["MNIST", "ImageFolder"], default="MNIST")
    parser.add_argument("--root", default="data")
    parser.add_argument("--test_root", default="")
    parser.add_argument("--side", type=int, default=32)
    parser.add_argument("--n", type=int, default=256)
    parser.add_argument("--starts", type=int, default=0, help="0 for 16, and 8 where images are completed")
    parser.add_argument("--noise", type=float, default=None)
    parser.add_argument("--tune", type=int, default=0, help="real: steps in which a generator is tuned to each image")
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--read_samples", type=int, default=0)
    parser.add_argument("--holes", nargs="+", default=["left", "right", "top", "bottom", "random"])
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.starts = options.starts or (8 if options.part == "complete" else 16)
    model = GenerativeModel.sampler_from_checkpoint(Checkpoint(find_checkpoint(options.ckpt_path) or options.ckpt_path))
    parts = {"again": again, "real": real, "complete": complete}
    parts[options.part](model.eval().requires_grad_(False), options)


if __name__ == "__main__":
    main()
