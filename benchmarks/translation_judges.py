"""Image to image: how results of recipes are judged. `benchmarks/translation.py` trains them and prints the tables."""

import argparse
import statistics
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from gan_lightning import Translator
from gan_lightning.core.images import labelled_tiles, save, to_uint8
from gan_lightning.core.resampling import bicubic
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.data import MNIST, ImageFolder
from gan_lightning.degradations.grey import luminance
from gan_lightning.evaluation.features import Extractor, extractor_for
from gan_lightning.evaluation.features.feature_file import Learnt
from gan_lightning.evaluation.metrics import frechet
from gan_lightning.evaluation.translation import colourfulness_index, compared_pixels, pixel_scores
from gan_lightning.networks.feature_files import PINNED

JUDGES = ["EfficientNetLite0", "Colour"]
"""The feature networks that compare; --judges takes others. What is in a loss is no judge of it."""
TOGETHER = 50


@cache
def judge(name: str) -> Extractor:
    return extractor_for(None, name)  # type: ignore[arg-type]


@torch.no_grad()
def features(name: str, x: Tensor) -> Tensor:
    return torch.cat([judge(name).extract(part).features for part in x.split(200)]).double()


@torch.no_grad()
def made_by(model: Translator, inputs: Tensor) -> Tensor:
    """Returns what a translator makes of inputs, as image files hold it."""
    return in_bytes(torch.cat([model(part) for part in inputs.split(TOGETHER)]))


def in_bytes(x: Tensor) -> Tensor:
    return (x.clamp(-1, 1) * 127.5 + 127.5).round() / 127.5 - 1


def paired_distance(made: Tensor, true: Tensor) -> float:
    """Returns the mean distance of features from the true ones, where two different true images are about 1 apart."""
    return float((made - true).square().sum(1).div(2 * true.var(0).sum()).sqrt().mean())


def by_judges(x: Tensor) -> dict[str, Tensor]:
    """Returns the features of images by each judge."""
    return {name: features(name, x) for name in JUDGES}


def by_features(made: Tensor, true: dict[str, Tensor]) -> dict[str, float]:
    """Returns distances by all judges: of each image from the true one, of which features are given, and of all."""
    seen = by_judges(made)
    distances = {f"features {name}": paired_distance(seen[name], true[name]) for name in JUDGES}
    return distances | {f"Frechet {name}": frechet(true[name], seen[name]).value for name in JUDGES}


def mean_scores(made: Tensor, x: Tensor, grey: bool = False, border: int = 0) -> dict[str, float]:
    """Returns the mean PSNR and SSIM."""
    found = [
        pixel_scores(*(compared_pixels(one, grey, border) for one in (a[None], b[None])))
        for a, b in zip(made, x, strict=True)
    ]
    return {key: float(torch.cat([one[key] for one in found]).mean()) for key in found[0]}


# ---- super-resolution ---------------------------------------------------------------------------------------------


