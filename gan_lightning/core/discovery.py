"""Finds classes in a package and among loaded subclasses, so that no list of them has to be kept."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def modules(package: str) -> Iterator[ModuleType]:
    """Imports and yields the modules directly inside a package, in order of name."""
    for found in iter_modules(import_module(package).__path__):
        yield import_module(f"{package}.{found.name}")


def classes(package: str, *bases: type) -> dict[str, type]:
    """The subclasses of these bases that a package's modules define, by name."""
    return {
        name: value
        for module in modules(package)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, bases) and value.__module__ == module.__name__
    }


def subclasses(cls: type) -> Iterator[type]:
    """All loaded subclasses, direct and indirect."""
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


def path_of(cls: type) -> str:
    """The dotted path of a class, as written in configs and checkpoints."""
    return f"{cls.__module__}.{cls.__qualname__}"
