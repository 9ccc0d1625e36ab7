"""The names of classes, in checkpoints and in what a user asks for."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from gan_lightning.core.errors import UserError

MOST_LISTED = 20
"""Of more classes, a message names the nearest."""


def class_names_in(content: Mapping[str, Any], classes: int) -> tuple[str, ...]:
    """Returns the names of the classes in a checkpoint; none if it has none, or not as many as there are classes."""
    for state in content.values():
        names = state.get("class_names") if isinstance(state, dict) else None
        if isinstance(names, list) and len(names) == classes and all(isinstance(name, str) for name in names):
            return tuple(names)
    return ()


def class_number(asked: int | str, names: Sequence[str], key: str = "samples.labels") -> int:
    """Returns the number of a class that is asked for by its name or number. A name comes first: a folder may be "10".

    Args:
        asked: Its name or number.
        names: The names of all classes; empty if they have none.
        key: The option that asks for it.

    Raises:
        UserError: There is no class of that name.
    """
    if str(asked) in names:
        return list(names).index(str(asked))
    if isinstance(asked, str):
        raise UserError(f"{key}: there is no class {asked}; {known_classes(asked, names)}")
    return asked


def known_classes(asked: str, names: Sequence[str]) -> str:
    if not names:
        return "the classes of this model have no names: give their numbers"
    if len(names) <= MOST_LISTED:
        return f"the classes are {', '.join(names)}"
    return f"of {len(names)} classes, the nearest are {', '.join(get_close_matches(asked, names, 5, cutoff=0))}"
