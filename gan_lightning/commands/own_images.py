"""`gan fit FOLDER`: looks at the images and at the machine, and chooses all that is needed to train."""

import time
from collections.abc import Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

import torch
import yaml

from gan_lightning.commands.configs import located
from gan_lightning.commands.decided import decided_once, started_by
from gan_lightning.commands.experiment import Experiment, experiment_of
from gan_lightning.commands.machine import Machine
from gan_lightning.commands.pace import iterations_in, pace_of, seconds_of_an_iteration
from gan_lightning.commands.recipe import both, held_out, recipe_for, sizes_for, uses_labels
from gan_lightning.commands.request import Request, request_of, value_of
from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.nesting import looked_up
from gan_lightning.data import ImageFolder
from gan_lightning.data.survey import Survey, surveyed
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.locate import CHECKPOINT_NAMES, find_checkpoint

HOURS = 1.0
"""Length of a training if none is asked for."""

BETWEEN_GRIDS, MOST_GRIDS = 30, 120
"""Seconds between two grids, and their largest number."""

BETWEEN_CHECKPOINTS = 120
"""Seconds."""

SAYS_HOW_LONG = ("--trainer.max_steps", "--trainer.max_epochs", "--trainer.max_time", "--trainer.fast_dev_run")
"""Options that say how long to train."""


def with_choices(arguments: Sequence[str]) -> list[str]:
    """Returns the words of `gan fit`, with all that is chosen for a folder of images in place of its name.

    Raises:
        UserError: An option is out of range, or the folder holds no images.
    """
    request = request_of(arguments)
    if request is None:
        return [*arguments]
    return decided_once(lambda: as_before(request) or chosen(request, Machine.here()))


def as_before(request: Request) -> list[str] | None:
    """Returns the words with the settings of the run that is resumed; None if there is none yet.

    Raises:
        UserError: The run has trained on other images, or makes images of another size.
    """
    if request.checkpoint is None:
        return None
    path = find_checkpoint(request.checkpoint, value_of(request.rest, "--trainer.default_root_dir") or ".")
    if path is None:
        return None
    checkpoint = Checkpoint(path)
    data = looked_up(checkpoint.settings, "data", "init_args") or {}
    root, size = data.get("root"), data.get("image_size")
    if root is None or (request.checkpoint in CHECKPOINT_NAMES and not same_place(root, request.root)):
        raise UserError(
            f"{path} was trained on {root or 'other data'}, not on {request.root}: name the run to resume with "
            "--ckpt_path, or leave it out to start a new one"
        )
    if request.size not in (None, size):
        raise UserError(f"--size is {request.size}, but {path} makes images of {size} pixels: leave out --size")
    words = ["--config", yaml.safe_dump(checkpoint.settings), "--data.root", request.root]
    if request.hours is not None:
        words += ["--trainer.max_steps", str(iterations_in(request.hours * 3600, pace_of(checkpoint)))]
    return [*words, *request.rest]


def same_place(one: str, other: str) -> bool:
    return Path(one).expanduser().resolve() == Path(other).expanduser().resolve()


def chosen(request: Request, machine: Machine) -> list[str]:
    """Looks, times, chooses, and says what it has chosen and why."""
    ends = time.time() + (request.hours or HOURS) * 3600
    survey = surveyed(Path(request.root).expanduser(), ImageFolder(request.root).max_pixels)
    tell(f"{request.root}: {survey}")
    tell(f"this machine: {machine}")
    words, length, said = [], [], []
    for size in sizes_for(survey, machine, request.size):
        recipe = recipe_for(survey, machine, size)
        words = [
            "--config",
            located(recipe.config),
            *words_of(options_for(request.root, survey, size) | recipe.options),
        ]
        experiment, smaller = with_images([*words, *request.rest])
        words += smaller
        said = [f"recipe: {recipe}", f"images: {images_in_words(experiment.data)}"]
        if request.gives(*SAYS_HOW_LONG):
            break
        pace = seconds_of_an_iteration(experiment)
        iterations = iterations_in(ends - time.time(), pace)
        length = length_for(iterations, pace)
        end = time.strftime("%H:%M", time.localtime(ends))
        said.append(f"length: {iterations:,} iterations of {milliseconds(pace)}, until {end} (--hours changes it)")
        if iterations >= recipe.enough:
            break
    for line in said:
        tell(line)
    return [*words, *length, *request.rest]


def with_images(words: list[str]) -> tuple[Experiment, list[str]]:
    """Returns the experiment with its images loaded, and options for a smaller batch if there are too few for one."""
    experiment = experiment_of(words)
    data: Any = experiment.data
    data.setup("fit")
    each = len(data.source) // processes_of(experiment)
    if each >= data.batch_size:
        return experiment, []
    data.batch_size = max(1, each)
    return experiment, words_of({"data.batch_size": data.batch_size})


def processes_of(experiment: Experiment) -> int:
    """Returns on how many processes an experiment is to be trained."""
    if cluster := started_by():
        return cluster.world_size()
    devices, nodes = experiment.options.trainer.devices, experiment.options.trainer.num_nodes
    several = len(devices) if isinstance(devices, list) else int(devices) if str(devices).isdigit() else 0
    return max(1, several or torch.cuda.device_count()) * nodes


def options_for(root: str, survey: Survey, size: int) -> dict[str, Any]:
    """Returns the options of the data, and whether labels are learnt."""
    return {
        "data.root": root,
        "data.image_size": size,
        "data.channels": survey.channels,
        "data.held_out": held_out(survey.images),
        "data.mirror": survey.channels == 3,
        "data.skip_corrupt": True,
        **both("classes", len(survey.classes) if uses_labels(survey) else 0),
    }


def length_for(iterations: int, pace: float) -> list[str]:
    """Returns the options that say how long to train, and how often to draw and save."""
    grids = max(round(BETWEEN_GRIDS / pace), iterations // MOST_GRIDS, 1)
    saves = max(round(BETWEEN_CHECKPOINTS / pace), 1)
    return words_of({"trainer.max_steps": iterations, "grid.every_n_steps": grids, "checkpoint.every_n_steps": saves})


def words_of(options: Mapping[str, Any]) -> list[str]:
    """Returns options as words of a command line."""
    return [f"--{key}={flowing(value)}" for key, value in options.items()]


def flowing(value: Any) -> str:
    """Returns a value as YAML in one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=inf).splitlines()[0]


def images_in_words(data: Any) -> str:
    """Returns the size of the images, how many are held out, and how many are copies."""
    height, width = data.image_shape[1:]
    kept = len(data.left_out) if data.left_out is not None else 0
    copies = len(data.identities) - len(data.identities.unique())
    said = [f"{height}x{width} pixels (--size changes it)"]
    said += [f"held out for gan test: {kept:,}"] if kept else []
    said += [f"copies or mirror images of others: {copies:,}"] if copies else []
    return "; ".join(said)


def milliseconds(seconds: float) -> str:
    """Returns a duration below some minutes in words."""
    return f"{seconds * 1000:.3g} ms" if seconds < 1 else f"{seconds:.1f} s"


def tell(line: str) -> None:
    print(printable(line), flush=True)
