"""What can be trained: the models of the package and a user's own, and the pieces that each of them takes."""

import inspect
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import torch
import yaml

from gan_lightning import models
from gan_lightning.core.configurable import Configurable, defaults_of, describe
from gan_lightning.core.discovery import path_of, subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.networks import Discriminator, Generator
from gan_lightning.training.alternating import AlternatingModule
from gan_lightning.training.optimization import Optimization

Kind = type[AlternatingModule]

STANDARD: dict[type, str] = {Generator: "MLPGenerator", Discriminator: "MLPDiscriminator"}
"""The networks that a model gets if nothing else is said."""

OPTIMIZATION = {"optimizer": torch.optim.Optimizer, "scheduler": torch.optim.lr_scheduler.LRScheduler}
"""What an optimizer and a scheduler must be a kind of."""


def kinds() -> dict[str, Kind]:
    """The kinds of model in the package, by name."""
    ours = [cls for cls in subclasses(AlternatingModule) if cls.__module__.startswith(f"{models.__name__}.")]
    trained = [cls for cls in ours if cls.training_step is not AlternatingModule.training_step]
    return {cls.__name__: cls for cls in sorted(trained, key=lambda cls: (cls.__name__ != "GAN", cls.__name__))}


def kind_named(name: str) -> Kind:
    """The kind of this name; `module.Class` is a user's own, whose module is imported.

    Raises:
        UserError: There is no such kind.
    """
    known = kinds()
    if name in known:
        return known[name]
    module, _, class_name = name.rpartition(".")
    if not module or not all(word.isidentifier() for word in name.split(".")):
        near = [kind for kind in known if kind == name.upper()] or get_close_matches(name, known, n=1, cutoff=0.5)
        choice = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise UserError(f"kind is {name}; {choice} (A model of your own is named as module.Class)")
    try:
        cls = getattr(import_module(module), class_name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"kind is {name}, but {error}: write module.Class") from error
    if not (inspect.isclass(cls) and issubclass(cls, AlternatingModule)):
        raise UserError(f"kind is {name}, which is no model: derive it from GAN, GenerativeModel or AlternatingModule")
    return cls


def short_name(kind: Kind) -> str:
    """What a user writes for a kind."""
    return kind.__name__ if kinds().get(kind.__name__) is kind else path_of(kind)


def kind_of(arguments: Sequence[str]) -> Kind:
    """The kind that the arguments of `gan fit` ask for, which decides what options there are.

    `--kind` and the key `kind` of --config files override each other in order.

    Raises:
        UserError: There is no such kind.
    """
    name = "GAN"
    for key, value in pairs(arguments):
        name = str(value if key == "--kind" else in_config(value, name))
    return kind_named(name)


def pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The options --kind and --config and their values, in order."""
    for word, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        key, equals, value = word.partition("=")
        if key in ("--kind", "--config"):
            yield key, value if equals else following


def in_config(config: str, otherwise: str) -> Any:
    """The kind in a config; what is wrong with a config, the parser says."""
    try:
        words = yaml.safe_load(Path(config).read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return otherwise
    return words.get("kind", otherwise) if isinstance(words, dict) else otherwise


def pieces(kind: Kind) -> dict[str, type]:
    """The arguments of a kind that take a class of the package or a user's own, and what it must be a kind of."""
    found: dict[str, type] = {}
    for name, hint in get_type_hints(kind.__init__).items():
        for base in (hint, *get_args(hint)):
            if base is Optimization:
                found |= {f"{name}.{key}": of for key, of in OPTIMIZATION.items()}
            elif inspect.isclass(base) and issubclass(base, Configurable):
                found[name] = base
    return found


def lists(kind: Kind) -> list[str]:
    """The arguments of a kind that take any number of pieces."""
    hints = get_type_hints(kind.__init__)
    return [name for name in pieces(kind) if get_origin(hints.get(name)) is Sequence]


def defaults(kind: Kind) -> dict[str, Any]:
    """What `gan fit` trains if nothing else is said, in the words of a config: the defaults of the class."""
    values, words = defaults_of(kind), {}
    for name, base in pieces(kind).items():
        owner, _, key = name.partition(".")
        if key:  # an optimizer or a scheduler
            words[f"model.{name}"] = describe(getattr(values[owner], key)) if owner in values else None
        elif isinstance(value := values.get(name), Configurable):
            words[f"model.{name}"] = {"class_path": path_of(type(value))}
        elif name not in values:  # a network, which must be given
            words[f"model.{name}"] = {"class_path": STANDARD.get(base, path_of(base))}
    return {key: value for key, value in words.items() if value is not None}
