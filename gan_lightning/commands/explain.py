"""Errors of jsonargparse in the user's words: the value, the rule, and what to do instead."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from gan_lightning.core.discovery import subclasses

if TYPE_CHECKING:
    from gan_lightning.commands.parser import Parser


def explain(message: str, parser: Parser) -> str:
    """One line in the user's words for an error of jsonargparse.

    Args:
        message: Its message, of any number of lines.
        parser: Knows the keys.
    """
    keys = re.findall(r'Parser key "([^"]+)"', message)
    key = keys[0] if keys else None
    if unknown := found(r"unrecognized arguments: (\S+)", message):
        name = unknown.removeprefix("--").split("=")[0]
        return f"{name} is not an option" + hint(name, known(parser)) if unknown.startswith("-") else message
    if option := re.search(r"Group '(.+)' does not accept option '(.+?)'", message):
        name = ".".join(option.groups())
        return f"{name} is not an option" + hint(name, known(parser))
    if (option := found(r"Option '(.+?)' is not accepted", message)) and key:
        made = found(r"class_path[ =]'(\S+?)'", message) or ""
        options = inspect.signature(imported(made)).parameters if made else ()
        return f"{made.split('.')[-1]} in {key} has no option {option}" + hint(option, options)
    if (
        keys == [key]
        and key in parser.lists
        and (value := found(r"collections\.abc\.Sequence\S* Got value: (\S+)", message))
    ):
        return f"{key} is a list: --{key}+={value} on the command line, or [{value}] in a config"
    if (
        (name := found(r"Expected a dot import path string: (\S+)", message))
        and keys == [key]
        and key in parser.choices
    ):
        base = parser.choices[key]
        return f"{key} is {name}, which is no {base.__name__} that is known here" + hint(
            name, [c.__name__ for c in subclasses(base) if not inspect.isabstract(c) and c.__name__[0] != "_"]
        )
    if missing := found(r"arguments are required: (.+)", message):
        keys = f"{key}.{missing}" if key else missing
        example = "--data MNIST" if keys == "data" else f"--{keys} VALUE"
        return f"{keys} must be given: {example} on the command line, or a --config file that holds it"
    if bounds := re.search(r"(\S+) does not conform to restriction (.+)", in_one_line(message)):
        return f"{key} is {bounds[1]}; it must be {bounds[2].replace('v', '')}"
    if (value := found(r"Unable to load config '(.*?)'", message)) and key:
        single = next((name for name in known(parser) if name.startswith(f"{key}.")), key)
        return f"{key} is {value}, which is no file of options; set single ones: --{single}"
    value, allowed = found(r"(?m)(?:Got|Given) value: (.*?)(?:\. Got value: .*)?$", message), kinds(message)
    if value and allowed:
        *most, last = allowed
        return f"{'.'.join(keys)} is {value}; it must be {', '.join(most)}{' or ' if most else ''}{last}"
    return in_one_line(message)


WORDS = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "str": "text",
    "collections.abc.Sequence": "a list",
    "list": "a list",
    "NoneType": "null",
}
"""Types as users know them."""


def kinds(message: str) -> list[str]:
    """What would have been right: values first, then kinds of values."""
    literals = re.findall(r"Expected a typing\.Literal\[(.*?)\]", message)
    named = [value.strip(" '") for literal in literals for value in literal.split(",")]
    types = [WORDS[name] for name in re.findall(r"Expected a <class '(.+?)'>", message) if name in WORDS]
    return list(dict.fromkeys(named + types))


def found(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text)
    return match[1] if match else None


def imported(class_path: str) -> Any:
    module, _, name = class_path.rpartition(".")
    return getattr(sys.modules[module], name)


def known(parser: Parser) -> list[str]:
    """Every key of the command, with those of the classes that may be named."""
    return parser.options + [f"{key}.{name}" for key, base in parser.choices.items() for name in arguments(base)]


def arguments(base: type) -> set[str]:
    """What the classes of a kind take."""
    return {name for cls in subclasses(base) for name in inspect.signature(cls).parameters}


def hint(name: str, names: Iterable[str]) -> str:
    names = sorted(set(names) - {"self", "params", "optimizer", "image_shape"})
    near = get_close_matches(name, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; there are {', '.join(names)}" if 0 < len(names) <= 20 else "; --help lists all"


def in_one_line(message: str) -> str:
    """What is left of a tree of attempts when types and empty alternatives are dropped."""
    noise = ("Does not validate", "Subtypes:", "Errors:", "Given value", "- Expected a <class 'NoneType'>")
    lines = [line.strip() for line in message.splitlines() if line.strip() and not line.strip().startswith(noise)]
    text = " ".join(lines).replace("<class '", "").replace("'>", "")
    return re.sub(r'Parser key "([^"]+)":\s*', r"\1: ", text)
