"""`gan validate` and `gan test`."""

import argparse
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace
from tqdm import tqdm

from gan_lightning.commands.arguments import sample_arguments, without_foreign_keys
from gan_lightning.commands.parser import Parser, command_parser, instantiated, parsed
from gan_lightning.commands.trained_on import check_held_out, cost, data_of, trained_on_words, unknown_data
from gan_lightning.commands.trust import add_checkpoint_options, import_trusted, open_checkpoint
from gan_lightning.commands.wrong_configs import config_contents
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import captioned, enlarged, picture
from gan_lightning.core.nesting import looked_up
from gan_lightning.data import ImageData, PointData
from gan_lightning.evaluation.comparison import comparison
from gan_lightning.evaluation.evaluator import Evaluator
from gan_lightning.evaluation.features import extractor_for
from gan_lightning.evaluation.ladder import ladder_of
from gan_lightning.evaluation.ladder_picture import drawn
from gan_lightning.evaluation.reference import LEAST, Follow, Split
from gan_lightning.evaluation.report import Report
from gan_lightning.evaluation.stored_samples import StoredSamples, stored_samples
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.run import check_folder
from gan_lightning.runs.signals import Signals

SPLITS: dict[str, Split] = {"validate": "validation", "test": "test"}

RANKED = "rows: most realistic, middle, least"

CAPTION = "samples (left) with the training images nearest to them"

ABOUT = {
    "test": "Evaluates samples of a checkpoint, or existing images, against real images set apart for tests.",
    "validate": "The same as gan test, but with the real images that evaluations during training use: held-out images "
    "(data.held_out), else some training images.",
}


@dataclass
class Options:
    """Options of an evaluation.

    Args:
        samples: Number of samples. If null, as many as there are real images to compare with, at most 10,000.
        extractor: The feature extractor: MNIST, SecondMNIST, StackedMNIST, Colour, EfficientNetLite0, HED, Inception,
            DINOv2, CLIP, or a file that gan fit --config extractor wrote. If null, the run's own judge.extractor, or
            else the data set's, or Colour for colour images.
        first_seed: The seed of the first sample.
        memory_gib: Memory for existing images (--images), in GiB. More of them are refused before they are read.
        ladder: Also try the feature extractor with known damage to the real images: blur, JPEG, noise, missing classes.
            What it does not see of them, its scores do not see in samples either.
        folder: The folder for report.json, report.md and neighbours.png. If null, a folder in the run's folder, named
            after the command and the checkpoint, such as test-last.
    """

    samples: int | None = None
    extractor: str | None = None
    first_seed: int = 0
    memory_gib: float = 4.0
    ladder: bool = False
    folder: str | None = None


def evaluation_parser(command: str) -> Parser:
    parser = command_parser(command, ABOUT[command])
    add_checkpoint_options(parser, required=False)
    parser.add_argument(
        "--images",
        type=str | None,
        default=None,
        help="Existing images to evaluate in place of a checkpoint's samples: a folder or a .zip file of pictures, or "
        "a .npz or .npy file of uint8 (N, H, W, C). They are evaluated as they are.",
    )
    parser.add_argument(
        "--data", type=ImageData | None, default=None, help="The real images. If null, those of the checkpoint's run."
    )
    parser.add_class_arguments(Options, "judge")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda, mps, or auto: a GPU if there is one.")
    parser.choices = {"data": ImageData}
    return parser


@dataclass
class Subject:
    """The samples to evaluate.

    Args:
        samples: Makes the samples, or holds them.
        folder: The folder for the report.
        name: Its name in a comparison.
        about: Facts about them, for the report.
    """

    samples: GenerativeModel | StoredSamples
    folder: Path
    name: str
    about: dict[str, Any]


