"""The `gan configs` command, and names of configs in place of paths. Imports no torch."""

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

USAGE = """\
usage: gan configs [NAME [FILE]]

Lists the configs that come with the package, one per line. With NAME, copies that config to the working directory, or
to FILE, for you to edit.

  gan configs                       lists all configs
  gan configs mnist                 writes mnist.yaml
  gan configs overlays/r3 my.yaml   writes my.yaml
"""


def folder() -> Path:
    """The folder of the configs: inside an installed package, beside the package in a checkout."""
    package = Path(__file__).parents[1]
    return next(path for path in (package / "configs", package.parent / "configs") if path.is_dir())


def names() -> list[str]:
    """The names of the configs that come with the package, overlays last."""
    paths = [path.relative_to(folder()).with_suffix("").as_posix() for path in folder().rglob("*.yaml")]
    return sorted(paths, key=lambda name: ("/" in name, name))


def located(name: str) -> str:
    """The path of a config: a file of this name in the working directory, or else a config of the package.

    `mnist`, `mnist.yaml` and `configs/mnist.yaml` mean the same config of the package. Any other name stays as it is,
    and so does the text of a config in place of a name.
    """
    if "\n" in name or Path(name).is_file():
        return name
    short = name.removeprefix("configs/").removesuffix(".yaml")
    return str(folder() / f"{short}.yaml") if short in names() else name


def summary(name: str) -> str:
    """The first sentence of the comment at the top of a config."""
    comment = []
    for line in (folder() / f"{name}.yaml").read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.lstrip("# "))
    return " ".join(comment).split(". ")[0].rstrip(".")


def configs(arguments: Sequence[str]) -> None:
    """Runs `gan configs`."""
    if {"-h", "--help"} & {*arguments}:
        print(USAGE, end="")
    elif not arguments:
        width = max(map(len, names()))
        for name in names():
            print(f"{name:{width}}  {summary(name)}")
        print("\ngan fit --config NAME trains with one, plus any overlays; gan configs NAME copies one for you to edit")
    else:
        copy(arguments[0], arguments[1] if len(arguments) > 1 else None)


def copy(name: str, target: str | None) -> None:
    """Copies a config out of the package; on a mistake, prints one line and exits with status 2."""
    short = name.removeprefix("configs/").removesuffix(".yaml")
    path = Path(target or f"{Path(short).name}.yaml")
    if short not in names():
        refused = f"there is no config {name}: gan configs lists them all"
    elif path.exists():
        refused = f"{path} exists: gan configs {short} FILE writes another file"
    elif not path.parent.is_dir():
        refused = f"there is no folder {path.parent} for {path.name}: create it first"
    else:
        shutil.copyfile(folder() / f"{short}.yaml", path)
        print(f"wrote {path}: gan fit --config {path}")
        return
    print(f"gan configs: {refused}", file=sys.stderr)
    sys.exit(2)
