"""Explains mistakes in what options are called, and in which of them must be there."""

from __future__ import annotations

import re
from inspect import signature
from itertools import zip_longest
from typing import TYPE_CHECKING

from gan_lightning.commands import configs
from gan_lightning.commands.kinds import kinds
from gan_lightning.commands.mistake import Mistake
from gan_lightning.commands.suggestions import REMARKS, example, hint, known, near_keys, near_names, needs_value, one_of

if TYPE_CHECKING:
    from gan_lightning.commands.parser import Parser

GROUPS = ("kind", "data", "model", "grid", "judge", "guard", "checkpoint", "trainer")
"""What `gan fit` has; other commands, and some kinds of model, lack some of it."""


def option_without_value(mistake: Mistake) -> str | None:
    """`--data.batch_size` at the end, or before another option."""
    action = mistake.found(r"argument (--\S+): expected one argument")
    if action is None:
        return None
    action, words = action.partition("/")[0], mistake.parser.words  # a list is named --option/--option+
    pairs = zip_longest(words, words[1:], fillvalue="--")
    bare = [word for word, value in pairs if word.startswith(action) and "=" not in word and value.startswith("--")]
    return needs_value((bare or [action])[0].removeprefix("--"))


def unknown_argument(mistake: Mistake) -> str | None:
    """A word on the command line that is no option, no value of one, and stands for none."""
    words = mistake.found(r"unrecognized arguments: (.*)")
    if words is None:
        return None
    word, *_ = words.removeprefix("-- ").split() or [""]
    return unknown_option(word, mistake.parser) if word.startswith("-") else stray(word, mistake.parser)


def unknown_key(mistake: Mistake) -> str | None:
    """A key in a config file."""
    if in_group := re.search(r"Group '(.+)' does not accept option '(.+?)'", mistake.message):
        return unknown_option(".".join(in_group.groups()), mistake.parser)
    name = None if mistake.keys else mistake.found(r"Option '(.+?)' is not accepted")
    return name and unknown_option(name, mistake.parser)


def missing(mistake: Mistake) -> str | None:
    """An option that must be given."""
    names = mistake.found(r"arguments are required: (.+?)(?:\. Got value.*)?(?:\n|$)")
    if names is None:
        return None
    keys = [".".join([*mistake.keys, name]) for name in names.split(", ")]
    examples = " ".join(example(key, mistake.parser.choices) for key in keys)
    them = "it" if len(keys) == 1 else "them"
    return f"{one_of(keys, 'and')} must be given: {examples} on the command line, or a --config file that holds {them}"


def group_as_option(mistake: Mistake) -> str | None:
    """A value for a group of options, which only the name of a file of such options could be."""
    value = mistake.found(r"Unable to load config '(.*?)'")
    if value is None or not mistake.keys:
        return None
    key = mistake.keys[0]
    single = next((name for name in known(mistake.parser) if name.startswith(f"{key}.")), key)
    if key == "checkpoint":
        return f"checkpoint is {value}, which is no file of options; did you mean --ckpt_path {value}?"
    if key == "model" and (kind := next((name for name in kinds() if name.lower() == value.lower()), None)):
        return f"model is {value}, which is no file of options; did you mean --kind {kind}?"
    return f"{key} is {value}, which is no file of options; set single ones: --{single}"


def stray(word: str, parser: Parser) -> str:
    """What to say of a word without dashes."""
    key, equals, _ = word.partition("=")
    if equals and (key in parser.options or near_keys(key, known(parser)) == [key]):
        return f"{word} lacks its dashes: write --{word}"
    near = near_names(word, configs.names())
    if near:
        return f"there is no config {word}; did you mean {near[0]}?"
    return f"{word} is no option, config or folder: options begin with --; gan configs lists the configs"


def unknown_option(typed: str, parser: Parser) -> str:
    """What to say of an option that does not exist.

    Args:
        typed: As on the command line, with dashes, or as in a config.
        parser: Knows the options.
    """
    dashes = "--" if re.match("-[^-]", typed) else ""
    name = typed.lstrip("-").partition("=")[0].replace("init_args.", "")
    if kind := other_kind(name, parser):
        return f"{name} is not an option {kind}"
    if name in REMARKS:
        return f"{name} is not an option; {REMARKS[name]}"
    near = [dashes + key for key in near_keys(name, known(parser))]
    if not near and name.partition(".")[0] in {*GROUPS} - {key.partition(".")[0] for key in parser.options}:
        return f"{name} is not an option of {parser.prog}{of_kind(parser)}: leave it out"
    return f"{dashes[:1]}{name} is not an option" + hint(near[:6], (), f"{parser.prog} --help lists all")


def of_kind(parser: Parser) -> str:
    """The kind of model that a command is for, in words."""
    return f" --kind {parser.get_default('kind')}" if "kind" in parser.options else ""


def other_kind(name: str, parser: Parser) -> str | None:
    """What to say of an option that other kinds of model have; None if none has it, or this one does."""
    group, _, rest = name.partition(".")
    argument = rest.partition(".")[0]
    own = {key.split(".")[1] for key in parser.options if key.startswith("model.")}
    if group != "model" or argument in own:
        return None
    having = [other for other, kind in kinds().items() if argument in signature(kind).parameters]
    if not having:
        return None
    return (
        f"of kind {parser.get_default('kind')}, but of {one_of(sorted(having), 'and')}: set --kind "
        f"{one_of(sorted(having))}, or leave out the options and configs that need it"
    )
