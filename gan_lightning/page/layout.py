"""What is where on the page, and what happens when something is moved."""

import random
from collections.abc import Callable
from functools import wraps
from typing import Any

import gradio as gr  # pyright: ignore[reportMissingImports]
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.editing.latent_files import Latents
from gan_lightning.page.answers import ANY_CLASS, Answered, Answers, FoundAgain, Seen, integer_of, number_of
from gan_lightning.page.explorer import Asked, Explorer
from gan_lightning.page.pieces import heading, note
from gan_lightning.page.searches import StoppedError
from gan_lightning.page.uploads import LARGEST_UPLOAD

MOST_DIRECTIONS, MOST_COORDINATES = 6, 3
"""Sliders for directions, and for coordinates."""

HIGHEST_SEED = 9999
"""Of the sliders."""

WAITING = 20
"""Questions that may wait in line; whoever asks more is told to come back."""

CHOOSER = f"""
element.querySelector("input").addEventListener("change", async (event) => {{
  const [file] = event.target.files;
  if (file) trigger("upload", {{ content: file.size > {LARGEST_UPLOAD} ? null : await window.brush.read(file) }});
  event.target.value = "";
}});
"""
"""Sends a file that is chosen; of one that is too large, only that."""

CHOOSE = '<label class="choose">Choose a picture<input type="file" accept="image/*"></label>'

SEARCHING = note("Searching …")
"""What is shown until a search ends."""

BY_SEED, BY_PICTURE = "a seed", "the picture found again"

PROGRESS = gr.Progress()
"""Stands for the progress of an event where a function asks for it."""

BRIEF: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
QUICK: dict[str, Any] = BRIEF | {"concurrency_id": "look", "trigger_mode": "always_last"}
LONG: dict[str, Any] = {
    "api_visibility": "private", "show_progress": "minimal", "concurrency_id": "search", "trigger_mode": "once"
}  # fmt: skip
"""How events are run: looks one by one, only the last of a moving slider; searches one by one beside them."""


