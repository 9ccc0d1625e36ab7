"""What is where on the page, and what happens when something is moved."""

import random
from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr  # pyright: ignore[reportMissingImports]
import torch
from torch import Tensor

from gan_lightning.commands.complete import in_percent
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import picture, to_uint8
from gan_lightning.editing.latent_files import Latents, latents_file
from gan_lightning.page.explorer import Asked, Explorer
from gan_lightning.page.pieces import erasable, figure, heading, kept, note, png, row, strip_of
from gan_lightning.page.uploads import LARGEST_UPLOAD, erased, uploaded_picture

MOST_DIRECTIONS, MOST_COORDINATES, NEAREST_SHOWN, COMPLETIONS = 6, 3, 6, 6
"""Sliders for directions and for coordinates, training images and completions that are shown."""

HIGHEST_SEED = 9999
"""Of the sliders."""

WAITING = 20
"""People whose searches may wait in line; more are told to come back."""

CHOOSER = """
element.querySelector("input").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) trigger("upload", { content: file.size > LARGEST ? null : await window.brush.read(file) });
  event.target.value = "";
});
""".replace("LARGEST", str(LARGEST_UPLOAD))
"""Sends a file that is chosen; of one that is too large, only that."""

BY_SEED, BY_PICTURE = "a seed", "the picture found again"

QUICK = {"concurrency_id": "look", "show_progress": "hidden", "trigger_mode": "always_last"}
LONG = {"concurrency_id": "search", "show_progress": "minimal", "trigger_mode": "once"}
"""How events are run: looks one by one, only the last of a moving slider; searches one by one beside them."""


def shown_on_page(function: Callable) -> Callable:
    """Shows a mistake of a function's user on the page, in one line."""

    @wraps(function)
    def shown(*words: Any) -> Any:
        try:
            return function(*words)
        except UserError as error:
            raise gr.Error(str(error), title="That did not work", print_exception=False) from error

    return shown