def evaluate(command: str, arguments: Sequence[str]) -> None:
    """Evaluates samples, then prints and writes the report; of several checkpoints, compares them in a table, too."""
    parser = evaluation_parser(command)
    words = without_foreign_keys(sample_arguments(arguments), parser.options, command)
    import_trusted(words)
    words, paths = without_repeated(words, "--ckpt_path")
    checkpoints = [open_checkpoint(path) for path in paths]
    trained_on = data_of(checkpoints[0]) if checkpoints else None
    if checkpoints:
        parser.set_defaults({"judge.extractor": looked_up(checkpoints[0].settings, "judge", "extractor")})
    if trained_on is not None:
        parser.set_defaults({"data": trained_on})  # --data.root alone then changes only the root
    made = instantiated(parser, parsed(parser, words))
    subjects = subjects_of(made, command, checkpoints)
    data: ImageData = made.data
    for checkpoint in checkpoints:
        if (own := data_of(checkpoint)) is not None:
            check_held_out(data, own)
    if names_data(words):
        data.prepare_data()
    data.setup("fit")
    for subject in subjects:
        check_folder(subject.folder, "judge.folder", "a report")
    for subject, checkpoint in zip(subjects, checkpoints, strict=False):
        subject.about |= trained_on_words(data, checkpoint)
    with obeyed_between_blocks() as follow:
        evaluator = evaluator_for(subjects[0].samples, data, SPLITS[command], made.judge, follow)
        reports = [compare(evaluator, subject) for subject in subjects]
        if len(subjects) > 1:
            print(f"\n{comparison([subject.name for subject in subjects], reports)}")
        if made.judge.ladder:
            try_extractor(evaluator, subjects[0].folder)


def subjects_of(made: Namespace, command: str, checkpoints: Sequence[Checkpoint]) -> list[Subject]:
    """Returns the samples to evaluate: existing images, or those of each checkpoint."""
    if made.images is not None:
        subjects = [stored(made, command)]
    else:
        subjects = [sampled(made, command, checkpoint) for checkpoint in checkpoints or [None]]
    if made.judge.folder is not None:
        several = len(subjects) > 1
        for i, subject in enumerate(subjects):
            subject.folder = Path(made.judge.folder) / f"{i}" if several else Path(made.judge.folder)
    return subjects


def without_repeated(arguments: Sequence[str], option: str) -> tuple[list[str], list[str]]:
    """Returns the arguments with an option at most once, with its first value, and all its values.

    Raises:
        UserError: The option comes twice with the same value.
    """
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument(option, dest="values", action="append")
    found, others = first.parse_known_args(arguments)
    values = [value for value in found.values or [] if isinstance(value, str)]
    if len(values) < 2:
        return list(arguments), values
    if len({*values}) < len(values):
        raise UserError(f"{option[2:]} names {values[0]} twice: give different checkpoints, to compare them")
    return [*others, option, values[0]], values


def compare(evaluator: Evaluator, subject: Subject) -> Report:
    """Evaluates; prints the report, and writes it into the subject's folder."""
    folder, real = subject.folder, evaluator.real.reference.words
    print(f"comparing {evaluator.samples:,} samples with {real} …", file=sys.stderr, flush=True)
    result = evaluator.evaluate(subject.samples, **subject.about)
    print(result.text())
    result.write(folder)
    files = ["report.json", "report.md", "samples.csv (scores of each sample)"]
    write_samples(evaluator, folder / "samples.csv")
    if not isinstance(evaluator.data, PointData):
        captioned(enlarged(picture(evaluator.neighbours(subject.samples))), CAPTION).save(folder / "neighbours.png")
        captioned(enlarged(picture(evaluator.ranked(subject.samples))), RANKED).save(folder / "ranked.png")
        files += ["neighbours.png (the samples most like copies, beside training images)"]
        files += ["ranked.png (the most realistic samples, those in the middle, and the least realistic)"]
    print(f"\nwrote {', '.join(files[:-1])} and {files[-1]} into {folder}")
    return result


def write_samples(evaluator: Evaluator, path: Path) -> None:
    """Writes the scores of each sample as a table."""
    columns = {name: values.tolist() for name, values in evaluator.per_sample().items()}
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["sample", *columns])
        for i, row in enumerate(zip(*columns.values(), strict=True), start=evaluator.first_seed):
            table.writerow([i, *(f"{value:.6g}" for value in row)])


def try_extractor(evaluator: Evaluator, folder: Path) -> None:
    """Tries the extractor with known damage; prints the ladder, and draws it into a folder."""
    try:
        ladder = ladder_of(evaluator.real)
    except UserError as error:  # the report stands all the same
        print(f"\nthe feature extractor was not tried with known damage: {error}")
        return
    print(f"\n{ladder.text()}")
    (folder / "ladder.json").write_text(json.dumps(ladder.words(), indent=2) + "\n", encoding="utf-8")
    drawn(ladder, folder / "ladder.png")
    print(f"wrote ladder.json and ladder.png into {folder}")


