"""What a user typed, in the words of the parser: names of configs as paths, options for words that have none."""

import json
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import Any

import yaml

from gan_lightning import data
from gan_lightning.commands.configs import located
from gan_lightning.commands.suggestions import needs_value
from gan_lightning.core.errors import UserError
from gan_lightning.core.nesting import check_nesting
from gan_lightning.data.image_source import ZIP

YAML = (".yaml", ".yml")

FOLDER_READERS = ("ImageFolder", "ImagePatches", "Pairs")
"""Data that may have been cut or paired for a reason, so that a folder alone takes the place of its root only."""


def fit_arguments(arguments: Sequence[str]) -> list[str]:
    """A config, or a folder or zip file alone, means --config or --data.

    Raises:
        UserError: --kind has no value, and it decides what options there are.
    """
    for word, after in zip_longest(arguments, arguments[1:], fillvalue="--"):
        if word == "--kind" and after.startswith("--"):
            raise UserError(needs_value("kind"))
    last = [word for word in arguments if word.partition("=")[0] == "--print_config"]  # it prints what comes before it
    arguments = [*(word for word in arguments if word not in last), *last]
    words = configs_located(with_options(arguments, fit_option))
    return images_named(words, data_of_configs(words))


def sample_arguments(arguments: Sequence[str]) -> list[str]:
    """A checkpoint or a run's folder alone means --ckpt_path."""
    return configs_located(images_named(with_options(arguments, lambda word: ["--ckpt_path"])))


def images_named(arguments: Sequence[str], kind: str | None = None) -> list[str]:
    """The arguments, where a folder or a zip file as --data is an ImageFolder with that root.

    Args:
        arguments: The arguments.
        kind: The class of the data of a config among them: if it reads a folder, too, it does so of this one.

    Raises:
        UserError: It reads two folders.
    """
    found: list[str] = []
    for word in arguments:
        option, _, value = word.partition("=")
        if option == "--data" and holds_images(value):
            found += ["--data", reader(kind, value), "--data.root", value]
        elif found and found[-1] == "--data" and holds_images(word):
            found += [reader(kind, word), "--data.root", word]
        else:
            found.append(word)
    return found


def reader(kind: str | None, folder: str) -> str:
    """Returns what reads a folder of images where a config has data of this kind."""
    if kind == "Unpaired":
        raise UserError(f"{folder} is one folder, and Unpaired reads two: name them as --data.a and --data.b")
    return kind if kind in FOLDER_READERS else "ImageFolder"


def data_of_configs(arguments: Sequence[str]) -> str | None:
    """The short name of the class of the data in the configs among the arguments; None if none names one."""
    paths = [word for before, word in pairwise(arguments) if before == "--config"]
    paths += [word.removeprefix("--config=") for word in arguments if word.startswith("--config=")]
    words = [loaded(Path(path)) for path in paths if "\n" not in path and Path(path).is_file()]
    of_data = [each["data"] for each in words if isinstance(each, dict) and each.get("data")]
    kinds = [str(of.get("class_path") if isinstance(of, dict) else of) for of in of_data]
    return kinds[-1].rpartition(".")[2] if kinds else None


def with_options(arguments: Sequence[str], option: Callable[[str], list[str]]) -> list[str]:
    """The arguments, where every word that is no value of an option gets the option that it stands for."""
    found: list[str] = []
    for before, word in zip(["", *arguments], arguments, strict=False):
        alone = not word.startswith("-") and not (before.startswith("--") and "=" not in before)
        found += [*(option(word) if alone else []), word]
    return found


def lists_joined(
    arguments: Sequence[str], options: Collection[str], ends: Callable[[str], bool] = lambda word: False
) -> list[str]:
    """The arguments, in which several words after one of these options are a list.

    Args:
        arguments: The arguments.
        options: The options that take several words.
        ends: Whether a word, other than the first, belongs to them no more.
    """
    found: list[str] = []
    taking: list[str] | None = None
    for word in arguments:
        if taking is not None and not word.startswith("--") and not (len(taking) > 1 and ends(word)):
            taking.append(word)
            continue
        found, taking = [*found, *joined(taking)], None
        if word in options:
            taking = [word]
        else:
            found.append(word)
    return [*found, *joined(taking)]


def joined(words: list[str] | None) -> list[str]:
    """An option and its values as two words, the second of them a list if there are several values."""
    if words is None:
        return []
    option, *values = words
    if not values or (len(values) == 1 and (option == "--labels" or values[0].startswith("["))):
        return words
    return [option, f"[{', '.join(value if value.isdigit() else json.dumps(value) for value in values)}]"]


def fit_option(word: str) -> list[str]:
    """The option that a word alone stands for in `gan fit`; none if it stands for nothing."""
    if holds_images(word):
        return ["--data"]
    return ["--config"] if located(word) != word or Path(word).suffix in YAML else []


def holds_images(word: str) -> bool:
    """Whether a word names a folder or a zip file of images rather than a data set."""
    path = Path(word).expanduser()
    is_images = path.is_dir() or path.suffix.lower() == ZIP
    return word != "" and is_images and not hasattr(data, word)


def configs_located(arguments: Iterable[str]) -> list[str]:
    """The arguments, with the path of each config in place of its name."""
    found: list[str] = []
    for word in arguments:
        key, equals, value = word.partition("=")
        if found and found[-1] == "--config":
            word = located(word)
        elif key == "--config" and equals:
            word = f"--config={located(value)}"
        found.append(word)
    return found


def without_foreign_keys(arguments: Sequence[str], known: Iterable[str], command: str) -> list[str]:
    """The arguments, where a config's options that another command has are left out, and a line says so.

    So the config.yaml of a run can be given to any command.

    Args:
        arguments: With paths of configs.
        known: The options of this command.
        command: Its name.
    """
    known, result = {*known}, []
    for before, word in zip(["", *arguments], arguments, strict=False):
        option, equals, value = word.partition("=")
        path = Path(word if before == "--config" else value if option == "--config" and equals else "")
        words = loaded(path) if path.is_file() else None
        if isinstance(words, dict) and "model" in words and (foreign := [*outside(words, known)]):
            groups = sorted({key.partition(".")[0] for key in foreign})
            print(f"{path}: {', '.join(groups)} {'are' if len(groups) > 1 else 'is'} for gan fit alone, "
                  f"and left out of gan {command}", file=sys.stderr)  # fmt: skip
            text = yaml.safe_dump(inside(words, known))
            word = text if before == "--config" else f"--config={text}"
        result.append(word)
    return result


def loaded(path: Path) -> Any:
    """The content of a YAML file; None for what the parser will refuse."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        check_nesting(content, path)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return None
    return content


def outside(words: dict[str, Any], known: set[str], prefix: str = "") -> Iterable[str]:
    """The keys that no option of this command holds."""
    for key, value in words.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and is_group(name, known):
            yield from outside(value, known, f"{name}.")
        elif name not in known:
            yield name


def inside(words: dict[str, Any], known: set[str], prefix: str = "") -> dict[str, Any]:
    """What is left of nested options without those `outside`."""
    kept: dict[str, Any] = {}
    for key, value in words.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and is_group(name, known):
            kept[key] = inside(value, known, f"{name}.")
        elif name in known:
            kept[key] = value
    return kept


def is_group(name: str, known: set[str]) -> bool:
    """Whether single options lie below this key."""
    return any(option.startswith(f"{name}.") and not option.endswith(".help") for option in known)
