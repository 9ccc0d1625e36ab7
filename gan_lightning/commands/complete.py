"""`gan complete`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from gan_lightning.callbacks.sample_writer import prepare
from gan_lightning.commands.arguments import without_foreign_keys
from gan_lightning.commands.edited import asked_classes, image_sampler, named_pictures, picture_arguments
from gan_lightning.commands.parser import Parser, command_parser, instantiated, parsed
from gan_lightning.commands.trust import add_checkpoint_options, add_tuned_option, import_trusted, open_checkpoint
from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.images import labelled_tiles, picture, save, to_uint8
from gan_lightning.data.class_names import class_names_in
from gan_lightning.editing.completion import Completed
from gan_lightning.editing.label_reader import LabelReader
from gan_lightning.editing.latent_files import Latents, write_latents
from gan_lightning.editing.masks import checked_mask, hole
from gan_lightning.editing.pictures import read_mask
from gan_lightning.models.generative import GenerativeModel

TOGETHER_COMPLETED = 16
"""Pictures that are completed at a time."""

ROWS_SHOWN = 50
"""Of completions.png, one a picture."""

LONGEST_CAPTION = 20
"""Letters of a class's name in it."""

LEAST_READ = 100
"""Samples of each class, below which a network learns nothing worth reading."""

GREY = 0.0
"""What a hole is shown as."""


@dataclass
class Completion:
    """The completions to make, and where to write them.

    Args:
        images: Pictures to complete: files, or folders of them; the words alone on the command line.
        mask: A picture of their size, white where they are missing.
        hole: In place of a mask: left, right, top, bottom, centre, or random (60 % of the pixels).
        labels: For a model with classes: the class of all pictures, by its name or number, or a list with one for each.
            If null, it is inferred.
        count: Completions of each picture: the most likely one, then others.
        noise: Standard deviation of what the model need not explain, where pixels are in [-1, 1]. The larger, the more
            the completions differ, and the less they follow what is known.
        starts: Samples to start from: the nearest of `candidates`.
        candidates: Samples to choose the starts from.
        read_samples: Where the class is inferred, train a small network on so many samples with the same hole to tell
            it, which is right more often: 60000 take 18 CPU-seconds at 28x28. 0 leaves it to what fits best.
        seed: Fixes all draws.
        fit: Resize, crop and convert pictures of another size or kind, as training does.
        folder: The folder for the completions, completions.png and latents.npz.
        overwrite: Write into a folder that already holds files, replacing those of the same name.
        device: cpu, cuda, mps, or auto: a GPU if there is one.
    """

    images: list[str]
    mask: str | None = None
    hole: str | None = None
    labels: int | str | list[int | str] | None = None
    count: int = 8
    noise: float = 0.5
    starts: int = 8
    candidates: int = 2000
    read_samples: int = 0
    seed: int = 0
    fit: bool = False
    folder: str = "completed"
    overwrite: bool = False
    device: str = "auto"


def complete_parser() -> Parser:
    parser = command_parser("complete", "Makes up what is missing in images: what is known stays as it is.")
    add_checkpoint_options(parser)
    add_tuned_option(parser)
    parser.add_class_arguments(Completion)
    return parser


def write_completions(command: str, arguments: Sequence[str]) -> None:
    """Writes completions, a picture with a row for each image, and their latents."""
    parser = complete_parser()
    words = without_foreign_keys(picture_arguments(arguments), parser.options, command)
    import_trusted(words)
    made = instantiated(parser, parsed(parser, words))
    checkpoint = open_checkpoint(made.ckpt_path)
    model, folder = image_sampler(checkpoint, made.device, made.tuned), Path(made.folder)
    images, names = named_pictures(made.images, model, made.fit)
    mask = asked_mask(made.mask, made.hole, model.image_shape, made.seed).to(model.device)
    labels = asked_classes(made.labels, len(images), model, checkpoint)
    checked_mask(mask, images)
    check_reading(made.read_samples, labels, model)
    prepare(folder, made.overwrite, "")
    reader = model.label_reader(mask, made.read_samples, made.seed) if made.read_samples else None
    parts = [completed(model, images, mask, labels, rows, made, reader) for rows in parts_of(len(images))]
    write_images(folder, names, torch.cat([part.images for part in parts]))
    y = None if parts[0].y is None else torch.cat([part.y.flatten() for part in parts if part.y is not None])
    each = [f"{name} {k}" for name in names for k in range(made.count)]
    write_latents(folder / "latents.npz", Latents(torch.cat([part.z.flatten(0, 1) for part in parts]), y, each))
    classes = class_names_in(checkpoint.content, model.generator.classes)
    called = captions(y, len(images), made.count, classes)
    save(overview(images, mask, torch.cat([part.images for part in parts]), called), folder / "completions.png")
    for line in class_lines(names, parts, classes):
        print(line)
    total = len(images) * made.count
    first = "" if len(images) <= ROWS_SHOWN else f" (with the first {ROWS_SHOWN} pictures)"
    all_of_them = f"{total} completion{'s' * (total > 1)}, completions.png{first} and latents.npz"
    print(f"wrote {all_of_them} into {printable(made.folder)}")


