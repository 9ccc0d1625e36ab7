"""Explains mistakes in the classes that options name, and in the options of these classes."""

import re
import sys
from difflib import get_close_matches
from typing import Any

from gan_lightning.commands.mistake import Mistake
from gan_lightning.commands.suggestions import REMARKS, VALUES, choices, hint, last_word, near_names, options_of
from gan_lightning.core.configurable import defaults_of

NOUNS = {"ImageData": "data set", "LRScheduler": "scheduler"}
"""What classes of a kind are called, if not by its name."""


def misplaced_class_path(mistake: Mistake) -> str | None:
    """A config in which options stand beside class_path, or class_path stands where options belong."""
    option = mistake.found(r"Option '(.+?)' is not accepted") or ""
    wrong_words = "unhashable type: " in mistake.message or "has no attribute 'keys'" in mistake.message
    if not mistake.keys or not (wrong_words or meant_for_structure(option)):
        return None
    key = mistake.keys[0]
    return (
        f"{key} is not as a config must have it: write {last_word(key)}: "
        "{class_path: NAME, init_args: {OPTION: VALUE}}, with all options below init_args"
    )


def meant_for_structure(option: str) -> bool:
    """Whether an option is one of the words with which a config names a class, perhaps misspelt."""
    return bool(get_close_matches(option.partition(".")[0], ("class_path", "init_args"), n=1, cutoff=0.8))


def option_without_class(mistake: Mistake) -> str | None:
    """An option of a class where no class is named."""
    key, abstract = mistake.keys[0] if mistake.keys else "", mistake.found(r"but (\S+) is abstract")
    base = mistake.parser.choices.get(key)
    made = (mistake.found(r"class_path[ =]'(\S+?)'") or "").rpartition(".")[2]
    option = mistake.found(r"Option '(.+?)' is not accepted") or mistake.found(r"NestedArg\(key='(\w+)'")
    if (
        base is None
        or option is None
        or not (abstract or made in without_options(base) or "NestedArg" in mistake.message)
    ):
        return None
    takers = sorted((cls for cls in choices(base) if option in options_of(cls)), key=lambda cls: cls.__name__)
    needing = [cls.__name__ for cls in takers if option not in defaults_of(cls)]
    names = [*needing, *(cls.__name__ for cls in takers if cls.__name__ not in needing)]
    if not names:
        return f"{key}.{option} is given, but no {noun(base)} that has such an option: add --{key} {named(base)}"
    more = f" (or {', '.join(names[1:6])})" if names[1:] else ""
    return f"{key}.{option} is given, but not whose option it is: add --{key} {names[0]}{more}"


def without_options(base: type) -> list[str]:
    """The classes that stand for "some class of this kind"."""
    return [cls.__name__ for cls in base.__mro__]


def unknown_option_of_class(mistake: Mistake) -> str | None:
    """An option that the class does not have."""
    option, made = mistake.found(r"Option '(.+?)' is not accepted"), mistake.found(r"class_path[ =]'(\S+?)'")
    if option is None or made is None or not mistake.keys:
        return None
    options = options_of(imported(made))
    more = hint(near_names(option, options), options, "it has none")
    return f"{last_word(made)} in {mistake.keys[0]} has no option {option}{more}"


def one_in_place_of_list(mistake: Mistake) -> str | None:
    """A class where several may be named."""
    value = mistake.found(r"collections\.abc\.Sequence\S* Got value: (.+)")
    if value is None or mistake.key not in mistake.parser.lists:
        return None
    if value.startswith(("{", "Namespace")):
        return f"{mistake.key} is a list: in a config, begin each class_path with a dash"
    return f"{mistake.key} is a list: --{mistake.key}+={value} on the command line, or [{value}] in a config"


def unknown_class(mistake: Mistake) -> str | None:
    """A class that does not exist."""
    name = mistake.found(r"(?:Expected a dot import path string|Unexpected import path format): (.*)")
    base = mistake.parser.choices.get(mistake.key)
    if name is None or base is None:
        return None
    if mistake.key == "data" and ("/" in name or name.startswith(".")):
        return f"data is {name}, but there is no such folder: name a folder of images, or a data set {listed(base)}"
    names = [cls.__name__ for cls in choices(base)]
    near = near_names(name, names)
    remark = f" {REMARKS[name.lower()]}" if near and name.lower() in REMARKS else ""
    folder = "; a folder of images will do, too: --data my_images" if mistake.key == "data" and not near else ""
    there = hint(near, names, f"{mistake.parser.prog} --help lists all")
    return f"{mistake.key} is {name or 'empty'}, but there is no such {noun(base)}{there}{remark}{folder}"


def class_not_found(mistake: Mistake) -> str | None:
    """A class of the user's own that cannot be imported."""
    if not (
        found := re.search(r"class_path '(\S+)':\s+(No module named .+|module .+ has no attribute .+)", mistake.message)
    ):
        return None
    return (
        f"{mistake.key} is {found[1]}, but {found[2].strip()}: write module.Class, and start gan where module.py lies"
    )


def wrong_class(mistake: Mistake) -> str | None:
    """A class of another kind, or no class at all."""
    name = mistake.found(r"Import path (\S+) does not correspond to a subclass of") or mistake.found(
        r"Not a valid subclass of .+ Got value: (.+)"
    )
    base = mistake.parser.choices.get(mistake.key)
    if name is None or base is None:
        return None
    return f"{mistake.key} is {name}, which is no {noun(base)}: choose {listed(base)}, or derive a class of your own"


def imported(class_path: str) -> Any:
    """A class that has been imported."""
    module, _, name = class_path.rpartition(".")
    return getattr(sys.modules[module], name)


def noun(base: type) -> str:
    """What classes of a kind are called."""
    return NOUNS.get(base.__name__, base.__name__.lower())


def named(base: type) -> str:
    """The name of one class of a kind."""
    names = [cls.__name__ for cls in choices(base)]
    return VALUES["data"] if VALUES["data"] in names else min(names)


def listed(base: type) -> str:
    """The names of all classes of a kind."""
    return ", ".join(sorted(cls.__name__ for cls in choices(base)))
