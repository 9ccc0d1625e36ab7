"""Searches that can be stopped: by whoever asked for them, and when they leave, or when the page ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event

from torch import Tensor

from gan_lightning.editing.walk import Model

GoOn = Callable[[], None]
"""Is called again and again by a search. Raises `StoppedError` if it is to end."""


class StoppedError(Exception):
    """Ends a search that nobody waits for."""


class Searches:
    """The searches that are running, each with who asked for it."""

    def __init__(self) -> None:
        self.running: list[tuple[str, Event]] = []

    @contextmanager
    def of(self, visitor: str) -> Iterator[GoOn]:
        """Registers a search while it runs."""
        stop = Event()
        self.running.append((visitor, stop))

        def go_on() -> None:
            if stop.is_set():
                raise StoppedError

        try:
            yield go_on
        finally:
            self.running.remove((visitor, stop))

    def stop(self, visitor: str | None = None) -> None:
        """Stops the searches of a visitor, or all."""
        for of, stop in [*self.running]:
            if visitor in (None, of):
                stop.set()


def asking(model: Model, go_on: GoOn) -> Model:
    """Returns a model that asks whether to go on each time before it makes images, which is what searches wait for."""

    def asked(z: Tensor, y: Tensor | None = None) -> Tensor:
        go_on()
        return model(z, y)

    return asked