def names_data(arguments: Sequence[str]) -> bool:
    """Whether the user, not only the checkpoint, names the data. A checkpoint's data is read; it cannot download."""
    options = {word.partition("=")[0].split(".")[0] for word in arguments}
    return "--data" in options or any("data" in content for content in config_contents(arguments))


def sampled(made: Namespace, command: str, checkpoint: Checkpoint | None) -> Subject:
    """Returns the model in a checkpoint.

    Raises:
        UserError: There is no checkpoint, or it does not fit the data.
    """
    if checkpoint is None:
        raise UserError(
            "ckpt_path must be given: --ckpt_path last on the command line (or --images FOLDER, to evaluate existing "
            "images)"
        )
    path = checkpoint.path
    if made.data is None:
        raise unknown_data(checkpoint)
    model = GenerativeModel.sampler_from_checkpoint(checkpoint).to(chosen_device(made.device))
    if tuple(made.data.image_shape) != tuple(model.image_shape):
        raise UserError(
            f"{path} makes images of {tuple(model.image_shape)}, and data has {tuple(made.data.image_shape)}: use the "
            "data it was trained on, or data of the same shape"
        )
    about = {"checkpoint": str(path), "iteration": checkpoint.iteration, **cost(checkpoint.content)}
    folder = checkpoint.run.folder if checkpoint.run else path.parent
    return Subject(model, folder / f"{command}-{path.stem}", f"{folder.name}/{path.stem}", about)


def stored(made: Namespace, command: str) -> Subject:
    """Returns existing images.

    Raises:
        UserError: There are no images, or they do not fit the data.
    """
    if made.ckpt_path is not None:
        raise UserError("ckpt_path and images are both given: give only one")
    if made.data is None:
        raise UserError("images need real images to be compared with: give them with --data, such as --data MNIST")
    if isinstance(made.data, PointData):
        raise UserError(
            f"images cannot be compared with the points of {type(made.data).__name__}: give images with --data"
        )
    images = stored_samples(made.images, made.data.image_shape, made.judge.memory_gib)
    images.device = chosen_device(made.device)
    return Subject(images, Path(f"{command}-{Path(made.images).stem}"), str(made.images), {})


def evaluator_for(
    samples: GenerativeModel | StoredSamples, data: ImageData, split: Split, options: Options, follow: Follow
) -> Evaluator:
    """Returns the evaluator of the samples. It never takes more samples than there are existing images."""
    extractor = extractor_for(data, options.extractor)
    if not isinstance(samples, StoredSamples):
        return Evaluator(data, extractor, split, options.samples, options.first_seed, follow)
    count = options.samples or len(samples)
    if options.first_seed + count > len(samples) and (options.samples is not None or options.first_seed):
        raise UserError(f"{samples.name} holds {len(samples):,} images: lower judge.samples or judge.first_seed")
    if len(samples) < LEAST:
        raise UserError(
            f"{samples.name} holds {len(samples)} image{'s' if len(samples) != 1 else ''}, but an evaluation needs "
            f"at least {LEAST}: add images"
        )
    evaluator = Evaluator(data, extractor, split, options.samples, options.first_seed, follow)
    if evaluator.first_seed + evaluator.samples > len(samples):
        return Evaluator(data, extractor, split, len(samples), follow=follow)
    return evaluator


@contextmanager
def obeyed_between_blocks() -> Iterator[Follow]:
    """Returns what shows progress in one line, on a terminal, and lets a signal stop the command in between."""
    signals = Signals("block of images")

    def follow(blocks: Sequence[Any], words: str) -> Iterator[Any]:
        for i, block in enumerate(tqdm(blocks, desc=words, leave=False, disable=None)):
            signals.obey(f"{i:,} of {len(blocks):,} blocks of images ({words}); there is no report")
            yield block

    signals.catch()
    try:
        yield follow
    finally:
        signals.release()


def chosen_device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(
            f"device is {name}, which is not there: use auto or cpu; a GPU is cuda, or mps on a Mac"
        ) from error
    return device