def photographs(options: argparse.Namespace) -> list[Tensor]:
    """Returns the test photographs (1, 3, H, W), cut so that height and width are multiples of four."""
    from torchvision.io import ImageReadMode, decode_image

    found = []
    for path in sorted(Path(options.photos, "test").glob("*.jpg"))[: options.test_photos]:
        x = decode_image(str(path), ImageReadMode.RGB)[None].float() / 127.5 - 1
        found.append(x[:, :, : x.shape[2] // 4 * 4, : x.shape[3] // 4 * 4])
    return found


def patches(images: list[Tensor], side: int = 64, step: int = 32) -> Tensor:
    """Returns patches (N, 3, side, side) of photographs."""
    cut = [x.unfold(2, side, step).unfold(3, side, step).permute(0, 2, 3, 1, 4, 5).flatten(0, 2) for x in images]
    return torch.cat(cut)


def judge_super_resolution(
    options: argparse.Namespace, models: dict[str, Translator], seed: int
) -> dict[str, dict[str, float]]:
    truth = photographs(options)
    inputs = [in_bytes(bicubic(x, x.shape[2] // 4, x.shape[3] // 4)) for x in truth]
    made = {name: [made_by(model, one) for one in inputs] for name, model in models.items()}
    made["bicubic"] = [in_bytes(bicubic(one, 4 * one.shape[2], 4 * one.shape[3])) for one in inputs]
    real, found = patches(truth), {}
    true = by_judges(real)
    for name, images in made.items():
        scores = [mean_scores(a, b, grey=True, border=4) for a, b in zip(images, truth, strict=True)]
        means = {key: statistics.mean(one[key] for one in scores) for key in scores[0]}
        found[name] = means | by_features(patches(images), true) | {"n": len(truth), "patches": len(real)}
    return found


# ---- holes --------------------------------------------------------------------------------------------------------


def small_images(options: argparse.Namespace) -> Tensor:
    """Returns test images (N, 3, 32, 32) of CIFAR-10, some of each class."""
    data = ImageFolder(options.cifar10[1], image_size=32)
    data.setup("fit")
    order = torch.randperm(len(data.source), generator=torch.Generator().manual_seed(0))[: options.test_images]  # type: ignore[arg-type]
    pixels, labels = data.source[order]  # type: ignore[index]
    options.labels = labels
    return pixels.float() / 127.5 - 1


def at_borders(x: Tensor, missing: Tensor) -> Tensor:
    """Returns the absolute differences of neighbouring pixels of which one is missing and one is not."""
    found = []
    for axis in (2, 3):
        edge = (missing.diff(dim=axis) != 0).expand(-1, x.shape[1], -1, -1)
        found.append(x.diff(dim=axis).abs()[edge])
    return torch.cat(found)


def biharmonic(x: Tensor, missing: Tensor) -> Tensor:
    """Returns images (N, C, H, W) whose holes (N, 1, H, W) scikit-image has filled."""
    from skimage.restoration import inpaint_biharmonic  # pyright: ignore[reportMissingImports]

    filled = [
        inpaint_biharmonic((a / 2 + 0.5).double().numpy(), b[0].numpy() > 0, channel_axis=0)
        for a, b in zip(x, missing, strict=True)
    ]
    return in_bytes(torch.stack([torch.from_numpy(one).float() * 2 - 1 for one in filled]))


def judge_holes(options: argparse.Namespace, models: dict[str, Translator], seed: int) -> dict[str, dict[str, float]]:
    x = small_images(options)
    degradation = next(iter(models.values())).degradation
    inputs = degradation(x, *numbered_draws(seed))
    missing = inputs[:, -1:]
    made = {name: made_by(model, inputs) for name, model in models.items()}
    made |= {"biharmonic": biharmonic(x, missing), "mean colour": in_bytes(degradation.shown(inputs, 3)), "truth": x}
    real, true, found = at_borders(x, missing).mean(), by_judges(x), {}
    for name, images in made.items():
        inside = missing.expand_as(x) > 0
        error = {"error": float((images - x)[inside].square().mean())}
        seam = {"seam": float(at_borders(images, missing).mean() / real)}
        found[name] = error | seam | (by_features(images, true) if name != "truth" else {}) | {"n": len(x)}
    return found


def digits(options: argparse.Namespace) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """Returns images uint8 and labels: of training, and of tests."""
    data = MNIST(root=options.mnist)
    data.setup("fit")
    train, test = data.load(), data.load_test()
    return train.tensors, test.tensors  # type: ignore[union-attr,attr-defined,return-value]


def judge_digits(options: argparse.Namespace, models: dict[str, Translator], seed: int) -> dict[str, dict[str, float]]:
    from editing import trained_reader

    (train, train_labels), (test, labels) = digits(options)
    x, labels = test[: options.test_images].float() / 127.5 - 1, labels[: options.test_images]
    reader, found = Learnt(PINNED["MNIST"]), {}
    halves = {"top": (slice(0, 14), slice(None)), "bottom": (slice(14, 28), slice(None)),
              "left": (slice(None), slice(0, 14)), "right": (slice(None), slice(14, 28))}  # fmt: skip
    for half, (rows, columns) in halves.items():
        missing = torch.zeros(1, 1, 28, 28)
        missing[:, :, rows, columns] = 1
        hole = missing[0, 0] > 0
        inputs = torch.cat([x * (1 - missing), missing.expand(len(x), -1, -1, -1)], 1)
        visible = trained_reader(train, train_labels, hole, 2, seed)
        with torch.no_grad():
            seen = visible(x.masked_fill(hole, 0)).argmax(1)
        found[f"{half}: a classifier of what is visible"] = {"read": float((seen == labels).float().mean())}
        made = {name: made_by(model, inputs) for name, model in models.items()}
        made["biharmonic"] = biharmonic(x, missing.expand(len(x), -1, -1, -1))
        for name, images in made.items():
            read = torch.cat([reader.extract(part).probabilities.argmax(1) for part in images.split(500)])  # type: ignore[union-attr]
            a, b = (torch.cat([reader.extract(part).features for part in one.split(500)]) for one in (images, x))
            error = float((images - x)[:, :, hole].square().mean())
            found[f"{half}: {name}"] = {
                "read": float((read == labels).float().mean()), "error": error, "n": len(x),
                "features MNIST": float((a - b).square().sum(1).div(2 * b.var(0).sum()).sqrt().mean()),
                "Frechet MNIST": frechet(b.double(), a.double()).value,
            }  # fmt: skip
    return found


# ---- colour -------------------------------------------------------------------------------------------------------


def judge_colour(options: argparse.Namespace, models: dict[str, Translator], seed: int) -> dict[str, dict[str, float]]:
    x = small_images(options)
    inputs, reader = luminance(x), Learnt(PINNED["Colour"])
    made = {name: made_by(model, inputs) for name, model in models.items()}
    made |= {"grey": inputs.expand(-1, 3, -1, -1), "truth": x}
    true, found = by_judges(x), {}
    for name, images in made.items():
        read = torch.cat([reader.extract(part).probabilities.argmax(1) for part in images.split(500)])  # type: ignore[union-attr]
        found[name] = {
            "colourfulness": float(colourfulness_index(images).mean()),
            "read": float((read == options.labels).float().mean()),
            **(mean_scores(images, x) | by_features(images, true) if name != "truth" else {}), "n": len(x),
        }  # fmt: skip
    return found


# ---- drawings -----------------------------------------------------------------------------------------------------


EMOJI = {"image_size": 64, "held_out": 0.1, "batch_size": 16}
"""Options of the data: those held out are judged."""

IN_PICTURE = 12
"""Emoji in the picture."""

ALIKE = 0.7
"""The overlap of lines from which a drawing is one that was trained on, such as a hand with another colour of skin."""


def judge_emoji(options: argparse.Namespace, models: dict[str, Translator], seed: int) -> dict[str, dict[str, float]]:
    data, degradation = ImageFolder(options.emoji, **EMOJI), next(iter(models.values())).degradation
    data.setup("fit")
    assert data.source is not None
    assert data.left_out is not None
    blocks = torch.arange(len(data.source)).split(400)  # type: ignore[arg-type]
    known = torch.cat([degradation(data.as_floats(data.source[one][0]), *numbered_draws(seed)) for one in blocks])
    x = data.as_floats(data.left_out[torch.arange(min(options.test_images, len(data.left_out)))][0])  # type: ignore[arg-type]
    inputs = degradation(x, *numbered_draws(seed))
    new = overlap(inputs, known) < ALIKE
    made = {"edges": degradation.shown(inputs, 3)}
    made |= {name: made_by(model, inputs) for name, model in models.items()} | {"truth": x}
    pictured = {name: images[new][:: max(1, int(new.sum()) // IN_PICTURE)] for name, images in made.items()}
    save_rows(pictured, options.results.with_name(f"{options.results.stem}_emoji_{seed}.png"))
    true, found = by_judges(x), {}
    for name, images in made.items():
        found[name] = {"colourfulness": float(colourfulness_index(images).mean()), "n": len(x)}
        if name != "truth":
            found[name] |= mean_scores(images, x) | by_features(images, true)
            distances = by_features(images[new], {one: of[new] for one, of in true.items()})
            found[f"{name}: new drawings"] = mean_scores(images[new], x[new]) | distances | {"n": int(new.sum())}
    return found


def overlap(drawings: Tensor, known: Tensor) -> Tensor:
    """Returns the largest overlap of each drawing (N, 1, H, W) with a known one: 2 |A and B| / (|A| + |B|) of lines."""
    a, b = ((x < 0).flatten(1).float() for x in (drawings, known))
    return (2 * (a @ b.T) / (a.sum(1, keepdim=True) + b.sum(1)).clamp(min=1)).amax(1)


def save_rows(made: dict[str, Tensor], path: Path) -> None:
    """Draws the first images, each in the ways it was made, side by side, and two images in a row."""
    chosen = torch.stack([images[:IN_PICTURE] for images in made.values()], 1)
    save(labelled_tiles(to_uint8(chosen.flatten(0, 1)), [*made] * len(chosen), 2 * len(made)), path)
