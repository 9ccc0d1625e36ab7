"""The kinds of model that can be trained, the package's and a user's own, and the parts of each."""

import inspect
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import zip_longest
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import torch

from gan_lightning import models
from gan_lightning.commands.arguments import loaded
from gan_lightning.commands.own_code import import_own
from gan_lightning.core.configurable import Configurable, defaults_of, describe, passed_on
from gan_lightning.core.discovery import path_of, subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.networks import Discriminator, Generator, ImageFeatures, ImageToImage
from gan_lightning.training.alternating import AlternatingModule
from gan_lightning.training.optimization import Optimization

Kind = type[AlternatingModule]

STANDARD: dict[type, str] = {
    Generator: "MLPGenerator",
    Discriminator: "MLPDiscriminator",
    ImageFeatures: "FeatureNetwork",
    ImageToImage: "SuperResolver",
}
"""The networks of a model if none are given."""

OPTIMIZATION = {"optimizer": torch.optim.Optimizer, "scheduler": torch.optim.lr_scheduler.LRScheduler}
"""The base classes of optimizers and schedulers."""


def kinds() -> dict[str, Kind]:
    """Returns the kinds of model in the package, by name."""
    ours = [cls for cls in subclasses(AlternatingModule) if cls.__module__.startswith(f"{models.__name__}.")]
    trained = [cls for cls in ours if cls.training_step is not AlternatingModule.training_step]
    return {cls.__name__: cls for cls in sorted(trained, key=lambda cls: (cls.__name__ != "GAN", cls.__name__))}


def kind_named(name: str) -> Kind:
    """Returns the kind of this name. `module.Class` is a user's own, whose module is imported.

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
        raise UserError(f"kind is {name}; {choice} (Give a model of your own as module.Class)")
    try:
        cls = getattr(import_own(module), class_name)
    except (ImportError, AttributeError) as error:
        raise UserError(f"kind is {name}, but {error}: write module.Class") from error
    if not (inspect.isclass(cls) and issubclass(cls, AlternatingModule)):
        raise UserError(f"kind is {name}, which is no model: derive it from GAN, GenerativeModel or AlternatingModule")
    return cls


def short_name(kind: Kind) -> str:
    """Returns the name of a kind as a user writes it."""
    return kind.__name__ if kinds().get(kind.__name__) is kind else path_of(kind)


def kind_of(arguments: Sequence[str]) -> Kind:
    """Returns the kind that the arguments of `gan fit` ask for, which decides what options there are.

    `--kind` and the key `kind` of --config files override each other in order.

    Raises:
        UserError: There is no such kind.
    """
    name = "GAN"
    for key, value in pairs(arguments):
        name = str(value if key == "--kind" else in_config(value, name))
    return kind_named(name)


def pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields the options --kind and --config with their values, in order."""
    for word, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        key, equals, value = word.partition("=")
        if key in ("--kind", "--config"):
            yield key, value if equals else following


def in_config(config: str, otherwise: str) -> Any:
    """Returns the kind in a config. The parser reports mistakes in a config, not this function."""
    words = loaded(Path(config))
    return words.get("kind", otherwise) if isinstance(words, dict) else otherwise


def hints_of(kind: Kind) -> dict[str, Any]:
    """Returns the arguments of a kind with their types, including those that it passes on to its base."""
    found: dict[str, Any] = {}
    for base in passed_on(kind):
        found = get_type_hints(base.__init__) | found
    return found


def pieces(kind: Kind) -> dict[str, type]:
    """Returns the arguments of a kind that take a class of the package or a user's own, with the base class of each."""
    found: dict[str, type] = {}
    for name, hint in hints_of(kind).items():
        for base in (hint, *get_args(hint)):
            if base is Optimization:
                found |= {f"{name}.{key}": of for key, of in OPTIMIZATION.items()}
            elif inspect.isclass(base) and issubclass(base, Configurable):
                found[name] = base
    return found


def lists(kind: Kind) -> list[str]:
    """Returns the arguments of a kind that take any number of parts."""
    hints = hints_of(kind)
    return [name for name in pieces(kind) if get_origin(hints.get(name)) is Sequence]


def defaults(kind: Kind) -> dict[str, Any]:
    """Returns what `gan fit` trains by default, in the form of a config: the defaults of the class."""
    values, words = defaults_of(kind), {}
    for name, base in pieces(kind).items():
        owner, _, key = name.partition(".")
        if key:  # an optimizer or a scheduler
            words[f"model.{name}"] = describe(getattr(values[owner], key)) if owner in values else None
        elif isinstance(value := values.get(name), Configurable):
            words[f"model.{name}"] = {"class_path": path_of(type(value))}
        elif name in lists(kind) and values.get(name):
            words[f"model.{name}"] = [{"class_path": path_of(type(part))} for part in values[name]]
        elif name not in values:  # a network, which the class requires
            words[f"model.{name}"] = {"class_path": (STANDARD | kind.standard).get(base, path_of(base))}
    return {key: value for key, value in words.items() if value is not None}
