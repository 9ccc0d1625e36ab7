"""Explains values of the wrong type, or out of bounds."""

import re

from gan_lightning.commands.mistake import Mistake, found
from gan_lightning.commands.suggestions import last_word, one_of
from gan_lightning.core.seeding import LARGEST_SEED
from gan_lightning.training.supported import PRECISIONS

WORDS = {
    "int": ["a whole number"],
    "float": ["a number"],
    "bool": ["true", "false"],
    "str": ["text"],
    "NoneType": ["null"],
}
"""Types as users know them."""

LIST_TYPES = {"list", "tuple", "collections.abc.Sequence", "collections.abc.Iterable"}

LISTS = {
    "hidden": 'a list such as "[256, 512]"',
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
    text, key = mistake.innermost, mistake.key
    value = found(r"(?m)Given value: (.*?)(?:\. Got value: .*)?$", text)
    value = found(r"(?m)Got value: (.*?)(?:\. Got value: .*)?$", text) if value is None else value
    right = allowed(text, key)
    if value is None or not right:
        return None
    if nested := found(r"NestedArg\(key='(\w+)'", value):
        return f"{key}.{nested} is not an option: {key} has none"
    if last_word(key) in LISTS and "Union" not in text and LISTS[last_word(key)] not in right:  # an element of it
        return f"{key} holds {value}; it must be {LISTS[last_word(key)]}"
    value = value.strip('"')
    return f"{key} is {value or 'empty'}; it must be {one_of(right)}{written(value, right)}"


def allowed(text: str, key: str) -> list[str]:
    """What would have been right: values first, then types."""
    if key in SUPPORTED:
        return SUPPORTED[key]
    literals = re.findall(r"Expected a typing\.Literal\[(.*?)\]", text)
    right = [value.strip(" '") for literal in literals for value in literal.split(",")]
    types = re.findall(r"Expected a <class '(.+?)'>", text)
    for name in types:
        right += WORDS.get(name, ())
    if {*types} & LIST_TYPES or re.search(r"Expected a tuple with|Subtypes: .*\b(list|tuple|Sequence)\[", text):
        right.append(LISTS.get(last_word(key), "a list in brackets"))
    if "Expected a dot import path string" in text and "torch.Tensor" not in text:
        right.append("a class as module.Class")
    return sorted(dict.fromkeys(right), key=lambda word: word == "null")


def written(value: str, right: list[str]) -> str:
    """How to write a value that is right but for its form; nothing if it is wrong."""
    if right[0].startswith("a list") and re.fullmatch(r"\d+(\s*,\s*\d+)*", value):
        numbers = ", ".join(re.findall(r"\d+", value))
        return f': write "[{numbers}]"' if f"[{numbers}]" not in right[0] else ""
    if "a whole number" in right and "a number" not in right and re.fullmatch(r"-?\d+\.0", value):
        return f": write {value.removesuffix('.0')}"
    return ""
