"""Limits on nested values from files.

A few hundred bytes of YAML or of a pickle can hold a list of nine lists, each of which is the same list of nine lists,
and so on. It needs little memory, but whoever walks through it never comes to an end.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from gan_lightning.core.errors import UserError

MOST_ENTRIES = 1_000_000
"""Maximum number of entries, each counted as often as it is reached."""

DEEPEST = 100
"""Maximum number of levels."""


def check_nesting(value: Any, name: object) -> None:
    """Refuses a value that takes forever to walk through.

    Args:
        value: Nested mappings and sequences.
        name: The file that it comes from.

    Raises:
        UserError: It has too many entries or levels, or contains itself.
    """
    counted: dict[int, tuple[int, int]] = {}
    entries, levels = size(value, counted, DEEPEST, name)
    if entries > MOST_ENTRIES or levels > DEEPEST:
        raise too_much(name)


def size(value: Any, counted: dict[int, tuple[int, int]], levels_left: int, name: object) -> tuple[int, int]:
    """The number of entries and of levels. What is shared is counted each time, but walked through once."""
    if not isinstance(value, (Mapping, list, tuple)):
        return 1, 0
    if levels_left == 0:
        raise too_much(name)
    if id(value) not in counted:
        counted[id(value)] = (MOST_ENTRIES + 1, DEEPEST + 1)  # for a value that contains itself
        inner = [size(part, counted, levels_left - 1, name) for part in parts(value)]
        counted[id(value)] = 1 + sum(n for n, _ in inner), 1 + max((levels for _, levels in inner), default=0)
    return counted[id(value)]


def parts(value: Any) -> Iterable[Any]:
    return [part for pair in value.items() for part in pair] if isinstance(value, Mapping) else value


def looked_up(value: Any, *keys: str) -> Any:
    """The value at a path of keys in nested dictionaries of a stranger's; None if there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def too_much(name: object) -> UserError:
    return UserError(f"{name} is nested too deeply, or repeats its parts too often, to be read")
