"""`gan validate` and `gan test`."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace
from tqdm import tqdm

from gan_lightning import checkpoints
from gan_lightning.callbacks.run_folder import check_folder
from gan_lightning.commands.parser import Parser, command_parser, instantiated
from gan_lightning.commands.predict import add_checkpoint, trust
from gan_lightning.commands.resume import find
from gan_lightning.data import ImageData, PointData
from gan_lightning.errors import UserError
from gan_lightning.extractors import extractor_for
from gan_lightning.judging import Given, Judge, Split, given
from gan_lightning.model import Model
from gan_lightning.parts import path_of, subclasses
from gan_lightning.pictures import captioned, enlarged, picture

SPLITS: dict[str, Split] = {"validate": "validation", "test": "test"}

CAPTION = "samples (left) beside the training images nearest to each"

ABOUT = {
    "test": "Compares samples of a checkpoint, or images that are there, with real images, those set apart for tests, "
    "and says how good they are.",
    "validate": "The same as gan test, but compared with the images that judgements during training look at: held-out "
    "ones (data.held_out), else some that are trained on.",
}


@dataclass
class Judging:
    """How to judge.

    Args:
        samples: How many samples; as many as there are real images to compare with, but 10,000 at most, if null.
        extractor: What sees the images: MNIST, StackedMNIST, Inception, or a file that gan fit --config
            configs/extractor.yaml made; the one that the run judged by, or the one that the data knows, if null.
        first_seed: The first sample's number.
        folder: Where report.json, report.md and neighbours.png are written; into the run's folder, below test-last or
            what command and checkpoint are called, if null.
    """

    samples: int | None = None
    extractor: str | None = None
    first_seed: int = 0
    folder: str | None = None


def judge_parser(command: str) -> Parser:
    parser = command_parser(command, ABOUT[command])
    add_checkpoint(parser, required=False)
    parser.add_argument(
        "--images",
        type=str | None,
        default=None,
        help="Images to judge in place of a checkpoint's: a folder of pictures, or a .npz or .npy file of uint8 "
        "(N, H, W, C). Whoever made them, they are judged as they are.",
    )
    parser.add_argument(
        "--data", type=ImageData | None, default=None, help="The real images; those of the checkpoint's run if null."
    )
    parser.add_class_arguments(Judging, "judge")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda, mps, or auto: a GPU if there is one.")
    return parser


def judge(command: str, arguments: Sequence[str]) -> None:
    """Prints the report, and writes it."""
    parser = judge_parser(command)
    content = asked(arguments)
    words = data_words(content)
    if words is not None:
        parser.set_defaults({"data": words})  # so that --data.root alone changes the root
    parser.set_defaults({"judge.extractor": run_words(content).get("judge", {}).get("extractor")})
    made = instantiated(parser, parser.parse_args(arguments))
    trust(made.trust)
    maker, where, about = from_checkpoint(made, content) if made.images is None else from_images(made)
    data: ImageData = made.data
    if words is not None:
        check_held_out(data, words)
    data.prepare_data()
    data.setup("fit")
    folder = Path(made.judge.folder or where[0] / f"{command}-{where[1]}")
    check_folder(folder, "judge.folder", "a report")
    jury = jury_for(maker, data, SPLITS[command], made.judge)
    print(f"comparing {jury.samples:,} samples with {jury.real.reference.words} …", file=sys.stderr, flush=True)
    report = jury.judge(maker, **about)
    print(report.text())
    report.write(folder)
    files = "report.json and report.md"
    if not isinstance(data, PointData):
        captioned(enlarged(picture(jury.neighbours(maker))), CAPTION).save(folder / "neighbours.png")
        files = "report.json, report.md and neighbours.png, the samples most like copies beside what they are like,"
    print(f"\nwrote {files} into {folder}")


Judged = tuple[Model | Given, tuple[Path, str], dict[str, Any]]
"""What is judged, the folder and the name of the report, and what it is to say of that."""


def from_checkpoint(made: Namespace, content: dict[str, Any]) -> Judged:
    """The model in the checkpoint.

    Raises:
        UserError: There is none, or it does not fit the data.
    """
    if made.ckpt_path is None:
        raise UserError(
            "ckpt_path must be given: --ckpt_path VALUE on the command line (or --images, to judge images that are "
            "there already)"
        )
    path = find(made.ckpt_path) or Path(made.ckpt_path)
    if made.data is None:
        raise UserError(f"{path} does not say what it was trained on: name the images with --data")
    model = Model.load_from_checkpoint(path).to(chosen_device(made.device))
    if tuple(made.data.image_shape) != tuple(model.image_shape):
        raise UserError(f"{path} makes images of {tuple(model.image_shape)}, and data has {made.data.image_shape}")
    about = {"checkpoint": str(path), "iteration": content["global_step"], **cost(content)}
    return model, (folder_of(path), path.stem), about


def from_images(made: Namespace) -> Judged:
    """The images that are there.

    Raises:
        UserError: There are none, or they do not fit the data.
    """
    if made.ckpt_path is not None:
        raise UserError("ckpt_path and images are both given: name one of them")
    if made.data is None or isinstance(made.data, PointData):
        raise UserError("name what the images are to be compared with: --data, and images there, not points")
    images = given(made.images, made.data.image_shape)
    images.device = chosen_device(made.device)
    return images, (Path(), Path(made.images).stem), {}


def jury_for(maker: Model | Given, data: ImageData, split: Split, options: Judging) -> Judge:
    """Who judges. There are no more samples than given images."""
    seeing = extractor_for(data, options.extractor)
    jury = Judge(data, seeing, split, options.samples, options.first_seed, progress)
    if isinstance(maker, Given) and options.first_seed + jury.samples > len(maker):
        if options.samples is not None or options.first_seed:
            raise UserError(f"{maker.name} holds {len(maker):,} images: lower judge.samples or judge.first_seed")
        jury = Judge(data, seeing, split, len(maker), follow=progress)
    return jury


def asked(arguments: Sequence[str]) -> dict[str, Any]:
    """What the checkpoint holds that the arguments name; nothing if they name none: the parser says so."""
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    first.add_argument("--ckpt_path")
    found, _ = first.parse_known_args(arguments)
    return {} if found.ckpt_path is None else checkpoints.read(find(found.ckpt_path) or found.ckpt_path)


def data_words(content: dict[str, Any]) -> dict[str, Any] | None:
    """What the run in a checkpoint was trained on, if that is of a class that is loaded; nothing is imported for it.

    Raises:
        UserError: The class is not loaded.
    """
    words = run_words(content).get("data")
    if words is None:
        return None
    package, *_, name = str(words.get("class_path")).split(".")  # a config may leave out modules between
    found = [path_of(cls) for cls in subclasses(ImageData) if path_of(cls).startswith(package) and cls.__name__ == name]
    if not found:
        raise UserError(
            f"the checkpoint was trained on {words.get('class_path')}, which is not part of gan_lightning: name the "
            f"images with --data, or if you trust that code, add --trust {words.get('class_path')}"
        )
    return {**words, "class_path": found[0]}


def run_words(content: dict[str, Any]) -> dict[str, Any]:
    """The options of the run in a checkpoint."""
    return content.get("callbacks", {}).get("Settings", {}).get("words", {})


def progress(blocks: Sequence[Any], words: str) -> Iterable[Any]:
    """A line that says how far it is, on a terminal."""
    return tqdm(blocks, desc=words, leave=False, disable=None)


def check_held_out(data: ImageData, words: dict[str, Any]) -> None:
    """Refuses another share of held-out images than training had: some of them would have been trained on.

    Args:
        data: What is to be judged by.
        words: What was trained on.
    """
    trained = words.get("init_args", {}).get("held_out", 0.0)
    if path_of(type(data)) == words["class_path"] and data.held_out != trained:
        raise UserError(
            f"data.held_out is {data.held_out}, but the checkpoint was trained with {trained}, so that images would "
            "pass for held out that it has seen: leave it out, or train again"
        )


def cost(content: dict[str, Any]) -> dict[str, Any]:
    """What the checkpoint's training has cost, as far as it says so."""
    spent = content.get("callbacks", {}).get("Cost", {})
    return {"images_seen": spent["images"], "cpu_seconds": spent["cpu"]} if spent else {}


def chosen_device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"device is {name}, which is not there: use cpu, cuda or mps") from error
    return device


def folder_of(path: Path) -> Path:
    """The run's folder of a checkpoint."""
    return path.parent.parent if path.parent.name == "checkpoints" else path.parent
