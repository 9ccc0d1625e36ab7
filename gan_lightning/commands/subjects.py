"""The samples that `gan test` evaluates: those of checkpoints, or existing images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jsonargparse import Namespace

from gan_lightning.commands.trained_on import cost, unknown_data
from gan_lightning.core.errors import UserError
from gan_lightning.data import PointData
from gan_lightning.evaluation.stored_samples import StoredSamples, stored_samples
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.runs.checkpoint import Checkpoint


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


def subjects_of(made: Namespace, command: str, checkpoints: Sequence[Checkpoint]) -> list[Subject]:
    """Returns the samples to evaluate: existing images, or those of each checkpoint.

    Raises:
        UserError: Nothing is given to evaluate, it does not fit the data, or two checkpoints hold the same model.
    """
    if made.images is not None:
        subjects = [stored(made, command)]
    else:
        subjects = [sampled(made, command, checkpoint) for checkpoint in checkpoints or [None]]
        check_different(subjects)
    if made.judge.folder is not None:
        several = len(subjects) > 1
        for i, subject in enumerate(subjects):
            subject.folder = Path(made.judge.folder) / f"{i}" if several else Path(made.judge.folder)
    return subjects


def check_different(subjects: Sequence[Subject]) -> None:
    """Refuses to compare a model with itself: a checkpoint may be a copy of another."""
    for i, second in enumerate(subjects):
        for first in subjects[:i]:
            if same_weights(first.samples, second.samples):
                raise UserError(
                    f"{first.about['checkpoint']} and {second.about['checkpoint']} hold the same model: give different "
                    "ones, to compare them"
                )


def same_weights(first: Any, second: Any) -> bool:
    a, b = first.state_dict(), second.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


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