class Page:
    """The page of an explorer.

    Args:
        explorer: What stands behind it.
        title: What the model is called.
    """

    def __init__(self, explorer: Explorer, title: str) -> None:
        self.explorer, self.title = explorer, title
        self.shape = tuple(explorer.source.model.image_shape)
        self.methods = explorer.methods()

    def blocks(self) -> gr.Blocks:
        """Builds the page."""
        with gr.Blocks(title="gan explore", analytics_enabled=False) as page:
            gr.HTML(heading("gan explore", self.title), padding=False)
            self.picture, self.found = gr.State(None), gr.State(None)
            with gr.Tabs():
                with gr.Tab("Look around"):
                    self.look_tab()
                with gr.Tab("Your picture"):
                    self.picture_tab()
            self.connect(page)
        page.queue(max_size=WAITING, default_concurrency_limit=1)
        return page

    # ---- what is where --------------------------------------------------------------------------------------------

    def look_tab(self) -> None:
        with gr.Row(equal_height=False, elem_id="look"):
            with gr.Column(min_width=280):
                self.seen, self.way = gr.HTML(padding=False, elem_id="seen"), gr.HTML(padding=False, elem_id="way")
                self.near = gr.HTML(padding=False, elem_id="near")
                self.saved = gr.HTML(padding=False, elem_id="saved")
            with gr.Column(min_width=280):
                self.main_controls()
                self.way_controls()
                self.direction_controls()
                self.coordinate_controls()
                self.start_again = gr.Button("Reset directions and coordinates", size="sm")

    def main_controls(self) -> None:
        self.start = gr.Radio([BY_SEED], value=BY_SEED, label="Begin with", visible=False)
        self.seed = gr.Slider(0, HIGHEST_SEED, 0, step=1, label="Seed", elem_id="seed")
        self.another = gr.Button("Another seed", size="sm")
        classes = self.explorer.classes
        choices = [(name, number) for number, name in enumerate(classes)]
        self.label = gr.Dropdown(choices, value=0 if classes else None, label="Class", visible=bool(classes),
                                 elem_id="class")  # fmt: skip
        self.psi = gr.Slider(0, 1, 1, step=0.05, label="Truncation (1: none, 0: the mean)", elem_id="truncation")
        self.nearest = gr.Checkbox(label="Show the nearest training images", visible=self.explorer.training is not None)

    def way_controls(self) -> None:
        with gr.Accordion("The way to another seed", open=True):
            self.other = gr.Slider(0, HIGHEST_SEED, 1, step=1, label="The other seed", elem_id="other")
            self.share = gr.Slider(0, 1, 0, step=1 / 40, label="Place on the way", elem_id="share")

    def direction_controls(self) -> None:
        names = self.names(self.methods[0])
        with gr.Accordion("Directions", open=True):
            self.method = gr.Radio(self.methods, value=self.methods[0], label="Found by", elem_id="method")
            self.amounts = [
                gr.Slider(-4, 4, 0, step=0.1, label=names[k] if k < len(names) else "", visible=k < len(names),
                          elem_id=f"direction-{k}")
                for k in range(MOST_DIRECTIONS)
            ]  # fmt: skip

    def coordinate_controls(self) -> None:
        last = self.explorer.source.latent_dim - 1
        count = min(MOST_COORDINATES, last + 1)
        self.coordinates, self.values = [], []
        with gr.Accordion("Single coordinates of the latent", open=False):
            for k in range(count):
                with gr.Row():
                    number = gr.Number(k, minimum=0, maximum=last, precision=0, label=f"Coordinate (0 to {last})",
                                       min_width=120, elem_id=f"coordinate-{k}")  # fmt: skip
                    self.coordinates.append(number)
                    value = gr.Slider(-4, 4, 0, step=0.1, label="Moved by", min_width=150, elem_id=f"value-{k}")
                    self.values.append(value)

    def picture_tab(self) -> None:
        with gr.Row(equal_height=False):
            with gr.Column(min_width=280):
                self.chooser = gr.HTML(
                    html_template='<label class="choose">Choose a picture<input type="file" accept="image/*"></label>',
                    js_on_load=CHOOSER,
                    padding=False,
                    elem_id="choose",
                )
                self.canvas = gr.HTML(note("Any photo or drawing: it is resized and cropped as training images are."),
                                      padding=False)  # fmt: skip
                side = max(self.shape[1:])
                self.brush = gr.Slider(1, max(2, side // 2), max(1, side // 6), step=1, label="Brush, in pixels",
                                       elem_id="brush")  # fmt: skip
                self.clear = gr.Button("Erase nothing", size="sm")
            with gr.Column(min_width=280):
                classes = self.explorer.classes
                choices = [("find out", -1), *((name, number) for number, name in enumerate(classes))]
                self.given = gr.Dropdown(choices, value=-1, label="Class of the picture", visible=bool(classes))
                self.draw = gr.Slider(0, HIGHEST_SEED, 0, step=1, label="Seed of the completions")
                self.starts = gr.Slider(1, 8, 4, step=1, label="Starts of the search (more: better, slower)",
                                        elem_id="starts")  # fmt: skip
                self.mask = gr.Textbox(visible="hidden")
                with gr.Row():
                    self.complete_it = gr.Button("Complete it", variant="primary", elem_id="complete",
                                                 min_width=130)  # fmt: skip
                    self.find_it = gr.Button("Find it again", elem_id="find", min_width=130)
                self.completed, self.again = gr.HTML(padding=False), gr.HTML(padding=False)

    # ---- what happens ---------------------------------------------------------------------------------------------

    def connect(self, page: gr.Blocks) -> None:
        moved = [self.start, self.seed, self.label, self.psi, self.other, self.share, self.nearest, *self.amounts]
        moved += [*self.coordinates, *self.values]
        asked = [self.found, *moved[:7], self.method, *self.amounts, *self.coordinates, *self.values]
        look = {
            "fn": shown_on_page(self.look),
            "inputs": asked,
            "outputs": [self.seen, self.way, self.near, self.saved],
        }
        look |= QUICK | {"api_visibility": "private"}
        gr.on([page.load, *(control.input for control in moved)], **look)
        change = {"api_visibility": "private", "show_progress": "hidden"}
        self.another.click(another_seed, None, self.seed, **change).then(**look)
        sliders = [*self.amounts, *self.values]
        self.start_again.click(lambda: [0] * len(sliders), None, sliders, **change).then(**look)
        renamed = shown_on_page(self.renamed)
        self.method.input(renamed, self.method, self.amounts, concurrency_id="look", **change).then(**look)
        self.chooser.upload(shown_on_page(self.chosen), None, [self.picture, self.canvas, self.completed, self.again],
                            **change)  # fmt: skip
        self.clear.click(None, js="() => window.brush.clear()")
        long = LONG | {"api_visibility": "private"}
        self.complete_it.click(
            shown_on_page(self.complete), [self.mask, self.picture, self.given, self.starts, self.draw],
            [self.completed, self.again], js="(mask, ...others) => [window.brush.mask(), ...others]", **long,
        )  # fmt: skip
        self.find_it.click(
            shown_on_page(self.find), [self.picture, self.given, self.starts],
            [self.completed, self.again, self.found, self.start, self.label], **long,
        ).then(**look)  # fmt: skip

    def asked(self, found: Latents | None, words: tuple[Any, ...]) -> Asked:
        """Returns what the controls say."""
        start, seed, label, psi, other, share, _, method, *numbers = words
        many, few = len(self.amounts), len(self.coordinates)
        amounts, coordinates, values = numbers[:many], numbers[many : many + few], numbers[many + few :]
        return Asked(
            seed=integer_of(seed),
            other=integer_of(other),
            label=integer_of(label) if self.explorer.classes else None,
            psi=number_of(psi),
            share=number_of(share),
            method=method,
            amounts=[number_of(amount) for amount in amounts],
            coordinates=[integer_of(coordinate) for coordinate in coordinates],
            values=[number_of(value) for value in values],
            found=found if start == BY_PICTURE else None,
        )

    def look(self, found: Latents | None, *words: Any) -> tuple[str, str, str, str]:
        """Shows what is asked for."""
        sight = self.explorer.look(self.asked(found, words))
        name = sight.latents.names[0]
        way = strip_of(sight.way, f"From {sight.stops.names[0]} to {sight.stops.names[1]}")
        image = {"image.png": png(picture(sight.pixels)), "latents.npz": latents_file(sight.latents)}
        strip = {"strip.png": png(sight.sheet), "way.npz": latents_file(sight.stops)}
        saved = kept(image, sight.command, "Save this image, and the command that makes it again")
        saved += kept(strip, sight.way_command, "Save the way, and the command that makes it again")
        near = self.neighbours(torch.from_numpy(sight.pixels)) if words[6] else ""
        return figure(sight.pixels, name), way, near, saved

    def neighbours(self, pixels: Tensor) -> str:
        """Shows the training images that are nearest to an image (H, W, C) uint8."""
        if self.explorer.training is None:
            return ""
        near = self.explorer.training.nearest(pixels.permute(2, 0, 1) / 127.5 - 1, NEAREST_SHOWN)
        names = [f"off by {distance * 127.5:.0f} of 255" for distance in near.distances.tolist()]
        return row(list(near.images.permute(0, 2, 3, 1).numpy()), names, "The nearest training images")

    def names(self, method: str) -> list[str]:
        """Returns what the directions on the page are called."""
        return self.explorer.directions(method).names[:MOST_DIRECTIONS]

    def renamed(self, method: str) -> list[Any]:
        """Puts other directions on the sliders, at 0."""
        names = self.names(method)
        return [
            gr.update(label=names[k], value=0, visible=True) if k < len(names) else gr.update(value=0, visible=False)
            for k in range(MOST_DIRECTIONS)
        ]

    def chosen(self, event: gr.EventData) -> tuple[Tensor, str, str, str]:
        """Shows a picture that was chosen, to be erased."""
        found = uploaded_picture(event._data.get("content"), self.shape)
        return found, erasable(to_uint8(found[None])[0]), note("Erase a part of it with the brush."), ""

    def complete(self, letters: str, shown: Tensor | None, label: int, starts: int, seed: int) -> tuple[str, str]:
        """Shows completions of the picture."""
        found = self.there(shown)
        missing, given = erased(letters, self.shape), None if label < 0 else integer_of(label)
        search = COMPLETIONS, integer_of(starts), integer_of(seed)
        made = self.explorer.complete(found, missing, given, *search)
        pixels = to_uint8(made.images[0])
        names = [f"{k + 1}{self.called(made.y, k)}" for k in range(len(pixels))]
        files = {"picture.png": png(picture(to_uint8(found[None])[0])), "mask.png": png(picture_of(missing))}
        y = None if made.y is None else made.y[0]
        latents = Latents(made.z[0], y, [f"picture.png {k}" for k in range(len(pixels))])
        files |= {f"picture-{k}.png": png(picture(each)) for k, each in enumerate(pixels)}
        files |= {"latents.npz": latents_file(latents)}
        command = self.explorer.again.complete("picture.png", "mask.png", given, *search)
        words = "Save them, and the command that makes them again of picture.png and mask.png"
        likely = (
            []
            if made.probabilities is None
            else [note(f"Class: {in_percent(made.probabilities[0], self.explorer.source.class_names)}")]
        )
        shown_all = row(list(pixels), names, "Completions, the most likely one first")
        return "".join([shown_all, *likely]), kept(files, command, words)

    def find(self, shown: Tensor | None, label: int, starts: int) -> tuple[Any, ...]:
        """Shows what the model makes that is most like the picture, and lets the other tab begin with it."""
        found = self.there(shown)
        given = None if label < 0 else integer_of(label)
        again = self.explorer.find(found, given, integer_of(starts))
        latents = Latents(again.z.cpu(), None if again.y is None else again.y.cpu(), ["picture.png"])
        pair = [to_uint8(found[None])[0], to_uint8(again.images)[0]]
        names = ["the picture", f"found again, {float(again.psnr[0]):.1f} dB{self.called(again.y, 0)}"]
        files = {"picture.png": png(picture(pair[0])), "latents.npz": latents_file(latents)}
        command = self.explorer.again.invert("picture.png", given, integer_of(starts))
        saved = kept(files, command, "Save it, and the command that finds it again")
        saved += note(f"“Look around” now begins with {BY_PICTURE}.")
        begin = gr.update(choices=[BY_SEED, BY_PICTURE], value=BY_PICTURE, visible=True)
        label_found = gr.skip() if again.y is None else int(again.y[0])
        return row(pair, names, "Found again"), saved, latents, begin, label_found

    def called(self, y: Tensor | None, k: int) -> str:
        """Returns the class of one of several images, after a comma."""
        if y is None:
            return ""
        name = self.explorer.classes[int(y.flatten()[k])]
        return f", class {name}" if name.isdigit() else f", {name}"

    def there(self, shown: Tensor | None) -> Tensor:
        """Returns the picture that is shown.

        Raises:
            UserError: There is none.
        """
        if shown is None:
            raise UserError("there is no picture yet: choose one first")
        return shown


def picture_of(mask: Tensor) -> Any:
    """Returns a mask (H, W) as a picture, white where it is true."""
    return picture(mask.to(torch.uint8).mul(255)[..., None].numpy())


def another_seed() -> int:
    return random.randint(0, HIGHEST_SEED)


def integer_of(value: Any) -> int:
    """Returns a whole number from a control, which may be empty."""
    return int(value or 0)


def number_of(value: Any) -> float:
    return float(value or 0)
