"""What the page answers when something on it is moved: the parts that are then shown."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from gan_lightning.commands.complete import in_percent
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import picture, to_uint8
from gan_lightning.editing.latent_files import Latents, latents_file
from gan_lightning.page.explorer import Asked, Explorer
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
SAVE_COMPLETIONS = "Save them, and the command that makes them again of picture.png and mask.png"
SAVE_FOUND = "Save it, and the command that finds it again"


class Seen(NamedTuple):
    """The parts of the page that show what is asked for, in HTML: the image, the way, its neighbours, the files."""

    image: str
    way: str
    near: str
    saved: str


class Answered(NamedTuple):
    """The parts of the page that answer a search, in HTML: the images, and the files; and the latent that was found."""

    images: str
    saved: str
    found: Latents | None = None


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
        image = {"image.png": png(picture(sight.pixels)), "latents.npz": latents_file(sight.latents)}
        strip = {"strip.png": png(sight.sheet), "way.npz": latents_file(sight.stops)}
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
        files = {"picture.png": picture_file(x), "mask.png": png(picture(missing[..., None].byte().mul(255).numpy()))}
        files |= {f"picture-{k}.png": png(picture(each)) for k, each in enumerate(pixels)}
        files["latents.npz"] = latents_file(Latents(made.z[0], y, [f"picture.png {k}" for k in range(len(pixels))]))
        command = self.explorer.again.complete("picture.png", "mask.png", given, *search)
        return Answered(shown_all, kept(files, command, SAVE_COMPLETIONS))

    def found(self, go_on: GoOn, shown: Tensor | None, label: int, starts: int) -> Answered:
        """Shows what the model makes that is most like a picture; see `completed`."""
        x, given = chosen_picture(shown), None if label == ANY_CLASS else label
        again = self.explorer.find(go_on, x, given, starts)
        latents = Latents(again.z.cpu(), None if again.y is None else again.y.cpu(), ["picture.png"])
        pair = [to_uint8(x[None])[0], to_uint8(again.images)[0]]
        names = ["the picture", f"found again, {float(again.psnr[0]):.1f} dB{self.called(again.y, 0)}"]
        files = {"picture.png": picture_file(x), "latents.npz": latents_file(latents)}
        command = self.explorer.again.invert("picture.png", given, starts)
        return Answered(row(pair, names, "Found again"), kept(files, command, SAVE_FOUND), latents)

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


def picture_file(x: Tensor) -> bytes:
    """Returns a picture (C, H, W) in [-1, 1] as a PNG file."""
    return png(picture(to_uint8(x[None])[0]))


def integer_of(value: Any) -> int:
    """Returns a whole number from a control, which may be empty."""
    return int(value or 0)


def number_of(value: Any) -> float:
    return float(value or 0)
