"""What the page answers when something on it is moved: the parts that are then shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gan_lightning.commands.complete import in_percent
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import picture, to_uint8
from gan_lightning.editing.inversion import Inverted
from gan_lightning.editing.latent_files import Latents
from gan_lightning.page.again import own_name
from gan_lightning.page.explorer import Asked, Explorer, Tuned, latents_held
from gan_lightning.page.pieces import erasable, figure, kept, note, png, row, strip_of
from gan_lightning.page.searches import GoOn
from gan_lightning.page.uploads import erased, uploaded_picture

NEAREST_SHOWN, COMPLETIONS = 6, 6
"""Training images and completions that are shown."""

ANY_CLASS = -1
"""The class of a picture that is to be found out."""

SAVE_IMAGE, SAVE_WAY = (
    "Save this image, and the command that makes it again",
    "Save the way, and the command that makes it again",
)
SAVE_COMPLETIONS = "Save them, and the command that makes them again of the picture and the mask"
SAVE_FOUND = "Save it, and the command that finds it again"

TUNED = "To look around with the tuned generator, start gan explore with --tuned and this file."

LARGEST_TUNING = 24 * 2**20
"""Bytes of the file of a tuned generator that a page holds. The command writes it, however large."""

ToldShare = Callable[[float, str], None]
"""Is told the share of a search that is done, and what it is at."""


class Seen(NamedTuple):
    """The parts of the page that show what is asked for, in HTML: the image, the way, its neighbours, the files."""

    image: str
    way: str
    near: str
    saved: str


class Answered(NamedTuple):
    """The parts of the page that answer a search, in HTML: the images, and the files."""

    images: str
    saved: str


class FoundAgain(NamedTuple):
    """A picture that was found again.

    Args:
        picture: (C, H, W) in [-1, 1].
        label: Its class that was given; None if it was to be found out.
        starts: Samples that the search started from.
        made: What was found.
    """

    picture: Tensor
    label: int | None
    starts: int
    made: Inverted

    @property
    def file(self) -> tuple[str, bytes]:
        """The name and the content of the picture's file."""
        content = picture_file(self.picture)
        return own_name("picture", content, ".png"), content

    @property
    def latents(self) -> Latents:
        """What was found, for a file."""
        y = self.made.y
        return Latents(self.made.z.cpu(), None if y is None else y.cpu(), [self.file[0]])


