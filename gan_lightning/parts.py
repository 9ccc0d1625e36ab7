"""Parts that a YAML file can name, and the plain words with which a checkpoint names them again.

A checkpoint must rebuild its networks without executing anything that it carries. So it holds words only,
`{"class_path": "gan_lightning.networks.mlp.MLPGenerator", "init_args": {"latent_dim": 100}}`, and `rebuild` looks the
class up among those that are loaded already: it never imports.
"""

import inspect
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch

from gan_lightning.errors import UserError

FACTORY_MADE = (torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler)
PLAIN = (bool, int, float, str)


class Part:
    """A piece of the game that remembers the arguments it was made with, so that a checkpoint can name it."""

    init_args: dict[str, Any]

    def __new__(cls, *args: Any, **kwargs: Any):
        self = super().__new__(cls)
        bound = inspect.signature(cls.__init__).bind_partial(self, *args, **kwargs)
        _, *names = bound.arguments  # without self
        init_args = {**dict(zip(names[: len(args)], args, strict=False)), **kwargs}
        object.__setattr__(self, "init_args", init_args)  # before nn.Module.__init__, hence not by assignment
        return self


def describe(value: Any) -> Any:
    """The plain words for a part, a factory (`functools.partial` of a class) or a plain value.

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
    if isinstance(value, Part):
        return {"class_path": path_of(type(value)), "init_args": describe(value.init_args)}
    # a script writes partial(Adam, lr=...), jsonargparse hands over partial(make, Adam, lr=...)
    callee, *arguments = (value.func, *value.args) if isinstance(value, partial) else (value,)
    keywords = value.keywords if isinstance(value, partial) else {}
    made = next((c for c in (callee, *arguments) if inspect.isclass(c) and issubclass(c, FACTORY_MADE)), None)
    if made is None:
        raise UserError(
            f"a checkpoint cannot name {value!r}: give plain values (numbers, text, lists) to networks and objectives, "
            "and functools.partial(torch.optim.Adam, lr=...) rather than a function for an optimizer"
        )
    return {"class_path": path_of(made), "init_args": describe(keywords)}


def rebuild(words: Any) -> Any:
    """The part, factory or plain value that `describe` put into these words.

    A `Part` comes back as an instance; an optimizer or a scheduler as a factory that still lacks what it optimizes.

    Raises:
        UserError: The class is not loaded, or is not one that a checkpoint may name.
    """
    if isinstance(words, list):
        return [rebuild(v) for v in words]
    if not isinstance(words, dict):
        return words
    if "class_path" not in words:
        return {k: rebuild(v) for k, v in words.items()}
    cls, init_args = find(words["class_path"]), rebuild(words.get("init_args", {}))
    return cls(**init_args) if issubclass(cls, Part) else partial(cls, **init_args)


def find(class_path: str) -> type:
    """The loaded part, optimizer or scheduler of this path."""
    for base in (Part, *FACTORY_MADE):
        for cls in subclasses(base):
            if path_of(cls) == class_path:
                return cls
    raise UserError(
        f"the checkpoint names {class_path}, which is not part of gan_lightning: if you trust that code, import it "
        f"before you load, or on the command line add --trust {class_path}"
    )


def subclasses(cls: type) -> Iterator[type]:
    """Every loaded subclass, direct or not."""
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


def path_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
