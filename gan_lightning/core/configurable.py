"""Objects that a YAML file can configure, and their description in a checkpoint.

A checkpoint must rebuild its networks without executing anything stored in it. It therefore holds plain values only,
`{"class_path": "gan_lightning.networks.mlp.MLPGenerator", "init_args": {"latent_dim": 100}}`, and `rebuild` looks the
class up among those already loaded: it never imports.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

import torch

from gan_lightning.core.discovery import path_of, subclasses
from gan_lightning.core.errors import UserError

FACTORY_MADE = (torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
PLAIN = (bool, int, float, str)

RECORDS: list[type] = []
"""Dataclasses that a checkpoint may name."""

Record = TypeVar("Record", bound=type)


def record(cls: Record) -> Record:
    """Lets checkpoints name a dataclass. (The command line makes its fields options only if it has no base class.)"""
    RECORDS.append(cls)
    return cls


class Configurable:
    """An object that remembers its constructor arguments, so that a checkpoint can describe it."""

    init_args: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any):
        self = super().__new__(cls)
        object.__setattr__(self, "init_args", given_arguments(cls, args, kwargs))  # before nn.Module allows assignment
        return self


def given_arguments(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments that a class is called with, by name, without those left at their default."""
    bound = inspect.signature(cls.__init__).bind_partial(None, *args, **kwargs)
    _, *names = bound.arguments  # without self
    return {**dict(zip(names[: len(args)], args, strict=False)), **kwargs}


def passed_on(cls: type) -> Iterator[type]:
    """Yields the class, then each base to which it passes arguments on as **options."""
    for base in cls.__mro__:
        if "__init__" in vars(base):
            yield base
            kinds = [parameter.kind for parameter in inspect.signature(base.__init__).parameters.values()]
            if inspect.Parameter.VAR_KEYWORD not in kinds:
                return


def parameters_of(cls: type) -> dict[str, inspect.Parameter]:
    """The arguments of a class, with those that it passes on to its bases."""
    found: dict[str, inspect.Parameter] = {}
    for base in passed_on(cls):
        _, *named = inspect.signature(base.__init__).parameters.values()  # without self
        found = {p.name: p for p in named if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)} | found
    return found


def defaults_of(cls: type) -> dict[str, Any]:
    """The default value of each argument of a class that has one."""
    return {name: p.default for name, p in parameters_of(cls).items() if p.default is not inspect.Parameter.empty}


def describe(value: Any) -> Any:
    """Describes an object, a factory (`functools.partial` of a class) or a plain value in plain values.

    Raises:
        UserError: The value is none of these, so a checkpoint cannot hold it safely.
    """
    if value is None or type(value) in PLAIN:
        return value
    for plain in PLAIN:
        if isinstance(value, plain):
            return plain(value)  # jsonargparse has subclasses of int, which could not be read again
    if isinstance(value, (list, tuple)):
        return [describe(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): describe(v) for k, v in value.items()}
    if isinstance(value, Configurable):
        return {"class_path": path_of(type(value)), "init_args": describe(value.init_args)}
    if type(value) in RECORDS:
        return {"class_path": path_of(type(value)), "init_args": describe(vars(value))}
    cls, options = made_by(value)
    return {"class_path": path_of(cls), "init_args": describe(options)}


def made_by(factory: Callable) -> tuple[type, dict[str, Any]]:
    """The class of optimizer or scheduler that a factory makes, and its options.

    Raises:
        UserError: A checkpoint cannot name this factory.
    """
    # a script writes partial(Adam, lr=...), jsonargparse passes partial(make, Adam, lr=...)
    callee, *arguments = (factory.func, *factory.args) if isinstance(factory, partial) else (factory,)
    for cls in (callee, *arguments):
        if inspect.isclass(cls) and issubclass(cls, FACTORY_MADE):
            return cls, dict(factory.keywords) if isinstance(factory, partial) else {}
    raise UserError(
        f"a checkpoint cannot name {factory!r}: give plain values (numbers, text, lists) to networks and objectives, "
        "and functools.partial(torch.optim.Adam, lr=...) rather than a function for an optimizer"
    )


def rebuild(words: Any) -> Any:
    """Rebuilds the object, factory or plain value that `describe` described.

    A `Configurable` comes back as an instance, an optimizer or scheduler as a factory that still needs its argument.

    Raises:
        UserError: The class is not loaded, or a checkpoint may not name it.
    """
    check_loaded(class_paths(words))
    return rebuilt(words)


def rebuilt(words: Any) -> Any:
    """Rebuilds a description whose classes are all loaded."""
    if isinstance(words, list):
        return [rebuilt(v) for v in words]
    if not isinstance(words, dict):
        return words
    cls = loaded_class(str(words.get("class_path")))
    if cls is None:
        return {k: rebuilt(v) for k, v in words.items()}
    init_args = rebuilt(words.get("init_args", {}))
    return partial(cls, **init_args) if issubclass(cls, FACTORY_MADE) else cls(**init_args)


def class_paths(words: Any) -> list[str]:
    """The path of every class in a nested description, outermost first."""
    if isinstance(words, list):
        return [path for inner in words for path in class_paths(inner)]
    if not isinstance(words, dict):
        return []
    named = [words["class_path"]] if isinstance(words.get("class_path"), str) else []
    return named + [path for inner in words.values() for path in class_paths(inner)]


def loaded_class(class_path: str) -> type | None:
    """The loaded class with this path that a checkpoint may name; None if there is none."""
    kinds = (cls for base in (Configurable, *FACTORY_MADE) for cls in subclasses(base))
    return next((cls for cls in (*RECORDS, *kinds) if path_of(cls) == class_path), None)


def check_loaded(class_paths: Iterable[str]) -> None:
    """Refuses classes that are not loaded, all of them in one message.

    Raises:
        UserError: Names the classes, and says how to trust them.
    """
    missing = [path for path in dict.fromkeys(class_paths) if loaded_class(path) is None]
    if missing:
        raise untrusted(missing)


def untrusted(class_paths: Sequence[str]) -> UserError:
    """The error that refuses classes which are not loaded."""
    are, them = ("are", "them") if len(class_paths) > 1 else ("is", "it")
    named = class_paths[0] if len(class_paths) == 1 else f'"[{", ".join(class_paths)}]"'
    return UserError(
        f"the checkpoint names {' and '.join(class_paths)}, which {are} not part of gan_lightning: if you trust that "
        f"code, import {them} before loading, or add --trust {named} on the command line"
    )
