"""Explains mistakes in the classes that options name, and in the options of these classes."""

import re
import sys
from difflib import get_close_matches
from typing import Any

from gan_lightning.commands.mistake import Mistake
from gan_lightning.commands.suggestions import (
    REMARKS,
    choices,
    class_names,
    hint,
    last_word,
    near_names,
    options_of,
)
from gan_lightning.core.configurable import defaults_of

NOUNS = {
    "ImageData": "data set",
    "LRScheduler": "scheduler",
    "ImageToImage": "network from image to image",
    "UnpairedTerm": "term",
}
"""What classes of a kind are called, if not by its name."""


def misplaced_class_path(mistake: Mistake) -> str | None:
    """A config in which options stand beside class_path, or class_path stands where options belong."""
    option = mistake.found(r"Option '(.+?)' is not accepted") or ""
    wrong_words = "unhashable type: " in mistake.message or "has no attribute 'keys'" in mistake.message
    if not mistake.keys or not (wrong_words or meant_for_structure(option)):
        return None
    key = mistake.keys[0]
    return f"{key} is laid out wrongly: write {last_word(key)}: {{class_path: NAME, init_args: {{OPTION: VALUE}}}}"


def meant_for_structure(option: str) -> bool:
    """Whether an option is one of the words with which a config names a class, perhaps misspelt."""
    return bool(get_close_matches(option.partition(".")[0], ("class_path", "init_args"), n=1, cutoff=0.8))


def option_without_class(mistake: Mistake) -> str | None:
    """An option of a class where no class is named."""
    key = mistake.keys[0] if mistake.keys else ""
    base, option = mistake.parser.choices.get(key), option_of(key, mistake)
    if base is None or option is None or not (" is abstract" in mistake.message or stands_for_any(base, mistake)):
        return None
    names = takers(base, option)
    if not names:
        return f"{key}.{option} is an option of no {noun(base)}: leave it out, and choose one of {class_names(base)}"
    more = f" (or {', '.join(names[1:6])})" if names[1:] else ""
    add = f"--{key}+={names[0]}" if key in mistake.parser.lists else f"--{key} {names[0]}"
    return f"{key}.{option} is given, but no {noun(base)}: add {add}{more}"


def schedule_without_path(mistake: Mistake) -> str | None:
    """A schedule without the number that follows it, or a path in place of a key of YAML."""
    dotted = "." in (option_of("model.schedules", mistake) or "")
    if "model.schedules" not in mistake.keys or not (dotted or "collections.abc.Mapping" in mistake.message):
        return None
    example = '--model.schedules "{generator_optimization.optimizer.lr: Cosine}"'
    return f"model.schedules takes the path of each number and its schedule: {example}, or the same in a config"


def option_of(key: str, mistake: Mistake) -> str | None:
    """The option of a class that is meant, from the message or else from the command line."""
    typed = [word.removeprefix(f"--{key}.") for word in mistake.parser.words if word.startswith(f"--{key}.")]
    named = mistake.found(r"Option '(.+?)' is not accepted") or mistake.found(r"NestedArg\(key='(\w+)'")
    return named or (typed[0].partition("=")[0] if typed else None)


def stands_for_any(base: type, mistake: Mistake) -> bool:
    """Whether jsonargparse tried to make what all classes of a kind derive from, as no class is named."""
    made = last_word(mistake.found(r"class_path[ =]'(\S+?)'") or "")
    return made in [cls.__name__ for cls in base.__mro__]


def takers(base: type, option: str) -> list[str]:
    """The classes of a kind that have an option: first those that need nothing else, then those that need it."""
    found = [cls for cls in choices(base) if option in options_of(cls)]
    needs = {cls: {*options_of(cls)} - {*defaults_of(cls)} for cls in found}
    found.sort(key=lambda cls: (bool(needs[cls] - {option}), option not in needs[cls], cls.__name__))
    return [cls.__name__ for cls in found]


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
    key = mistake.key or mistake.found(r"^--(\S+)\.help: ") or ""
    base = mistake.parser.choices.get(key)
    if name is None or base is None:
        return None
    if key == "data" and ("/" in name or name.startswith(".")):
        return f"data is {name}, but there is no such folder: name a folder of images, or {class_names(base)}"
    names = [cls.__name__ for cls in choices(base)]
    near = near_names(name, names) if name else []
    wrong = f"is {name}, but there is no such {noun(base)}" if name else "is empty"
    remark = f" {REMARKS[name.lower()]}" if near and name.lower() in REMARKS else ""
    folder = ", or a folder of images: --data my_images" if key == "data" and not near else ""
    return f"{key} {wrong}{hint(near, names, f'{mistake.parser.prog} --help lists all')}{remark}{folder}"


def class_not_found(mistake: Mistake) -> str | None:
    """A class of the user's own that cannot be imported."""
    pattern = r"class_path '(\S+)':\s+(No module named .+|module .+ has no attribute .+)"
    if not (found := re.search(pattern, mistake.message)):
        return None
    name, reason = found.groups()
    return f"{mistake.key} is {name}, but {reason}: write module.Class, and start gan where module.py lies"


def wrong_class(mistake: Mistake) -> str | None:
    """A class of another kind, or no class at all."""
    name = mistake.found(r"Import path (\S+) does not correspond to a subclass of") or mistake.found(
        r"Not a valid subclass of .+ Got value: (.+)"
    )
    base = mistake.parser.choices.get(mistake.key)
    if name is None or base is None:
        return None
    return f"{mistake.key} is {name}, which is no {noun(base)}: choose {class_names(base)}, or derive your own"


def imported(class_path: str) -> Any:
    """A class that has been imported."""
    module, _, name = class_path.rpartition(".")
    return getattr(sys.modules[module], name)


def noun(base: type) -> str:
    """What classes of a kind are called."""
    return NOUNS.get(base.__name__, base.__name__.lower())
