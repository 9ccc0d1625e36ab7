"""Errors of jsonargparse in the user's words: the value, the rule, and what to do instead.

jsonargparse has no error codes, so its messages are told apart by regular expressions; tests/commands/test_messages.py
holds each of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gan_lightning.commands import wrong_classes, wrong_options, wrong_values
from gan_lightning.commands.mistake import Mistake

if TYPE_CHECKING:
    from gan_lightning.commands.parser import Parser

EXPLANATIONS = (
    wrong_options.option_without_value,
    wrong_options.unknown_argument,
    wrong_options.unknown_key,
    wrong_options.missing,
    wrong_options.group_as_option,
    wrong_classes.misplaced_class_path,
    wrong_classes.schedule_without_path,
    wrong_classes.option_without_class,
    wrong_classes.unknown_option_of_class,
    wrong_classes.one_in_place_of_list,
    wrong_classes.unknown_class,
    wrong_classes.class_not_found,
    wrong_classes.wrong_class,
    wrong_values.wrong_seed,
    wrong_values.out_of_bounds,
    wrong_values.wrong_value,
)
"""Each explains mistakes of one sort in a line, and gives None for all others. The first that has a line is heard."""


def explain(message: str, parser: Parser) -> str:
    """One line in the user's words for an error of jsonargparse.

    Args:
        message: Its message, of any number of lines.
        parser: Knows the keys.
    """
    mistake = Mistake(message, parser)
    lines = (explanation(mistake) for explanation in EXPLANATIONS)
    return next((line for line in lines if line), in_one_line(message))


def in_one_line(message: str) -> str:
    """What is left of a tree of attempts when types and empty alternatives are dropped."""
    noise = ("Does not validate", "Subtypes:", "Errors:", "Given value", "- Expected a <class 'NoneType'>")
    lines = [line.strip() for line in message.splitlines() if line.strip() and not line.strip().startswith(noise)]
    text = " ".join(lines).replace("<class '", "").replace("'>", "")
    return re.sub(r'Parser key "([^"]+)":\s*', r"\1: ", text)
