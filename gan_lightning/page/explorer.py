"""What stands behind the page: the model of a checkpoint, looked at, and searched for pictures.

Nothing in it changes with what is asked, so that any number of people can ask.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_lightning.commands.edited import image_sampler
from gan_lightning.commands.stops import editable, of_seeds, with_labels
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape, to_uint8
from gan_lightning.editing.completion import Completed, complete
from gan_lightning.editing.direction_files import read_directions
from gan_lightning.editing.directions import DirectionMethod, Directions, GANSpace, SeFa, directions
from gan_lightning.editing.inversion import Inverted, Told, invert, psnr
from gan_lightning.editing.latent_files import Latents, latents_file
from gan_lightning.editing.strip import frames_of, rows_of, strip
from gan_lightning.editing.tuning import tune
from gan_lightning.editing.tuning_files import tuning_file
from gan_lightning.editing.viewpoint import Viewpoint, move_along
from gan_lightning.editing.walk import Places, Walk, images_at, images_from, walked
from gan_lightning.page.again import Again, own_name
from gan_lightning.page.searches import GoOn, Searches, asking
from gan_lightning.page.training_images import TrainingImages
from gan_lightning.runs.checkpoint import Checkpoint

STEPS = 8
"""Of the way between both seeds: it is shown as one image more."""

COMPONENT_SAMPLES = 500
"""Samples that principal components are found from."""

METHODS: dict[str, DirectionMethod] = {"SeFa": SeFa(), "principal components": GANSpace()}
"""Ways to find directions, by the names on the page."""

GIVEN = "from the file"
"""What directions of a file are called on the page."""


@dataclass(frozen=True)
class Asked:
    """What somebody asks to see.

    Args:
        seed: Where the way begins.
        other: Where it ends.
        label: The class of all images; None for a model without labels.
        psi: Truncation, from 0 to 1.
        share: The place on the way, from 0 to 1.
        method: Where the directions come from.
        amounts: How far along each of the first of them.
        coordinates: Coordinates of the latent.
        values: How far in each.
        found: A latent, such as that of a picture that was found again, in place of the seed.
    """

    seed: int
    other: int
    label: int | None = None
    psi: float = 1.0
    share: float = 0.0
    method: str = ""
    amounts: Sequence[float] = ()
    coordinates: Sequence[int] = ()
    values: Sequence[float] = ()
    found: Latents | None = None


class Sight(NamedTuple):
    """What is seen.

    Args:
        pixels: The image, (H, W, C) uint8.
        latents: Its latent.
        file: The name and content of a file that holds it.
        command: Makes it again, if that file is beside it.
        way: The images between both ends, (H, W, C) each.
        sheet: These as gan walk draws them.
        stops: The latents of both ends.
        way_file: The name and content of a file that holds them.
        way_command: Makes them again, if that file is beside it.
    """

    pixels: np.ndarray
    latents: Latents
    file: tuple[str, bytes]
    command: str
    way: list[np.ndarray]
    sheet: Image.Image
    stops: Latents
    way_file: tuple[str, bytes]
    way_command: str


class Tuned(NamedTuple):
    """A generator that was tuned to a picture.

    Args:
        images: What it makes of the latent, (1, C, H, W) in [-1, 1].
        psnr: (1,), in dB.
        file: The change, as a file.
    """

    images: Tensor
    psnr: Tensor
    file: bytes


class Explorer:
    """A model to look at.

    Args:
        checkpoint: Its checkpoint.
        device: cpu, cuda, mps or auto.
        file: Directions that gan directions wrote, if any are given.
        tuned: A file of `gan invert --tune`, which changes the model, if one is given.
    """

    training: TrainingImages | None = None
    """The images that it was trained on, if they are at hand."""

    def __init__(self, checkpoint: Checkpoint, device: str, file: str | None = None, tuned: str | None = None) -> None:
        self.source, self.searched = editable(checkpoint, device, tuned), image_sampler(checkpoint, device, tuned)
        self.again, self.searches = Again(checkpoint, self.source.class_names, tuned), Searches()
        self.found: dict[str, Directions] = {}
        if file is not None:
            self.found[GIVEN] = read_directions(file, self.source.latent_dim)
        self.one_at_a_time = threading.Lock()

    @property
    def image_shape(self) -> ImageShape:
        """Channels, height, width."""
        channels, height, width = self.source.model.image_shape
        return channels, height, width

    @property
    def is_tuned(self) -> bool:
        """Whether a file has changed its generator, which then is not tuned again."""
        return bool(self.again.tuned)

    @property
    def sizes(self) -> tuple[int, int]:
        """The length of a latent, and the number of classes."""
        return self.source.latent_dim, self.source.classes

    @property
    def classes(self) -> list[str]:
        """What the classes are called; empty for a model without labels."""
        return [*self.source.class_names] or [str(label) for label in range(self.source.classes)]

    def methods(self) -> list[str]:
        """Returns where directions can come from."""
        given = [name for name in self.found if name not in METHODS]
        try:
            self.directions("SeFa")
        except UserError:  # no dense layer takes the latent
            return [*given, *(name for name in METHODS if name != "SeFa")]
        return [*given, *METHODS]

    def directions(self, method: str) -> Directions:
        """Returns directions, which are found once."""
        with self.one_at_a_time:
            if method not in self.found:
                if method not in METHODS:
                    raise UserError(f"there are no directions {method}: choose {' or '.join(METHODS)}")
                self.found[method] = directions(self.source.model, METHODS[method], samples=COMPONENT_SAMPLES)
            return self.found[method]

    def view(self, asked: Asked) -> Viewpoint:
        """Returns the place that is asked for."""
        ends = of_seeds([asked.seed, asked.other], self.source)
        if asked.label is not None:
            ends = with_labels(ends, asked.label, self.source)
        if asked.found is not None:
            names = [*asked.found.names, ends.names[1]]
            ends = ends._replace(z=torch.cat([asked.found.z.to(ends.z), ends.z[1:]]), names=names)
        vectors = self.directions(asked.method).vectors if any(asked.amounts) else torch.zeros(0, ends.z.shape[1])
        amounts = asked.amounts[: len(vectors)]
        return Viewpoint(ends, asked.psi, move_along(vectors, amounts, asked.coordinates, asked.values), asked.share)

    def look(self, asked: Asked) -> Sight:
        """Returns what is asked for."""
        view = self.view(asked)
        way = view.way(STEPS)
        with self.one_at_a_time:  # a walk between classes hooks into the network
            image = images_at(self.source.model, Places(*view.place[:2]))
            frames = list(frames_of(walked(self.source.model, way.batches())))
        sheet = strip(way, {number: frames[number] for row in rows_of(way) for number in row})
        file, way_file = latents_held("latents", view.place), latents_held("way", way.stops)
        command, way_command = self.command(asked, view, file[0]), self.way(asked, way, way_file[0])
        return Sight(to_uint8(image)[0], view.place, file, command, frames, sheet, way.stops, way_file, way_command)

    def command(self, asked: Asked, view: Viewpoint, file: str) -> str:
        """Returns the command for the image."""
        if view.is_sample and asked.found is None:
            return self.again.predict(asked.seed, asked.label)
        return self.again.walk_through(file, 1)

    def way(self, asked: Asked, walk: Walk, file: str) -> str:
        """Returns the command for the way."""
        moved = any(asked.amounts) or any(asked.values)
        if asked.found is None and not moved:
            return self.again.walk_between([asked.seed, asked.other], asked.label, asked.psi, walk.steps)
        return self.again.walk_through(file, walk.steps)

    def find(self, go_on: GoOn, picture: Tensor, label: int | None, starts: int, told: Told | None = None) -> Inverted:
        """Finds a picture (C, H, W) in [-1, 1] again, as gan invert does.

        Args:
            go_on: Is asked again and again, and may end the search.
            picture: The picture.
            label: Its class; None to infer it.
            starts: Samples to start from, at most.
            told: Is told how far it is.
        """
        x = picture[None].to(self.searched.device)
        return invert(asking(self.searched, go_on), x, *self.sizes, labels_for(label), starts=starts, told=told)

    def tune(
        self, picture: Tensor, found: Inverted, steps: int, told: Callable[[int, float], object] | None = None
    ) -> Tuned:
        """Tunes a copy of the generator to a picture that was found again, as gan invert --tune does.

        Args:
            picture: The picture (C, H, W) in [-1, 1].
            found: What was found.
            steps: Of the tuning.
            told: Is told each step and its error; may end it.
        """
        before = self.searched.average_generator.network
        tuned = tune(before, found.z, found.y, picture[None].to(found.z), steps, told=told)
        made = images_from(tuned, found.z, found.y)
        return Tuned(made, psnr(made, picture[None].to(made)), tuning_file(before, tuned))

    def complete(
        self, go_on: GoOn, picture: Tensor, missing: Tensor, label: int | None, count: int, starts: int, seed: int
    ) -> Completed:
        """Completes a picture (C, H, W) in [-1, 1], as gan complete does.

        Args:
            go_on: Is asked again and again, and may end the search.
            picture: The picture.
            missing: (H, W) bool, true where it is missing.
            label: Its class; None to infer it.
            count: Completions.
            starts: Samples to start from.
            seed: Fixes the draws.
        """
        x, missing = picture[None].to(self.searched.device), missing.to(self.searched.device)
        y = labels_for(label)
        return complete(asking(self.searched, go_on), x, missing, *self.sizes, y, count=count, starts=starts, seed=seed)


def latents_held(stem: str, latents: Latents) -> tuple[str, bytes]:
    """Returns the name and the content of a file of latents."""
    content = latents_file(latents)
    return own_name(stem, content, ".npz"), content


def labels_for(label: int | None) -> Tensor | None:
    return None if label is None else torch.tensor([label])
