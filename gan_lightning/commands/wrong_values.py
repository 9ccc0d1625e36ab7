"""Explains values of the wrong type, or out of bounds."""

import re

from gan_lightning.commands.mistake import Mistake, found
from gan_lightning.commands.suggestions import last_word, one_of
from gan_lightning.core.seeding import LARGEST_SEED
from gan_lightning.training.supported import PRECISIONS

WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "NoneType": "null",
}
"""Types as users know them."""

LISTS = {
    "hidden": 'a list such as "[256, 512]"',
    "labels": 'a list such as "[0, 1, 2]"',
    "image_size": 'a list such as "[48, 32]"',
    "betas": 'a pair such as "[0.5, 0.999]"',
}
"""Lists as the command line has them, by the last word of the option."""

SUPPORTED = {"trainer.precision": [*PRECISIONS]}
"""The values of options of Lightning's of which not all are supported."""


def wrong_seed(mistake: Mistake) -> str | None:
    """A seed that is none."""
    value = mistake.found(r"Not of type Seed: (\S+) does not conform") or mistake.found(
        r"Not of type Seed: invalid literal for int\(\) with base 10: '(.*)'"
    )
    if value is None:
        return None
    return f"{mistake.key} is {value or 'empty'}; it must be a whole number from 0 to {LARGEST_SEED}"


def out_of_bounds(mistake: Mistake) -> str | None:
    """A number that breaks the rule of its type."""
    bounds = re.search(r"(\S+) does not conform to restriction (.+)", mistake.message)
    return f"{mistake.key} is {bounds[1]}; it must be {bounds[2].replace('v', '')}" if bounds else None


def wrong_value(mistake: Mistake) -> str | None:
    """A value of another type than the option's."""
    value = found(r"(?m)(?:Got|Given) value: (.*?)(?:\. Got value: .*)?$", mistake.innermost)
    right = allowed(mistake.innermost, mistake.key)
    if value is None or not right:
        return None
    if nested := found(r"NestedArg\(key='(\w+)'", value):
        return f"{mistake.key}.{nested} is not an option: {mistake.key} itself must be {one_of(right)}"
    return f"{mistake.key} is {value or 'empty'}; it must be {one_of(right)}{written(value, right)}"


def allowed(text: str, key: str) -> list[str]:
    """What would have been right: values first, then types."""
    if key in SUPPORTED:
        return SUPPORTED[key]
    literals = re.findall(r"Expected a typing\.Literal\[(.*?)\]", text)
    values = [value.strip(" '") for literal in literals for value in literal.split(",")]
    types = re.findall(r"Expected a (?:<class '(.+?)'>|(tuple) with)", text)
    words = [WORDS.get(name) or a_list(key) if name in WORDS or is_list(name) else "" for name in map("".join, types)]
    return list(dict.fromkeys(values + [word for word in words if word]))


def is_list(name: str) -> bool:
    """Whether a type is written as a list."""
    return name in ("list", "tuple", "collections.abc.Sequence", "collections.abc.Iterable")


def a_list(key: str) -> str:
    """A list, with an example."""
    return LISTS.get(last_word(key), "a list, in brackets")


def written(value: str, right: list[str]) -> str:
    """How to write a value that is right but for its form; nothing if it is wrong."""
    if right[0].startswith("a list") and re.fullmatch(r"\d+(\s*,\s*\d+)*", value):
        return f': write "[{", ".join(re.split(r"[,\s]+", value))}]"'
    if WORDS["int"] in right and re.fullmatch(r"-?\d+\.0", value):
        return f": write {value.removesuffix('.0')}"
    return ""
