"""Explains what is wrong with a --config file before its options are read: which file, and where in it."""

from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml

from gan_lightning.commands import configs
from gan_lightning.commands.suggestions import near_names
from gan_lightning.core.errors import UserError
from gan_lightning.core.nesting import check_nesting, too_much

EXAMPLE = "trainer: {max_steps: 1000}"
"""Options in a config."""


def check_configs(arguments: Sequence[str], options: Collection[str]) -> None:
    """Refuses what is no config.

    Args:
        arguments: The words of a command.
        options: The keys of the command.

    Raises:
        UserError: A file is missing, no YAML, or not made of options.
    """
    for name in named(arguments):
        if looks_like_options(name):
            check_content(yaml.safe_load(name), "on the command line", options)
        else:
            check_content(content_of(Path(name).expanduser()), name, options)


def named(arguments: Sequence[str]) -> Iterator[str]:
    """The values of --config."""
    for word, after in zip_longest(arguments, arguments[1:], fillvalue="--"):
        key, equals, value = word.partition("=")
        if key == "--config" and (equals or not after.startswith("--")):
            yield value if equals else after


def looks_like_options(text: str) -> bool:
    """Whether the value of --config is options itself rather than the name of a file."""
    try:
        return isinstance(yaml.safe_load(text), dict)
    except yaml.YAMLError:
        return False


def content_of(path: Path) -> Any:
    """What a file holds.

    Raises:
        UserError: It is missing, no text, or no YAML.
    """
    if path.is_dir():
        raise UserError(f"config is {path}, which is a folder: name a YAML file")
    if not path.exists():
        raise UserError(
            f"there is no config {path}{instead(path)}: name a YAML file, or a config that gan configs lists"
        )
    if path.suffix == ".ckpt":
        raise UserError(f"config is {path}, which is a checkpoint; did you mean --ckpt_path {path}?")
    try:
        content = yaml.safe_load(path.read_bytes().decode())
        check_nesting(content, f"config {path}")
        return content
    except RecursionError as error:
        raise too_much(f"config {path}") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UserError(f"config {path} is not text in UTF-8 (line {line}): save it as UTF-8") from error
    except yaml.YAMLError as error:
        raise UserError(f"config {path} is not YAML: {where(error)}") from error


def instead(path: Path) -> str:
    """The config of the package that may be meant by a name."""
    near = near_names(path.stem, configs.names())
    return f" (did you mean {near[0]}?)" if near else ""


def where(error: yaml.YAMLError) -> str:
    """Where a YAML file is wrong, what is wrong there, and what usually is the reason."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
    return f"{place}{problem or error} (indent with spaces, close all brackets, put a space after each colon)"


def check_content(content: Any, name: str, options: Collection[str]) -> None:
    """Refuses a file that holds something else than options, or has a group without options in it."""
    if not isinstance(content, dict):
        what = "is empty" if content is None else "holds a list" if isinstance(content, list) else f"holds {content}"
        raise UserError(f"config {name} {what}; it must hold options, such as {EXAMPLE}")
    for key, value in groups(content, options):
        if not isinstance(value, (dict, str)):
            what = "is empty" if value is None else f"is {value}"
            raise UserError(f"{key} in config {name} {what}: indent its options below it, or remove it")


def config_contents(arguments: Sequence[str]) -> Iterator[Any]:
    """What each --config holds."""
    for name in named(arguments):
        yield yaml.safe_load(name) if looks_like_options(name) else content_of(Path(name).expanduser())


def groups(content: dict[Any, Any], options: Collection[str], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The groups of options in a config, outer ones first, and what each holds."""
    for word, value in content.items():
        key = f"{prefix}{word}"
        if any(option.startswith(f"{key}.") and not option.endswith(".help") for option in options):
            yield key, value
            if isinstance(value, dict):
                yield from groups(value, options, f"{key}.")
