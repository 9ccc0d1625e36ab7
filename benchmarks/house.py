"""The map of the package: its rooms, the imports between them, and how long functions are.

    python benchmarks/house.py                  the package of this checkout
    python benchmarks/house.py OTHER_CHECKOUT   another one, for comparison

Arrows are imports from a file to another room, counted once for each file and room; an arrow leads upward if
the room it leads to imports, directly or through others, the room it comes from (rooms that import each other).
"""

import argparse
import ast
import statistics
from collections.abc import Iterator
from pathlib import Path


def rooms(package: Path) -> dict[str, list[Path]]:
    """The files of each room: a folder, or a file that lies in the package itself."""
    found: dict[str, list[Path]] = {}
    for path in sorted(package.rglob("*.py")):
        if path != package / "__init__.py":
            found.setdefault(path.relative_to(package).with_suffix("").parts[0], []).append(path)
    return found


def imported(path: Path, package: Path) -> set[str]:
    """The rooms that a file imports from, its own left out."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == package.name:
            inner = (node.module or "").split(".")[1:2]
            names |= {*inner} or {alias.name for alias in node.names}
    return names - {path.relative_to(package).with_suffix("").parts[0]}


def lengths(path: Path) -> Iterator[int]:
    """The lines of each function, without its docstring."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = node.body[0]
            documented = isinstance(first, ast.Expr) and isinstance(getattr(first, "value", None), ast.Constant)
            docstring = (first.end_lineno or 0) - first.lineno + 1 if documented else 0
            yield (node.end_lineno or 0) - node.lineno + 1 - docstring


def reaches(arrows: dict[str, set[str]], start: str) -> set[str]:
    """The rooms that a room imports, directly or through others."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for room in arrows.get(waiting.pop(), set()) - seen:
            seen.add(room)
            waiting.append(room)
    return seen


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkout", type=Path, nargs="?", default=Path(__file__).parents[1])
    package = parser.parse_args().checkout / "gan_lightning"
    found = rooms(package)
    pairs = [(room, other) for room, files in found.items() for path in files for other in imported(path, package)]
    arrows = {room: {other for start, other in pairs if start == room} for room in found}
    mutual = [(start, other) for start, other in pairs if start in reaches(arrows, other)]
    print(f"{len(found)} rooms, {sum(map(len, found.values()))} files, {len(pairs)} arrows, {len(mutual)} upward\n")
    for room, files in found.items():
        lines = sum(len(path.read_text().splitlines()) for path in files)
        print(f"{room:16} {len(files):3} files {lines:5} lines  imports {', '.join(sorted(arrows[room])) or 'nothing'}")
    sizes = sorted(size for files in found.values() for path in files for size in lengths(path))
    ninth = sizes[int(0.9 * len(sizes))]
    print(f"\n{len(sizes)} functions: median {statistics.median(sizes):g}, p90 {ninth}, longest {sizes[-1]} lines")


if __name__ == "__main__":
    main()
