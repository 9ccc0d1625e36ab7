"""A file imports only from lower floors."""

import ast
from pathlib import Path

import gan_lightning

ROOT = Path(gan_lightning.__file__).parent
FLOORS = [
    {"errors"},
    {
        "parts",
        "randomness",
        "pictures",
        "checkpoints",
        "averaging",
        "processes",
        "turns",
        "trouble",
        "machines",
        "resuming",
        "rewinding",
        "moments",
        "augmentation",
    },
    {"objectives", "penalties", "likelihoods", "elbo", "sampling", "networks", "data", "metrics"},
    {"learner", "encoder", "extractors"},
    {"model", "feature_learner"},
    {"gan", "vae", "vae_gan", "judging"},
    {"callbacks", "loggers"},
    {"commands", "cli", "__main__"},
]
STRANGERS = {"objectives", "penalties", "likelihoods", "elbo", "sampling", "networks", "data", "metrics"}
"""They know torch, not each other."""


def room(path: Path) -> str:
    return path.relative_to(ROOT).with_suffix("").parts[0]


def imports(path: Path) -> set[str]:
    """The rooms that a file imports from."""
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("gan_lightning"):
            parts = (node.module or "").split(".")
            rooms |= {parts[1]} if len(parts) > 1 else {alias.name for alias in node.names}
    return rooms - {room(path)}


def floor(name: str) -> int:
    return next(i for i, names in enumerate(FLOORS) if name in names)


FILES = [p for p in ROOT.rglob("*.py") if p != ROOT / "__init__.py"]


def test_every_room_has_a_floor():
    assert {room(p) for p in FILES} == set().union(*FLOORS)


def test_a_file_imports_only_from_its_own_floor_or_below():
    for path in FILES:
        for name in imports(path):
            assert floor(name) <= floor(room(path)), f"{path.relative_to(ROOT)} imports {name} from a higher floor"


def test_losses_networks_and_data_do_not_know_each_other():
    for path in FILES:
        if room(path) in STRANGERS:
            assert not imports(path) & STRANGERS, path


def test_the_command_stays_light():
    """Nothing at the top of what `gan --help` imports may import torch."""
    for name in ("cli.py", "__init__.py", "__main__.py"):
        tree = ast.parse((ROOT / name).read_text())
        top = [n for n in tree.body if isinstance(n, (ast.Import, ast.ImportFrom))]
        modules = {a.name for n in top if isinstance(n, ast.Import) for a in n.names}
        modules |= {n.module or "" for n in top if isinstance(n, ast.ImportFrom)}
        assert not {m.split(".")[0] for m in modules} & {"torch", "lightning", "jsonargparse", "matplotlib"}, name
