"""`gan validate` and `gan test`."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tqdm import tqdm

from gan_lightning.commands.arguments import sample_arguments, without_foreign_keys
from gan_lightning.commands.cycle_report import judge_cycles
from gan_lightning.commands.judge import independent_judge
from gan_lightning.commands.parser import Parser, command_parser, instantiated, parsed
from gan_lightning.commands.report_files import try_extractor, write_report
from gan_lightning.commands.subjects import Subject, subjects_of
from gan_lightning.commands.trained_on import check_held_out, data_of, trained_on_words
from gan_lightning.commands.translate import is_translator, is_two_sided
from gan_lightning.commands.translation_report import judge_translations
from gan_lightning.commands.trust import add_checkpoint_options, import_trusted, open_checkpoint
from gan_lightning.commands.wrong_configs import config_contents
from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.nesting import looked_up
from gan_lightning.data import ImageData
from gan_lightning.evaluation.comparison import comparison
from gan_lightning.evaluation.evaluator import Evaluator
from gan_lightning.evaluation.features import Extractor
from gan_lightning.evaluation.reference import LEAST, Follow, Split
from gan_lightning.evaluation.report import Report
from gan_lightning.evaluation.stored_samples import StoredSamples
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.runs.run import check_folder
from gan_lightning.runs.signals import Signals

SPLITS: dict[str, Split] = {"validate": "validation", "test": "test"}

ABOUT = {
    "test": "Evaluates samples of a checkpoint, or existing images, against real images set apart for tests.",
    "validate": "The same as gan test, but with the real images that evaluations during training use: held-out images "
    "(data.held_out), else some training images.",
}


@dataclass
class Options:
    """Options of an evaluation.

    Args:
        samples: Number of samples. If null, as many as there are real images to compare with, at most 10,000; of a
            translator, at most 1,000.
        extractor: The feature extractor: MNIST, SecondMNIST, StackedMNIST, Colour, EfficientNetLite0, HED, Inception,
            DINOv2, CLIP, or a file that gan fit --config extractor wrote. If null, the run's own judge.extractor, or
            else the data set's, or Colour for colour images.
        first_seed: The seed of the first sample.
        memory_gib: Memory for existing images (--images), in GiB. More of them are refused before they are read.
        ladder: Also try the feature extractor with known damage to the real images: blur, JPEG, noise, missing classes.
            What it does not see of them, its scores do not see in samples either.
        folder: The folder for report.json, report.md and pictures. If null, a folder in the run's folder, named
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
    if checkpoints and (is_translator(checkpoints[0]) or is_two_sided(checkpoints[0])):
        judge = judge_translations if is_translator(checkpoints[0]) else judge_cycles
        if names_data(words):
            made.data.prepare_data()
        with obeyed_between_blocks() as follow:
            judge(made, command, SPLITS[command], checkpoints, follow)
        return
    subjects = subjects_of(made, command, checkpoints)
    data: ImageData = made.data
    check_held_out(data, checkpoints)
    if names_data(words):
        data.prepare_data()
    data.setup("fit")
    for subject in subjects:
        check_folder(subject.folder, "judge.folder", "a report")
    for subject, checkpoint in zip(subjects, checkpoints, strict=False):
        subject.about |= trained_on_words(data, checkpoint)
    extractor, doubts = independent_judge(data, made.judge.extractor, checkpoints)
    with obeyed_between_blocks() as follow:
        evaluator = evaluator_for(subjects[0].samples, data, extractor, SPLITS[command], made.judge, follow)
        reports = [evaluated(evaluator, subject, doubts) for subject in subjects]
        if len(subjects) > 1:
            print(f"\n{comparison([subject.name for subject in subjects], reports)}")
        if made.judge.ladder:
            try_extractor(evaluator, subjects[0].folder)


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


def evaluated(evaluator: Evaluator, subject: Subject, doubts: Sequence[str]) -> Report:
    """Evaluates; prints the report, and writes it into the subject's folder.

    Args:
        evaluator: The judge.
        subject: What is judged.
        doubts: What the report must say before all else.
    """
    real = evaluator.real.reference.words
    print(
        f"{printable(subject.name)}: comparing {evaluator.samples:,} samples with {real} …", file=sys.stderr, flush=True
    )
    result = evaluator.evaluate(subject.samples, **subject.about)
    result.verdict = [*doubts, *result.verdict]
    print(result.text())
    write_report(result, evaluator, subject.samples, subject.folder)
    return result


def names_data(arguments: Sequence[str]) -> bool:
    """Whether the user, not only the checkpoint, names the data. A checkpoint's data is read; it cannot download."""
    options = {word.partition("=")[0].split(".")[0] for word in arguments}
    return "--data" in options or any("data" in content for content in config_contents(arguments))


def evaluator_for(
    samples: GenerativeModel | StoredSamples,
    data: ImageData,
    extractor: Extractor,
    split: Split,
    options: Options,
    follow: Follow,
) -> Evaluator:
    """Returns the evaluator of the samples. It never takes more samples than there are existing images."""
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