def parts_of(count: int) -> tqdm:
    """Returns the numbers of pictures, some at a time, behind a progress bar."""
    return tqdm(torch.arange(count).split(TOGETHER_COMPLETED), unit="part", leave=False, disable=None)


def check_reading(samples: int, labels: Tensor | None, model: GenerativeModel) -> None:
    """Refuses to have a network tell the class where there is none to tell, or from too few samples.

    Raises:
        UserError: Says which.
    """
    if samples and (labels is not None or not model.generator.classes):
        why = "labels are given" if labels is not None else "the model has no classes"
        raise UserError(f"read_samples is {samples}, but {why}: leave it out")
    least = LEAST_READ * model.generator.classes
    if samples and samples < least:
        raise UserError(f"read_samples is {samples}; it must be at least {least} for {model.generator.classes} classes,"
                        " or 0 to read none")  # fmt: skip


def completed(
    model: GenerativeModel,
    images: Tensor,
    mask: Tensor,
    labels: Tensor | None,
    rows: Tensor,
    made: Namespace,
    reader: LabelReader | None,
) -> Completed:
    """Returns completions of some of the pictures."""
    options: dict[str, Any] = {"reader": reader}
    options |= {"count": made.count, "noise": made.noise, "starts": made.starts, "candidates": made.candidates}
    chosen = rows.to(images.device)
    given = None if labels is None else labels[rows]
    return model.complete(images[chosen], mask, given, seed=made.seed + int(rows[0]), **options)


def asked_mask(mask: str | None, name: str | None, image_shape: Sequence[int], seed: int) -> Tensor:
    """Returns the mask (H, W) that is asked for.

    Raises:
        UserError: There is none, or there are two.
    """
    _, height, width = image_shape
    if (mask is None) == (name is None):
        given = "both given: give only one" if mask else "both missing: give a picture with --mask, or --hole left"
        raise UserError(f"mask and hole are {given}")
    return read_mask(Path(mask), height, width) if mask is not None else hole(str(name), height, width, seed)


def write_images(folder: Path, names: Sequence[str], images: Tensor) -> None:
    """Writes completions (N, K, C, H, W) as NAME-0.png and so on, numbered if two pictures have one name."""
    stems = [Path(name).stem for name in names]
    for i, (stem, row) in enumerate(zip(stems, images, strict=True)):
        unique = stem if stems.count(stem) == 1 else f"{i:04d}-{stem}"
        for k, pixels in enumerate(to_uint8(row)):
            save(picture(pixels), folder / f"{unique}-{k}.png")


def overview(images: Tensor, mask: Tensor, made: Tensor, called: Sequence[Sequence[str]]) -> Image.Image:
    """Returns a picture with a row for each image: with its hole, then its completions, with a caption for each."""
    holed = images.masked_fill(mask, GREY).unsqueeze(1)
    rows = torch.cat([holed, made], 1)[:ROWS_SHOWN]
    texts = [text for row in called[:ROWS_SHOWN] for text in ("given", *row)]
    return labelled_tiles(to_uint8(rows.flatten(0, 1)), texts, rows.shape[1])


def captions(y: Tensor | None, images: int, count: int, classes: Sequence[str]) -> list[list[str]]:
    """Returns what each completion is called: its number, as in its file's name, and its class if there are classes."""
    if y is None:
        return [[str(k) for k in range(count)] for _ in range(images)]
    names = [printable(classes[label])[:LONGEST_CAPTION] if classes else f"class {label}" for label in y.tolist()]
    return [[f"{k}: {names[i * count + k]}" for k in range(count)] for i in range(images)]


def class_lines(names: Sequence[str], parts: Sequence[Completed], classes: Sequence[str]) -> list[str]:
    """Returns a line for each picture: its likely classes."""
    found = [row for part in parts if part.probabilities is not None for row in part.probabilities]
    return [f"{printable(name)}: {in_percent(row, classes)}" for name, row in zip(names, found, strict=False)]


def in_percent(probabilities: Tensor, classes: Sequence[str]) -> str:
    """Says which classes are likely."""
    values, order = probabilities.sort(descending=True)
    said = [
        f"{printable(classes[k]) if classes else f'class {k}'} {p:.0%}"
        for p, k in zip(values.tolist(), order.tolist(), strict=True)
        if p >= 0.01
    ]
    return ", ".join(said[:5])
