"""What `gan fit FOLDER` is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from gan_lightning.commands.arguments import holds_images
from gan_lightning.core.errors import UserError

OWN = {"--size": "set data.image_size", "--hours": "set trainer.max_steps"}
"""The options that only `gan fit FOLDER` has, and what to do in other commands."""

DECIDES = {"--config", "--data", "--kind"}
"""Options with which nothing is chosen."""


@dataclass(frozen=True)
class Request:
    """What the user has asked for.

    Args:
        root: The folder of images.
        size: Height and width; None to choose it.
        hours: Length of the training; None for the default.
        checkpoint: Where to resume; None to start anew.
        rest: All other words, which override what is chosen.
    """

    root: str
    size: int | None
    hours: float | None
    checkpoint: str | None
    rest: tuple[str, ...]

    def gives(self, *options: str) -> bool:
        """Whether the user has given one of these options."""
        return any(word.partition("=")[0] in options for word in self.rest)


def request_of(arguments: Sequence[str]) -> Request | None:
    """Returns what is asked for if a folder stands alone and nothing else decides what to train; None otherwise."""
    own, rest, folders = taken(arguments)
    given = {word.partition("=")[0] for word in rest}
    helps = any(word in ("-h", "--help") or word.endswith(".help") for word in given)
    if len(folders) != 1 or given & DECIDES or helps:
        if own and not helps:
            key = next(iter(own))
            raise UserError(f"{key} is for gan fit FOLDER, which chooses all else itself: leave it out, and {OWN[key]}")
        return None
    hours = number(own, "--hours", float)
    if hours is not None and not 0 < hours < 10_000:
        raise UserError(f"--hours is {own['--hours']}; it must be above 0")
    return Request(folders[0], number(own, "--size", int), hours, value_of(rest, "--ckpt_path"), tuple(rest))


def taken(arguments: Sequence[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """Returns the options of our own with their values, all other words, and the folders that stand alone."""
    own, rest, folders, waiting = {}, [], [], ""
    for word in arguments:
        key, equals, value = word.partition("=")
        if waiting in OWN:
            own[waiting] = word
        elif key in OWN and equals:
            own[key] = value
        elif not waiting and holds_images(word):
            folders.append(word)
        elif word not in OWN:
            rest.append(word)
        waiting = word if word.startswith("--") and not equals and not waiting else ""
    if waiting in OWN:
        raise UserError(f"{waiting} has no value")
    return own, rest, folders


def number(own: dict[str, str], key: str, kind: type) -> Any:
    """Returns the value of one of our options as a number; None if it is not given."""
    try:
        return kind(own[key]) if key in own else None
    except ValueError as error:
        raise UserError(f"{key} is {own[key]}; it must be a {'whole ' if kind is int else ''}number") from error


def value_of(words: Sequence[str], option: str) -> str | None:
    """Returns the value of an option; None if it is not given."""
    for word, following in zip_longest(words, words[1:]):
        key, equals, value = word.partition("=")
        if key == option:
            return value if equals else following
    return None
