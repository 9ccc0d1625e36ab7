"""Pieces that a YAML file can name, and the plain words with which a checkpoint names them again.

A checkpoint must rebuild its networks without executing anything that it carries. So it holds words only,
`{"class_path": "gan_lightning.networks.mlp.MLPGenerator", "init_args": {"latent_dim": 100}}`, and `rebuild` looks the
class up among those that are loaded already: it never imports.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

import torch

from gan_lightning.core.discovery import path_of, subclasses
from gan_lightning.core.errors import UserError

FACTORY_MADE = (torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
PLAIN = (bool, int, float, str)

RECORDS: list[type] = []
"""The dataclasses that a checkpoint may name."""

Record = TypeVar("Record", bound=type)


def record(cls: Record) -> Record:
    """Lets checkpoints name a dataclass. (The command line takes a dataclass apart only if it has no other base.)"""
    RECORDS.append(cls)
    return cls


class Configurable:
    """A piece of the game that remembers the arguments it was made with, so that a checkpoint can name it."""

    init_args: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any):
        self = super().__new__(cls)
        object.__setattr__(self, "init_args", given_arguments(cls, args, kwargs))  # nn.Module forbids assignment yet
        return self


def given_arguments(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments with which a class is called, by name; none for what is left to its default."""
    bound = inspect.signature(cls.__init__).bind_partial(None, *args, **kwargs)
    _, *names = bound.arguments  # without self
    return {**dict(zip(names[: len(args)], args, strict=False)), **kwargs}


def defaults_of(cls: type) -> dict[str, Any]:
    """The arguments of a class that have a default, and the default of each."""
    parameters = inspect.signature(cls).parameters.items()
    return {name: p.default for name, p in parameters if p.default is not inspect.Parameter.empty}


def describe(value: Any) -> Any:
    """The plain words for a piece, a factory (`functools.partial` of a class) or a plain value.

    Raises:
        UserError: The value is none of these, so no checkpoint could hold it safely.
    """
    if value is None or type(value) in PLAIN:
        return value
    for plain in PLAIN:
        if isinstance(value, plain):
            return plain(value)  # a class made from int, as jsonargparse has some, could not be read again
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
    """The optimizer or scheduler that a factory makes, and with which options.

    Raises:
        UserError: It is no factory that a checkpoint could name.
    """
    # a script writes partial(Adam, lr=...), jsonargparse hands over partial(make, Adam, lr=...)
    callee, *arguments = (factory.func, *factory.args) if isinstance(factory, partial) else (factory,)
    for cls in (callee, *arguments):
        if inspect.isclass(cls) and issubclass(cls, FACTORY_MADE):
            return cls, dict(factory.keywords) if isinstance(factory, partial) else {}
    raise UserError(
        f"a checkpoint cannot name {factory!r}: give plain values (numbers, text, lists) to networks and objectives, "
        "and functools.partial(torch.optim.Adam, lr=...) rather than a function for an optimizer"
    )


def rebuild(words: Any) -> Any:
    """The piece, factory or plain value that `describe` put into these words.

    A `Configurable` comes back as an instance; an optimizer or a scheduler as a factory that still lacks its argument.

    Raises:
        UserError: The class is not loaded, or is not one that a checkpoint may name.
    """
    if isinstance(words, list):
        return [rebuild(v) for v in words]
    if not isinstance(words, dict):
        return words
    if "class_path" not in words:
        return {k: rebuild(v) for k, v in words.items()}
    cls, init_args = find_class(words["class_path"]), rebuild(words.get("init_args", {}))
    return partial(cls, **init_args) if issubclass(cls, FACTORY_MADE) else cls(**init_args)


def class_paths(words: Any) -> list[str]:
    """Every class that nested words name, outermost first."""
    if isinstance(words, list):
        return [path for inner in words for path in class_paths(inner)]
    if not isinstance(words, dict):
        return []
    named = [words["class_path"]] if isinstance(words.get("class_path"), str) else []
    return named + [path for inner in words.values() for path in class_paths(inner)]


def loaded_class(class_path: str) -> type | None:
    """The loaded piece, optimizer or scheduler of this path, if there is one."""
    kinds = (cls for base in (Configurable, *FACTORY_MADE) for cls in subclasses(base))
    return next((cls for cls in (*RECORDS, *kinds) if path_of(cls) == class_path), None)


def find_class(class_path: str) -> type:
    """The loaded piece, optimizer or scheduler of this path.

    Raises:
        UserError: There is none.
    """
    if (cls := loaded_class(class_path)) is None:
        raise UserError(
            f"the checkpoint names {class_path}, which is not part of gan_lightning: if you trust that code, import it "
            f"before you load, or on the command line add --trust {class_path}"
        )
    return cls
