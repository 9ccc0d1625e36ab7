"""`gan predict`."""

import importlib
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Literal

from lightning.pytorch import Trainer

from gan_lightning import checkpoints
from gan_lightning.callbacks import PointWriter, SampleWriter, Traversal
from gan_lightning.commands.parser import Parser, command_parser, instantiated
from gan_lightning.commands.resume import find
from gan_lightning.commands.trainer import options_of, trainer_with
from gan_lightning.data import Plane
from gan_lightning.errors import UserError
from gan_lightning.model import Model
from gan_lightning.sampling import labels_of, seed_loader

MACHINE = ("accelerator", "devices", "num_nodes", "strategy", "enable_progress_bar")
"""What there is to say to the trainer when it makes samples."""


@dataclass
class Samples:
    """Which samples to make, and where to write them.

    Args:
        count: How many; with labels, how many of each.
        first_seed: The first sample's number. Image n depends on its number (and label) alone.
        labels: For a model with classes: one class or a list of them, [0, 1, 2], or all. The same latents are used for
            each, and the overview has one row a class. Without it, the classes take turns.
        batch_size: Samples made at a time. It changes the memory needed, not the images.
        folder: Where to write 0000.png and so on, named by number, and grid.png; or points.csv and points.png.
        npz: Also write samples.npz: `images` uint8 (N, H, W, C) or `points` (N, 2), and `seeds` int64 (N,).
        overwrite: Write into a folder that holds files already; those of the same name are replaced.
        traverse: Also write traversal.png: the first sample, in which each of so many coordinates of the latent, one a
            row, runs from -3 to 3.
    """

    count: int = 64
    first_seed: int = 0
    labels: int | list[int] | Literal["all"] | None = None
    batch_size: int = 64
    folder: str = "samples"
    npz: bool = False
    overwrite: bool = False
    traverse: int = 0


def predict_parser() -> Parser:
    parser = command_parser(
        "predict", "Makes samples from a checkpoint file alone: it needs no data, no config and no GPU."
    )
    add_checkpoint(parser)
    parser.add_class_arguments(Samples, "samples")
    others: set[str | int] = {name for name in signature(Trainer).parameters if name not in MACHINE}
    parser.add_class_arguments(Trainer, "trainer", skip=others, instantiate=False, fail_untyped=False)
    return parser


def add_checkpoint(parser: Parser, required: bool = True) -> None:
    """The options that say which checkpoint is opened, and what it may name."""
    parser.add_argument(
        "--ckpt_path",
        type=str if required else str | None,
        required=required,
        help="A checkpoint file, a run's folder, or last or best: that of the newest run in lightning_logs.",
    )
    parser.add_argument(
        "--trust",
        type=list[str],
        default=[],
        help="Classes of your own that the checkpoint names, as module.Class. Their modules will be imported; a "
        "checkpoint cannot import anything by itself.",
    )


def predict(command: str, arguments: Sequence[str]) -> None:
    """Writes samples."""
    parser = predict_parser()
    made = instantiated(parser, parser.parse_args(arguments))
    samples: Samples = made.samples
    trust(made.trust)
    path = find(made.ckpt_path) or made.ckpt_path
    model, plane = Model.load_from_checkpoint(path), Plane.in_checkpoint(checkpoints.read(path))
    labels = asked_labels(samples.labels, model.generator.classes)
    loader = seed_loader(samples.first_seed, samples.count, samples.batch_size, labels)
    seeds = range(samples.first_seed, samples.first_seed + samples.count)
    where = samples.folder, samples.npz, samples.overwrite, labels
    writer = SampleWriter(seeds, *where) if plane is None else PointWriter(seeds, plane, *where)
    if plane is not None and samples.traverse:
        raise UserError(
            f"samples.traverse is {samples.traverse}, but this model makes points, not images: leave it out"
        )
    watchers = [writer, *traversals(samples, model, labels)]
    options = options_of(made.trainer)
    if options["enable_progress_bar"] is None:
        options["enable_progress_bar"] = sys.stderr.isatty()
    trainer = trainer_with({**options, "callbacks": watchers, "logger": False})
    trainer.predict(model, loader, return_predictions=False)
    if trainer.is_global_zero:
        archive = ", samples.npz" if samples.npz else ""
        what = f"images{archive} and grid.png" if plane is None else f"points: points.csv{archive} and points.png"
        print(f"wrote {samples.count * len(labels or [0])} {what} into {samples.folder}")


def asked_labels(labels: int | list[int] | str | None, classes: int) -> list[int] | None:
    """The classes that samples are asked of.

    Raises:
        UserError: The model does not know them.
    """
    if labels is None:
        return None
    every = list(range(classes))
    chosen = every if isinstance(labels, str) else [labels] if isinstance(labels, int) else labels
    labels_of(range(len(chosen)), chosen, classes)
    if len({*chosen}) < len(chosen) or not chosen:
        raise UserError(f"samples.labels is {chosen}; name each class once")
    return chosen


def traversals(samples: Samples, model: Model, labels: list[int] | None) -> list[Traversal]:
    """What draws the traversal, if one is asked for."""
    latent_dim = model.generator.latent_dim
    if not 0 <= samples.traverse <= latent_dim:
        raise UserError(f"samples.traverse is {samples.traverse}; this model's latents have {latent_dim} coordinates")
    label = labels[0] if labels else None
    return [Traversal(samples.traverse, samples.first_seed, samples.folder, label)] if samples.traverse else []


def trust(class_paths: Sequence[str]) -> None:
    """Imports the modules of classes that a checkpoint may name."""
    for class_path in class_paths:
        module = class_path.rpartition(".")[0]
        try:
            importlib.import_module(module)
        except (ImportError, ValueError) as error:
            raise UserError(f"trust names {class_path}, but {error}: write module.Class") from error
