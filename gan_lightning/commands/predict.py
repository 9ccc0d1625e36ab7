"""`gan predict`."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature

from lightning.pytorch import Trainer

from gan_lightning.callbacks import Obedience, PointWriter, SampleWriter, Traversal
from gan_lightning.commands.arguments import sample_arguments, without_foreign_keys
from gan_lightning.commands.parser import Parser, command_parser, instantiated, nested, parsed
from gan_lightning.commands.trainer import trainer_with
from gan_lightning.commands.translate import asks_for_translations, write_translations
from gan_lightning.commands.trust import add_checkpoint_options, add_tuned_option, import_trusted, open_checkpoint
from gan_lightning.core.errors import UserError, printable
from gan_lightning.data import Plane
from gan_lightning.data.class_names import class_names_in, class_number
from gan_lightning.editing.tuning_files import apply_tuning
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.models.sampling import labels_of, seed_loader

MACHINE = ("accelerator", "devices", "num_nodes", "strategy", "enable_progress_bar")
"""The options of the trainer that matter for sampling."""


@dataclass
class Samples:
    """The samples to make, and where to write them.

    Args:
        count: Number of samples; with labels, for each label.
        first_seed: The seed of the first sample. An image depends on its seed (and label) alone.
        labels: For a model with classes: one class, by its name or number, a list of them, [rose, tulip] or [0, 1, 2],
            or all. Each class gets the same latents, and the overview has one row per class. If null, the classes
            alternate.
        batch_size: Samples made at a time. It changes the memory needed, not the images.
        folder: The folder for 0000.png and so on, named by seed, and grid.png; or for points.csv and points.png.
        npz: Also write samples.npz: `images` uint8 (N, H, W, C) or `points` (N, 2), and `seeds` int64 (N,).
        overwrite: Write into a folder that already holds files, replacing those of the same name.
        traverse: Also write traversal.png: the first sample, in which each of this many coordinates of the latent, one
            per row, runs from -3 to 3.
    """

    count: int = 64
    first_seed: int = 0
    labels: int | str | list[int | str] | None = None
    batch_size: int = 64
    folder: str = "samples"
    npz: bool = False
    overwrite: bool = False
    traverse: int = 0


def predict_parser() -> Parser:
    about = (
        "Makes samples from a checkpoint file alone, without data, config or GPU. A translator makes images from "
        "images: gan predict CHECKPOINT --images FOLDER; gan predict --images FOLDER --help lists its options."
    )
    parser = command_parser("predict", about)
    add_checkpoint_options(parser)
    add_tuned_option(parser)
    parser.add_class_arguments(Samples, "samples")
    others: set[str | int] = {name for name in signature(Trainer).parameters if name not in MACHINE}
    parser.add_class_arguments(Trainer, "trainer", skip=others, instantiate=False, fail_untyped=False)
    return parser


def predict(command: str, arguments: Sequence[str]) -> None:
    """Writes samples, or what is made of images."""
    if asks_for_translations(arguments):
        write_translations(command, arguments)
        return
    parser = predict_parser()
    words = without_foreign_keys(sample_arguments(arguments), parser.options, command)
    import_trusted(words)
    made = instantiated(parser, parsed(parser, words))
    samples: Samples = made.samples
    checkpoint = open_checkpoint(made.ckpt_path)
    model, plane = GenerativeModel.sampler_from_checkpoint(checkpoint), Plane.in_checkpoint(checkpoint.content)
    if made.tuned is not None:
        apply_tuning(model.average_generator.network, made.tuned)
    names = class_names_in(checkpoint.content, model.generator.classes)
    labels = asked_labels(samples.labels, model.generator.classes, names)
    loader = seed_loader(samples.first_seed, samples.count, samples.batch_size, labels)
    seeds = range(samples.first_seed, samples.first_seed + samples.count)
    where = samples.folder, samples.npz, samples.overwrite, labels
    writer = SampleWriter(seeds, *where) if plane is None else PointWriter(seeds, plane, *where)
    if plane is not None and samples.traverse:
        raise UserError(
            f"samples.traverse is {samples.traverse}, but this model makes points, not images: leave it out"
        )
    options = nested(made.trainer)
    if options["enable_progress_bar"] is None:
        options["enable_progress_bar"] = sys.stderr.isatty()
    watchers = [writer, *traversals(samples, model, labels), Obedience()]
    trainer = trainer_with({**options, "callbacks": watchers, "logger": False})
    trainer.predict(model, loader, return_predictions=False)
    if trainer.is_global_zero:
        print(f"wrote {printable(what_was_written(writer, samples, labels))} into {printable(samples.folder)}")
        if names and labels and len(labels) > 1:
            print(f"rows of grid.png: {printable(', '.join(names[label] for label in labels))}")


def what_was_written(writer: SampleWriter | PointWriter, samples: Samples, labels: list[int] | None) -> str:
    """Returns what has been written, in words."""
    archive, count = ", samples.npz" if samples.npz else "", samples.count * len(labels or [0])
    things = "" if count == 1 else "s"
    if isinstance(writer, PointWriter):
        return f"{count} point{things}: points.csv{archive} and points.png"
    shown = len(writer.overview()[0])
    some = "" if shown == count else f" (with {shown} of them)"
    return f"{count} image{things}{archive} and grid.png{some}"


def asked_labels(
    labels: int | str | list[int | str] | None, classes: int, names: Sequence[str] = ()
) -> list[int] | None:
    """Returns the numbers of the classes to sample, which may be asked for by their names.

    Raises:
        UserError: The model does not know them, or one is repeated.
    """
    if labels is None:
        return None
    labels_of([], [], classes)  # a model without classes says so, whatever is asked for
    if labels == "all":
        chosen = list(range(classes))
    else:
        chosen = [class_number(label, names) for label in (labels if isinstance(labels, list) else [labels])]
    labels_of(range(len(chosen)), chosen, classes)
    if len({*chosen}) < len(chosen) or not chosen:
        raise UserError(f"samples.labels is {chosen}; name each class once")
    return chosen


def traversals(samples: Samples, model: GenerativeModel, labels: list[int] | None) -> list[Traversal]:
    """Returns the callback that draws the traversal, if one is asked for."""
    latent_dim = model.generator.latent_dim
    if not 0 <= samples.traverse <= latent_dim:
        raise UserError(
            f"samples.traverse is {samples.traverse}; it must be from 0 to {latent_dim}, the coordinates of a latent"
        )
    label = labels[0] if labels else None
    return [Traversal(samples.traverse, samples.first_seed, samples.folder, label)] if samples.traverse else []
