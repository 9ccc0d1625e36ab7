"""The latents that a command starts from: of seeds, of inverted images, of classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jsonargparse import Namespace

from gan_lightning.commands.arguments import lists_joined, sample_arguments
from gan_lightning.commands.edited import image_sampler
from gan_lightning.core.errors import UserError
from gan_lightning.data.class_names import class_names_in, class_number
from gan_lightning.editing.latent_files import Latents, check_latents, read_latents
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.models.sampling import in_full_precision, labels_of, latents
from gan_lightning.runs.checkpoint import Checkpoint

SEVERAL = ("--seeds", "--labels", "--styles", "--attributes", "--unchanged", "--positive", "--negative")
"""Options that take several words on the command line."""


@dataclass
class Editable:
    """A model that makes images, and the names of its classes.

    Args:
        model: In full precision, so that an image does not depend on the batch that it is made in.
        class_names: Empty if there are none.
    """

    model: GenerativeModel
    class_names: Sequence[str]

    @property
    def latent_dim(self) -> int:
        return self.model.generator.latent_dim

    @property
    def classes(self) -> int:
        return self.model.generator.classes


def stop_arguments(arguments: Sequence[str]) -> list[str]:
    """The arguments, in which `--seeds 1 2 3` is a list, and a checkpoint or a run's folder alone is --ckpt_path."""
    return sample_arguments(lists_joined(arguments, SEVERAL))


def editable(checkpoint: Checkpoint, device: str, tuned: str | None = None) -> Editable:
    """Returns the model in a checkpoint, and the names of its classes.

    Args:
        checkpoint: Holds the model.
        device: cpu, cuda, mps or auto.
        tuned: A file of `gan invert --tune`, which changes the model.

    Raises:
        UserError: It makes points, or no samples, or the file was not tuned from it.
    """
    model = image_sampler(checkpoint, device, tuned)
    in_full_precision(model)
    return Editable(model, class_names_in(checkpoint.content, model.generator.classes))


def chosen_stops(made: Namespace, editable: Editable, default: Sequence[int]) -> Latents:
    """Returns the latents that are asked for.

    Args:
        made: The options `seeds`, `latents` and `labels`.
        editable: The model.
        default: The seeds if neither seeds nor latents are given.

    Raises:
        UserError: The options contradict each other or the model.
    """
    if made.latents is not None and made.seeds is not None:
        raise UserError("seeds and latents are both given: give only one")
    if made.latents is not None:
        stops = read_latents(made.latents)
        check_latents(stops, editable.latent_dim, editable.classes, made.latents)
        if not stops.names:
            raise UserError(f"{made.latents} holds no latents: name a .npz file with at least one")
    else:
        stops = of_seeds(default if made.seeds is None else made.seeds, editable)
    return stops if made.labels is None else with_labels(stops, made.labels, editable)


def of_seeds(seeds: Sequence[int], editable: Editable) -> Latents:
    """Returns the latents and labels of seeds, as `gan predict` has them."""
    if not seeds:
        raise UserError("seeds is empty: give at least one")
    y = labels_of(seeds, None, editable.classes) if editable.classes else None
    return Latents(latents(seeds, editable.latent_dim), y, [f"seed {seed}" for seed in seeds])


def with_labels(stops: Latents, asked: int | str | list[int | str], editable: Editable) -> Latents:
    """Returns the latents with these classes: each its own, or one for all, or all for one latent.

    Raises:
        UserError: The model has no such class, or there are neither as many nor one.
    """
    if not editable.classes:
        raise UserError("this model was trained without labels: leave out labels")
    names = editable.class_names
    wanted = [*range(editable.classes)] if asked == "all" else asked if isinstance(asked, list) else [asked]
    labels = [class_number(label, names, "labels") for label in wanted]
    labels_of(range(len(labels)), labels, editable.classes)
    n, k = len(stops.z), len(labels)
    if not (n == k or 1 in (n, k)) or not k:
        raise UserError(f"there are {n} latents and {k} labels: give as many, or one of either")
    count = max(n, k)
    y = torch.tensor(labels).expand(count)
    called = [names[label] if names else f"class {label}" for label in y.tolist()]
    z, given = stops.z.expand(count, -1), stops.names * (count // n)
    return Latents(z, y, [f"{name}, {label}" for name, label in zip(given, called, strict=True)])
