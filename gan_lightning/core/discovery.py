"""Classes that are found rather than listed: adding one to the package is adding a file."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType


def modules(package: str) -> Iterator[ModuleType]:
    """Imports every module that lies directly in a package, in the order of their names."""
    for found in iter_modules(import_module(package).__path__):
        yield import_module(f"{package}.{found.name}")


def classes(package: str, *bases: type) -> dict[str, type]:
    """The classes defined in a package's modules that are of one of these kinds, by name."""
    return {
        name: value
        for module in modules(package)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, bases) and value.__module__ == module.__name__
    }


def subclasses(cls: type) -> Iterator[type]:
    """Every subclass that is loaded, direct or not."""
    for child in cls.__subclasses__():
        yield child
        yield from subclasses(child)


def path_of(cls: type) -> str:
    """The dotted path of a class, as configs and checkpoints name it."""
    return f"{cls.__module__}.{cls.__qualname__}"