def shown_on_page(function: Callable) -> Callable:
    """Shows a mistake of a function's user on the page, in one line."""

    @wraps(function)
    def shown(*words: Any) -> Any:
        try:
            return function(*words)
        except StoppedError:
            return gr.skip()  # what is there stays
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
        self.explorer, self.title, self.answers = explorer, title, Answers(explorer)
        self.methods = explorer.methods()
        self.classes = [(name, number) for number, name in enumerate(explorer.classes)]

    def blocks(self) -> gr.Blocks:
        """Builds the page."""
        with gr.Blocks(title="gan explore", analytics_enabled=False) as page:
            gr.HTML(heading("gan explore", self.title), padding=False)
            self.picture, self.found, self.found_again = gr.State(None), gr.State(None), gr.State(None)
            with gr.Tabs():
                with gr.Tab("Look around"):
                    self.look_tab()
                with gr.Tab("Your picture"):
                    self.picture_tab()
            self.connect_looks(page)
            self.connect_picture()
            page.unload(self.leave)
        return page.queue(max_size=WAITING, default_concurrency_limit=1)

    # ---- what is where --------------------------------------------------------------------------------------------

    def look_tab(self) -> None:
        with gr.Row(equal_height=False, elem_id="look"):
            with gr.Column(min_width=280):
                self.seen = [gr.HTML(padding=False, elem_id=name) for name in Seen._fields]
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
        labelled = bool(self.classes)
        self.label = gr.Dropdown(self.classes, value=0 if labelled else None, label="Class", visible=labelled)
        self.psi = gr.Slider(0, 1, 1, step=0.05, label="Truncation (1: none, 0: the mean)")
        self.nearest = gr.Checkbox(
            label="Show the nearest training images", visible=self.explorer.training is not None, elem_id="nearest"
        )

    def way_controls(self) -> None:
        with gr.Accordion("The way to another seed", open=True):
            self.other = gr.Slider(0, HIGHEST_SEED, 1, step=1, label="The other seed")
            self.share = gr.Slider(0, 1, 0, step=1 / 40, label="Place on the way")

    def direction_controls(self) -> None:
        with gr.Accordion("Directions", open=True):
            self.method = gr.Radio(self.methods, value=self.methods[0], label="Found by")
            self.amounts = [gr.Slider(-4, 4, step=0.1, **words) for words in self.direction_words(self.methods[0])]

    def coordinate_controls(self) -> None:
        last = self.explorer.source.latent_dim - 1
        self.coordinates, self.values = [], []
        with gr.Accordion("Single coordinates of the latent", open=False):
            for k in range(min(MOST_COORDINATES, last + 1)):
                with gr.Row():
                    label = f"Coordinate (0 to {last})"
                    number = gr.Number(k, minimum=0, maximum=last, precision=0, label=label, min_width=120)
                    self.coordinates.append(number)
                    self.values.append(gr.Slider(-4, 4, 0, step=0.1, label="Moved by", min_width=150))

    def picture_tab(self) -> None:
        side = max(self.explorer.image_shape[1:])
        with gr.Row(equal_height=False):
            with gr.Column(min_width=280):
                self.chooser = gr.HTML(html_template=CHOOSE, js_on_load=CHOOSER, padding=False)
                self.canvas = gr.HTML(
                    note("Any photo or drawing: it is resized and cropped as training images are."), padding=False
                )
                label = "Brush, in pixels of the model"
                self.brush = gr.Slider(1, max(2, side // 2), max(1, side // 6), step=1, label=label, elem_id="brush")
                self.clear = gr.Button("Erase nothing", size="sm")
            with gr.Column(min_width=280):
                self.search_controls()
                with gr.Row():
                    self.complete_it = gr.Button("Complete it", variant="primary", elem_id="complete", min_width=120)
                    self.find_it = gr.Button("Find it again", elem_id="find", min_width=120)
                    self.stop_it = gr.Button("Stop", elem_id="stop", min_width=80)
                self.status = gr.HTML(padding=False, elem_id="status")
                self.answered = [gr.HTML(padding=False), gr.HTML(padding=False)]

    def search_controls(self) -> None:
        choices = [("find out", ANY_CLASS), *self.classes]
        self.given = gr.Dropdown(choices, value=ANY_CLASS, label="Class of the picture", visible=bool(self.classes))
        self.draw = gr.Slider(0, HIGHEST_SEED, 0, step=1, label="Seed of the completions")
        self.starts = gr.Slider(1, 8, 4, step=1, label="Starts of the search (more: better, slower)", elem_id="starts")
        label = "Then tune the generator to the picture, in steps (0: leave it)"
        self.tuning = gr.Slider(0, 200, 0, step=10, label=label, visible=not self.explorer.is_tuned, elem_id="tuning")
        self.mask = gr.Textbox(visible="hidden")

    # ---- what happens ---------------------------------------------------------------------------------------------

    def connect_looks(self, page: gr.Blocks) -> None:
        """Shows what the controls ask for as soon as one is moved."""
        first = [self.start, self.seed, self.label, self.psi, self.other, self.share, self.nearest]
        numbers = [*self.amounts, *self.coordinates, *self.values]
        asked = [self.found, *first, self.method, *numbers]
        self.looking: dict[str, Any] = {"fn": shown_on_page(self.look), "inputs": asked, "outputs": self.seen} | QUICK
        gr.on([page.load, *(control.input for control in [*first, *numbers])], **self.looking)
        self.another.click(another_seed, None, self.seed, **BRIEF).then(**self.looking)
        sliders = [*self.amounts, *self.values]
        self.start_again.click(lambda: [0] * len(sliders), None, sliders, **BRIEF).then(**self.looking)
        renamed = shown_on_page(self.renamed)
        self.method.input(renamed, self.method, self.amounts, concurrency_id="look", **BRIEF).then(**self.looking)

    def connect_picture(self) -> None:
        """Searches when a button is pressed. What is erased is asked of the canvas."""
        self.chooser.upload(shown_on_page(self.chosen), None, [self.picture, self.canvas, *self.answered], **BRIEF)
        self.clear.click(None, js="() => window.brush.clear()")
        erased = [self.mask, self.picture, self.given, self.starts, self.draw]
        with_mask = {"js": "(mask, ...others) => [window.brush.mask(), ...others]"} | LONG
        completing = self.begun(self.complete_it).then(shown_on_page(self.complete), erased, self.answered, **with_mask)
        searched, slow = [self.picture, self.given, self.starts], LONG | self.with_progress()
        taken = [*self.answered, self.found_again, self.found, self.start, self.label]
        finding = self.begun(self.find_it).then(shown_on_page(self.find), searched, taken, **slow)
        finding.success(**self.looking)
        found = [self.found_again, self.tuning]
        tuning = finding.then(shown_on_page(self.tune), found, self.answered, **slow)  # so it may be stopped by itself
        for search in (completing, tuning):
            search.then(lambda status: "" if status == SEARCHING else gr.skip(), self.status, self.status, **BRIEF)
        self.stop_it.click(self.stop, self.status, self.status, cancels=[completing, finding, tuning], **BRIEF)

    def with_progress(self) -> dict[str, Any]:
        """Shows how far a search is, where it says so."""
        return {"show_progress": "full", "show_progress_on": self.status}

    def begun(self, button: gr.Button) -> Any:
        """Says that a search is on, as soon as its button is pressed."""
        return button.click(lambda: (SEARCHING, None), None, [self.status, self.found_again], **BRIEF)

    def look(self, found: Latents | None, *words: Any) -> Seen:
        """Shows what the controls ask for."""
        start, seed, label, psi, other, share, near, method, *numbers = words
        many, few = len(self.amounts), len(self.coordinates)
        asked = Asked(
            seed=integer_of(seed),
            other=integer_of(other),
            label=integer_of(label) if self.classes else None,
            psi=number_of(psi),
            share=number_of(share),
            method=method,
            amounts=[number_of(amount) for amount in numbers[:many]],
            coordinates=[integer_of(coordinate) for coordinate in numbers[many : many + few]],
            values=[number_of(value) for value in numbers[many + few :]],
            found=found if start == BY_PICTURE else None,
        )
        return self.answers.seen(asked, bool(near))

    def direction_words(self, method: str) -> list[dict[str, Any]]:
        """Returns how the sliders for directions begin, and what they are called."""
        names = self.explorer.directions(method).names[:MOST_DIRECTIONS]
        unused = [""] * (MOST_DIRECTIONS - len(names))
        return [{"value": 0, "label": name, "visible": name != ""} for name in [*names, *unused]]

    def renamed(self, method: str) -> list[Any]:
        """Puts other directions on the sliders."""
        return [gr.update(**words) for words in self.direction_words(method)]

    def chosen(self, event: gr.EventData) -> tuple[Tensor, str, str, str]:
        """Shows a picture that was chosen."""
        return *self.answers.chosen(event._data.get("content")), note("Erase a part of it with the brush."), ""

    def complete(self, visit: gr.Request, letters: str, shown: Tensor | None, *numbers: Any) -> tuple[str, str]:
        """Shows completions of the picture."""
        with self.explorer.searches.of(str(visit.session_hash)) as go_on:
            return self.answers.completed(go_on, letters, shown, *map(integer_of, numbers))

    def stop(self, visit: gr.Request, status: str) -> Any:
        """Stops the search that is running for whoever asks; gradio drops one that waits in line."""
        self.leave(visit)
        return note("Stopped.") if status == SEARCHING else gr.skip()

    def leave(self, visit: gr.Request) -> None:
        """Stops the search of somebody who has closed the page."""
        self.explorer.searches.stop(str(visit.session_hash))

    def find(
        self, visit: gr.Request, progress: gr.Progress = PROGRESS, shown: Tensor | None = None, *numbers: Any
    ) -> tuple[Any, ...]:
        """Shows the picture found again, and lets the other tab begin with it."""
        with self.explorer.searches.of(str(visit.session_hash)) as go_on:
            found = self.answers.found(go_on, shown, *map(integer_of, numbers), progress)  # type: ignore[arg-type]
        begin = gr.update(choices=[BY_SEED, BY_PICTURE], value=BY_PICTURE, visible=True)
        chosen = gr.skip() if found.made.y is None else int(found.made.y[0])
        return *with_start(self.answers.shown_again(found)), found, found.latents, begin, chosen

    def tune(
        self,
        visit: gr.Request,
        progress: gr.Progress = PROGRESS,
        found: FoundAgain | None = None,
        steps: float | None = None,
    ) -> tuple[str, str]:
        """Shows the picture made by a generator that is tuned to it, if that was asked for."""
        if found is None or not integer_of(steps):
            return gr.skip()  # type: ignore[return-value]
        with self.explorer.searches.of(str(visit.session_hash)) as go_on:
            return with_start(self.answers.tuned(go_on, found, integer_of(steps), progress))


def with_start(answered: Answered) -> tuple[str, str]:
    """Adds that the other tab begins with what was found."""
    return answered.images, answered.saved + note(f"“Look around” now begins with {BY_PICTURE}.")


def another_seed() -> int:
    return random.randint(0, HIGHEST_SEED)
