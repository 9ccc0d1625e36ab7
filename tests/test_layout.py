"""A file imports only from its own floor or below, and strangers on one floor do not know each other."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import gan_lightning

ROOT = Path(gan_lightning.__file__).parent
FLOORS = [
    {"core"},
    {"objectives", "penalties", "augmentation", "degradations", "networks", "data", "runs"},
    {"training", "editing", "terms"},
    {"models", "evaluation"},
    {"callbacks"},
    {"commands", "page", "cli", "__main__"},
]
"""Lowest first. The rooms of the second and of the fourth floor do not know each other."""
STRANGERS = [FLOORS[1], FLOORS[3]]


def room(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imports(path: Path) -> Iterator[str]:
    """The rooms that a file imports from, its own left out; also inside functions."""
    for node in ast.walk(ast.parse(path.read_text())):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for package, *inner in (module.split(".") for module in modules):
            if package == "gan_lightning":
                names = inner[:1] or [alias.name for alias in node.names]  # type: ignore[union-attr]
                yield from {*names} - {room(path)}


def floor(name: str) -> int:
    return next(i for i, names in enumerate(FLOORS) if name in names)


FILES = [p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py"]


def test_every_room_has_a_floor():
    assert {room(p) for p in FILES} == set().union(*FLOORS)


def test_a_file_imports_only_from_its_own_floor_or_below():
    for path in FILES:
        for name in imports(path):
            assert floor(name) <= floor(room(path)), f"{path.relative_to(ROOT)} imports {name} from a higher floor"


@pytest.mark.parametrize("strangers", STRANGERS, ids=["second floor", "fourth floor"])
def test_strangers_do_not_know_each_other(strangers):
    for path in FILES:
        if room(path) in strangers:
            assert not {*imports(path)} & strangers, path.relative_to(ROOT)


def test_the_command_stays_light():
    """Nothing that `gan --help`, `gan cache` and `gan configs` import may import torch."""
    commands = ("commands/__init__.py", "commands/cache.py", "commands/configs.py")
    for name in ("cli.py", "__init__.py", "__main__.py", *commands):
        tree = ast.parse((ROOT / name).read_text())
        top = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
        modules = {a.name for n in top if isinstance(n, ast.Import) for a in n.names}
        modules |= {n.module or "" for n in top if isinstance(n, ast.ImportFrom)}
        assert not {m.split(".")[0] for m in modules} & {"torch", "lightning", "jsonargparse", "matplotlib"}, name


def names(path: Path) -> Iterator[str]:
    """What a file defines at its top."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        for target in getattr(node, "targets", [getattr(node, "target", None)]):
            yield from (name.id for name in ast.walk(target) if isinstance(name, ast.Name)) if target else ()


def test_one_name_means_one_thing_in_the_whole_package():
    where: dict[str, list[str]] = {}
    for path in (path for path in FILES if path.name != "__init__.py"):
        for name in names(path):
            where.setdefault(name, []).append(str(path.relative_to(ROOT)))
    assert {name: paths for name, paths in where.items() if len(paths) > 1} == {}
