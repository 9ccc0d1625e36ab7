"""`gan validate` and `gan test`."""

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
from gan_lightning.commands.trust import add_checkpoint_options, asked, import_trusted, open_checkpoint
from gan_lightning.commands.wrong_configs import config_contents
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import captioned, enlarged, picture
from gan_lightning.core.nesting import looked_up
from gan_lightning.data import ImageData, PointData
from gan_lightning.evaluation.evaluator import Evaluator
from gan_lightning.evaluation.features import extractor_for
from gan_lightning.evaluation.ladder import ladder_of
from gan_lightning.evaluation.ladder_picture import drawn
from gan_lightning.evaluation.reference import LEAST, Follow, Split
from gan_lightning.evaluation.stored_samples import StoredSamples, stored_samples
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.run import check_folder
from gan_lightning.runs.signals import Signals

SPLITS: dict[str, Split] = {"validate": "validation", "test": "test"}

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
        extractor: The feature extractor: MNIST, StackedMNIST, Inception, or a file that gan fit --config
            configs/extractor.yaml wrote. If null, the run's own judge.extractor, or else the data set's.
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
        help="Existing images to evaluate in place of a checkpoint's samples: a folder of pictures, or a .npz or .npy "
        "file of uint8 (N, H, W, C). They are evaluated as they are.",
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
        folder: The folder for the report, unless another is given.
        about: Facts about them, for the report.
    """

    samples: GenerativeModel | StoredSamples
    folder: Path
    about: dict[str, Any]


def evaluate(command: str, arguments: Sequence[str]) -> None:
    """Evaluates samples, then prints and writes the report."""
    parser = evaluation_parser(command)
    words = without_foreign_keys(sample_arguments(arguments), parser.options, command)
    import_trusted(words)
    path = asked(words, "--ckpt_path")
    checkpoint = None if path is None else open_checkpoint(path)
    trained_on = None if checkpoint is None else data_of(checkpoint)
    if checkpoint is not None:
        parser.set_defaults({"judge.extractor": looked_up(checkpoint.settings, "judge", "extractor")})
    if trained_on is not None:
        parser.set_defaults({"data": trained_on})  # --data.root alone then changes only the root
    made = instantiated(parser, parsed(parser, words))
    subject = stored(made, command) if made.images is not None else sampled(made, command, checkpoint)
    data: ImageData = made.data
    if trained_on is not None:
        check_held_out(data, trained_on)
    if names_data(words):
        data.prepare_data()
    data.setup("fit")
    folder = Path(made.judge.folder or subject.folder)
    check_folder(folder, "judge.folder", "a report")
    if checkpoint is not None:
        subject.about |= trained_on_words(data, checkpoint)
    with obeyed_between_blocks() as follow:
        evaluator = evaluator_for(subject.samples, data, SPLITS[command], made.judge, follow)
        compare(evaluator, subject, folder)
        if made.judge.ladder:
            try_extractor(evaluator, folder)


def compare(evaluator: Evaluator, subject: Subject, folder: Path) -> None:
    """Evaluates; prints the report, and writes it into a folder."""
    real = evaluator.real.reference.words
    print(f"comparing {evaluator.samples:,} samples with {real} …", file=sys.stderr, flush=True)
    result = evaluator.evaluate(subject.samples, **subject.about)
    print(result.text())
    result.write(folder)
    files = "report.json and report.md"
    if not isinstance(evaluator.data, PointData):
        captioned(enlarged(picture(evaluator.neighbours(subject.samples))), CAPTION).save(folder / "neighbours.png")
        files = "report.json, report.md and neighbours.png (the samples most like copies, beside training images)"
    print(f"\nwrote {files} into {folder}")


def try_extractor(evaluator: Evaluator, folder: Path) -> None:
    """Tries the extractor with known damage; prints the ladder, and draws it into a folder."""
    ladder = ladder_of(evaluator.real)
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
    return Subject(model, folder / f"{command}-{path.stem}", about)


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
    return Subject(images, Path(f"{command}-{Path(made.images).stem}"), {})


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
