"""What commands that edit images share: the model, the pictures, the classes asked for."""

from collections.abc import Sequence
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from gan_lightning.commands.arguments import configs_located, lists_joined, with_options
from gan_lightning.commands.subjects import chosen_device
from gan_lightning.core.blueprint import built
from gan_lightning.core.configurable import rebuild
from gan_lightning.core.errors import UserError
from gan_lightning.data import Plane
from gan_lightning.data.class_names import class_names_in, class_number
from gan_lightning.editing.matches import Features, Match, Pixels
from gan_lightning.editing.pictures import picture_paths, read_pictures
from gan_lightning.editing.tuning_files import apply_tuning
from gan_lightning.evaluation.features import EfficientNetLite0, Learnt
from gan_lightning.evaluation.features.feature_file import in_words
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.networks import Discriminator
from gan_lightning.networks.feature_files import PINNED
from gan_lightning.runs.checkpoint import Checkpoint

SCALED_BY = 256
"""Samples over which the scale of features is measured."""


def picture_arguments(arguments: Sequence[str]) -> list[str]:
    """A word alone is a picture or a folder of pictures; `--labels 1 2` is a list, and ends where a picture begins."""
    listed = lists_joined(arguments, ("--labels",), ends=lambda word: Path(word).expanduser().exists())
    return configs_located(with_options(listed, lambda word: ["--images+"]))


def image_sampler(checkpoint: Checkpoint, device: str, tuned: str | None = None) -> GenerativeModel:
    """Returns the model in a checkpoint, in evaluation mode and without gradients of its weights.

    Args:
        checkpoint: Holds the model.
        device: cpu, cuda, mps or auto.
        tuned: A file of `gan invert --tune`, which changes the model.

    Raises:
        UserError: It makes points, or no samples, or the file was not tuned from it.
    """
    if Plane.in_checkpoint(checkpoint.content) is not None:
        raise UserError(f"{checkpoint.path} makes points of the plane, not images: there is nothing to edit")
    model = GenerativeModel.sampler_from_checkpoint(checkpoint).to(chosen_device(device))
    if tuned is not None:
        apply_tuning(model.average_generator.network, tuned)
    return model.eval().requires_grad_(False)


def named_pictures(images: Sequence[str], model: GenerativeModel, fit: bool) -> tuple[Tensor, list[str]]:
    """Returns pictures (N, C, H, W) in [-1, 1] on the model's device, and their names.

    Raises:
        UserError: One cannot be read, or does not fit the model.
    """
    paths = picture_paths(images)
    return read_pictures(paths, model.image_shape, fit).to(model.device), [path.name for path in paths]


def asked_classes(
    labels: int | str | list[int | str] | None, count: int, model: GenerativeModel, checkpoint: Checkpoint
) -> Tensor | None:
    """Returns the classes (N,) of the pictures; None if they are to be inferred.

    Raises:
        UserError: The model has no such class, or there are neither as many labels as pictures nor one.
    """
    if labels is None:
        return None
    classes = model.generator.classes
    if not classes:
        raise UserError("this model was trained without labels: leave out labels")
    names = class_names_in(checkpoint.content, classes)
    numbers = [class_number(label, names, "labels") for label in (labels if isinstance(labels, list) else [labels])]
    if len(numbers) not in (1, count):
        raise UserError(f"there are {count} images and {len(numbers)} labels: give one for all, or one for each")
    return torch.tensor(numbers).expand(count)


def match_named(key: str, name: str, model: GenerativeModel, checkpoint: Checkpoint) -> Match:
    """Returns in what images are compared, by its name.

    Args:
        key: The option that holds the name.
        name: pixels; discriminator; MNIST, SecondMNIST, Colour, EfficientNetLite0, or the file of a feature network.
        model: Makes the samples that give features their scale.
        checkpoint: Holds the discriminator.

    Raises:
        UserError: There is no such network, or it does not know such images.
    """
    if name == "pixels":
        return Pixels()
    if name == "discriminator":
        network = seeing_discriminator(key, checkpoint).to(model.device)
        return Features(network.features, model.sample(range(SCALED_BY)), name)
    if name == "EfficientNetLite0":
        lite = EfficientNetLite0()
        return Features(lite.to(model.device).smooth, model.sample(range(SCALED_BY)), name)
    others = "pixels, discriminator, MNIST, SecondMNIST, Colour, EfficientNetLite0"
    learnt = Learnt(network_file(key, name, others), any_size=name == "Colour").to(model.device)
    knows, makes = learnt.network.image_shape, model.image_shape
    if makes[0] not in (1, knows[0]) if learnt.any_size else knows != tuple(makes):
        raise UserError(f"{key} is {name}, which knows {in_words(knows)}, and this model makes {in_words(makes)}: "
                        "choose another, or train one on such images with gan fit --config extractor")  # fmt: skip
    return Features(lambda x: learnt.network(x.expand(-1, knows[0], -1, -1)), model.sample(range(SCALED_BY)),
                    learnt.name)  # fmt: skip


def network_file(key: str, name: str, others: str) -> Path:
    """Returns the file of a feature network.

    Args:
        key: The option that names it.
        name: Of one that comes with the package, or the file.
        others: What the option takes besides a file.

    Raises:
        UserError: There is no such file.
    """
    path = PINNED.get(name, Path(name))
    if not path.is_file():
        raise UserError(f"there is no file {name}: {key} takes {others}, or the features.safetensors that gan fit "
                        "--config extractor makes")  # fmt: skip
    return path


def default_features(checkpoint: Checkpoint) -> str:
    """Returns what features there are without being named: those of the discriminator, else none but pixels."""
    discriminator = stored_discriminator(checkpoint)
    return "discriminator" if discriminator is not None and sees_single_images(discriminator) else "pixels"


def seeing_discriminator(key: str, checkpoint: Checkpoint) -> Discriminator:
    """Returns the discriminator in a checkpoint.

    Raises:
        UserError: There is none, or it has no features of single images.
    """
    found = stored_discriminator(checkpoint)
    if found is None:
        raise UserError(f"{key} is discriminator, and {checkpoint.path} holds none: choose pixels or a feature network")
    if not sees_single_images(found):
        raise UserError(f"{key} is discriminator, but {type(found).__name__} has no features of single images: choose "
                        "pixels or a feature network")  # fmt: skip
    return found


def sees_single_images(discriminator: Discriminator) -> bool:
    """Whether it has features, and each of one image."""
    return bool(discriminator.features_dim) and discriminator.packing == 1


def stored_discriminator(checkpoint: Checkpoint) -> Discriminator | None:
    """Returns the discriminator in a checkpoint, in evaluation mode and without gradients, or None if it has none."""
    words = checkpoint.arguments.get("discriminator")
    if words is None:
        return None
    prefix = "discriminator."
    held = checkpoint.content["state_dict"].items()
    state = {str(name).removeprefix(prefix): tensor for name, tensor in held if str(name).startswith(prefix)}
    return built(lambda: cast(Discriminator, rebuild(words)), state, checkpoint.path).eval().requires_grad_(False)