class Answers:
    """Answers for an explorer. Nothing of a question stays here.

    Args:
        explorer: What stands behind the page.
    """

    def __init__(self, explorer: Explorer) -> None:
        self.explorer = explorer

    def seen(self, asked: Asked, near: bool) -> Seen:
        """Shows what is asked for, and the nearest training images if they are wanted."""
        sight = self.explorer.look(asked)
        image, strip = png(picture(sight.pixels)), png(sight.sheet)
        image = dict([(own_name("image", image, ".png"), image), sight.file])
        strip = dict([(own_name("strip", strip, ".png"), strip), sight.way_file])
        return Seen(
            figure(sight.pixels, sight.latents.names[0]),
            strip_of(sight.way, f"From {sight.stops.names[0]} to {sight.stops.names[1]}"),
            self.neighbours(torch.from_numpy(sight.pixels)) if near else "",
            kept(image, sight.command, SAVE_IMAGE) + kept(strip, sight.way_command, SAVE_WAY),
        )

    def neighbours(self, pixels: Tensor) -> str:
        """Shows the training images that are nearest to an image (H, W, C) uint8."""
        if self.explorer.training is None:
            return ""
        near = self.explorer.training.nearest(pixels.permute(2, 0, 1) / 127.5 - 1, NEAREST_SHOWN)
        names = [f"off by {distance * 127.5:.0f} of 255" for distance in near.distances.tolist()]
        return row(list(near.images.permute(0, 2, 3, 1).numpy()), names, "The nearest training images")

    def chosen(self, content: object) -> tuple[Tensor, str]:
        """Returns a picture that was chosen, (C, H, W) in [-1, 1], and shows it, to be erased."""
        found = uploaded_picture(content, self.explorer.image_shape)
        return found, erasable(to_uint8(found[None])[0])

    def completed(
        self, go_on: GoOn, letters: object, shown: Tensor | None, label: int, starts: int, seed: int
    ) -> Answered:
        """Shows completions of a picture.

        Args:
            go_on: Is asked again and again, and may end the search.
            letters: What is erased, a letter a pixel.
            shown: The picture, (C, H, W) in [-1, 1].
            label: Its class, or `ANY_CLASS`.
            starts: Samples to start from.
            seed: Fixes the draws.
        """
        x, given = chosen_picture(shown), None if label == ANY_CLASS else label
        missing, search = erased(letters, self.explorer.image_shape), (COMPLETIONS, starts, seed)
        made = self.explorer.complete(go_on, x, missing, given, *search)
        pixels = to_uint8(made.images[0])
        names = [f"{k + 1}{self.called(made.y, k)}" for k in range(len(pixels))]
        shown_all = row(list(pixels), names, "Completions, the most likely one first")
        if made.probabilities is not None:
            shown_all += note(f"Class: {in_percent(made.probabilities[0], self.explorer.source.class_names)}")
        y = None if made.y is None else made.y[0]
        given_file, mask_file = picture_file(x), png(picture(missing[..., None].byte().mul(255).numpy()))
        name, mask = own_name("picture", given_file, ".png"), own_name("mask", mask_file, ".png")
        files = {name: given_file, mask: mask_file}
        made_files = [png(picture(each)) for each in pixels]
        files |= {own_name(f"{Path(name).stem}-{k}", each, ".png"): each for k, each in enumerate(made_files)}
        files |= [latents_held("latents", Latents(made.z[0], y, [f"{name} {k}" for k in range(len(pixels))]))]
        command = self.explorer.again.complete(name, mask, given, *search)
        return Answered(shown_all, kept(files, command, SAVE_COMPLETIONS))

    def found(self, go_on: GoOn, shown: Tensor | None, label: int, starts: int, told: ToldShare) -> FoundAgain:
        """Finds what the model makes that is most like a picture; see `completed`.

        Args:
            go_on: Is asked again and again, and may end the search.
            shown: The picture, (C, H, W) in [-1, 1].
            label: Its class, or `ANY_CLASS`.
            starts: Samples to start from.
            told: Is told the share that is done, and what it is.
        """
        x, given = chosen_picture(shown), None if label == ANY_CLASS else label

        def start(done: int, of: int, psnr: float) -> None:
            told(done / of, f"start {done} of {of}, {psnr:.1f} dB")

        return FoundAgain(x, given, starts, self.explorer.find(go_on, x, given, starts, start))

    def tuned(self, go_on: GoOn, found: FoundAgain, steps: int, told: ToldShare) -> Answered:
        """Tunes a copy of the generator to a picture that was found again, and shows both."""

        def step(done: int, error: float) -> None:
            go_on()
            told(done / steps, f"tuning, step {done} of {steps}")

        return self.shown_again(found, self.explorer.tune(found.picture, found.made, steps, step), steps)

    def shown_again(self, found: FoundAgain, tuned: Tuned | None = None, steps: int = 0) -> Answered:
        """Shows a picture that was found again, and what a generator that was tuned to it makes."""
        files = dict([found.file, latents_held("latents", found.latents)])
        images = [found.picture[None], found.made.images]
        names = ["the picture", f"found again, {float(found.made.psnr[0]):.1f} dB{self.called(found.made.y, 0)}"]
        if tuned is not None:
            files, images = files | kept_tuning(tuned.file), [*images, tuned.images]
            names = [*names, f"after tuning, {float(tuned.psnr[0]):.1f} dB"]
        pixels = [to_uint8(image)[0] for image in images]
        command = self.explorer.again.invert(found.file[0], found.label, found.starts, steps)
        below = "" if tuned is None else note(TUNED if kept_tuning(tuned.file) else too_large(tuned.file))
        return Answered(row(pixels, names, "Found again"), kept(files, command, SAVE_FOUND) + below)

    def called(self, y: Tensor | None, k: int) -> str:
        """Returns the class of one of several images, after a comma."""
        if y is None:
            return ""
        name = self.explorer.classes[int(y.flatten()[k])]
        return f", class {name}" if name.isdigit() else f", {name}"


def chosen_picture(shown: Tensor | None) -> Tensor:
    """Returns the picture that is shown.

    Raises:
        UserError: There is none.
    """
    if shown is None:
        raise UserError("there is no picture yet: choose one first")
    return shown


def kept_tuning(content: bytes) -> dict[str, bytes]:
    """Returns the file of a tuned generator, unless it is too large for a page."""
    return {own_name("tuned", content, ".safetensors"): content} if len(content) <= LARGEST_TUNING else {}


def too_large(content: bytes) -> str:
    return (
        f"The tuned generator is a file of {len(content) // 2**20} MiB, too large for this page: the command writes it."
    )


def picture_file(x: Tensor) -> bytes:
    """Returns a picture (C, H, W) in [-1, 1] as a PNG file."""
    return png(picture(to_uint8(x[None])[0]))


def integer_of(value: Any) -> int:
    """Returns a whole number from a control, which may be empty."""
    return int(value or 0)


def number_of(value: Any) -> float:
    return float(value or 0)
