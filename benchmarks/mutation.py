"""Whether the tests notice a small mistake: the package with one change at a time, and the tests that should fail.

    nice python benchmarks/mutation.py run --results mutation.jsonl
    python benchmarks/mutation.py --results mutation.jsonl

The first command makes every mutant of the files in TARGETS in a copy of package and tests, in a temporary folder, and
runs the file's tests against it, until one fails. It appends a line of JSON for every mutant; started again, it goes on
with the mutants that it has not seen, and with those that survived other tests than there are now. The second prints
the table of docs/results/mutation.md and the survivors that the page does not explain.

A mutant is killed if a test fails, or if the tests take ten times the CPU time. The operators: another arithmetic,
comparison or boolean operator; a whole number one more or less, another one more or a tenth less; True for False; a
condition negated; a sign, a `not`, a method call, a keyword argument, a decorator, a statement left out; two arguments
exchanged; max for min, any for all and the like. Docstrings, type hints, the text of messages and assertions for the
type checker stay as they are.

Torch and Lightning are imported once: each mutant runs in a fork, so that it costs no more than its tests.
"""

import argparse
import ast
import copy
import gc
import hashlib
import importlib
import json
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "results" / "mutation.md"
METRICS, TESTS = "evaluation/metrics", "tests/evaluation/metrics"

TARGETS = {
    "objectives.py": ["tests/test_objectives.py"],
    "penalties.py": ["tests/test_penalties.py"],
    "augmentation.py": ["tests/test_augmentation.py"],
    "models/sampling.py": ["tests/models/test_sampling.py"],
    "core/seeding.py": ["tests/core/test_seeding.py"],
    f"{METRICS}/classes.py": [f"{TESTS}/test_classes.py"],
    f"{METRICS}/collapse.py": [f"{TESTS}/test_collapse.py"],
    f"{METRICS}/distances.py": [f"{TESTS}/test_distances.py"],
    f"{METRICS}/estimate.py": [f"{TESTS}/test_estimate.py"],
    f"{METRICS}/memorisation.py": [f"{TESTS}/test_memorisation.py"],
    f"{METRICS}/modes.py": [f"{TESTS}/test_modes.py"],
    f"{METRICS}/neighbours.py": [f"{TESTS}/test_neighbours.py"],
}
"""Files of the package, and the tests that hold each."""

HEAVY = ["lightning.pytorch", "torchvision", "torchmetrics", "jsonargparse", "matplotlib.figure", "pytest", "numpy"]
"""What is imported before the forks."""

SWAPS: dict[type, list[type]] = {
    ast.Add: [ast.Sub],
    ast.Sub: [ast.Add],
    ast.Mult: [ast.Div],
    ast.Div: [ast.Mult],
    ast.FloorDiv: [ast.Mult],
    ast.Mod: [ast.Mult],
    ast.Pow: [ast.Mult],
    ast.LShift: [ast.RShift],
    ast.RShift: [ast.LShift],
    ast.BitXor: [ast.BitAnd],
    ast.BitAnd: [ast.BitOr],
    ast.BitOr: [ast.BitAnd],
    ast.Lt: [ast.LtE, ast.GtE],
    ast.LtE: [ast.Lt, ast.Gt],
    ast.Gt: [ast.GtE, ast.LtE],
    ast.GtE: [ast.Gt, ast.Lt],
    ast.Eq: [ast.NotEq],
    ast.NotEq: [ast.Eq],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
}
"""What stands in place of each operator."""

TWINS = {
    name: other
    for pair in (
        *("min max", "any all", "cos sin", "argmin argmax", "amin amax", "mean sum", "floor round", "floor ceil"),
        *("zeros ones", "zeros_like ones_like", "new_zeros new_ones", "logical_and logical_or", "uniform normal"),
    )
    for name, other in (pair.split(), pair.split()[::-1])
}
"""Names that stand in place of others, of functions and methods."""


class Mutant(NamedTuple):
    """The source of a file with one change.

    Args:
        line: Where it is.
        scope: The function or class that it is in.
        change: What it is, old and new; numbered where a scope has it more than once.
        source: The whole file.
        key: Names it: the same, whatever a docstring or a message says.
    """

    line: int
    scope: str
    change: str
    source: str
    key: str


# ---- mutants ------------------------------------------------------------------------------------------------------


def mutants(source: str) -> Iterator[Mutant]:
    """All of a file's mutants, in the order of its lines, without docstrings, which may change and matter to none."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            node.body = [part for part in node.body if not is_docstring(part)] or [ast.Pass()]
    ast.fix_missing_locations(tree)
    original = ast.unparse(Silent().visit(copy.deepcopy(tree)))
    seen: Counter[tuple[str, str]] = Counter()
    for scope, parent, field, index in sorted(places(tree), key=lambda place: node_at(*place[1:]).lineno):
        old = node_at(parent, field, index)
        for new in changes(old, parent, field):
            change = f"{shown(old)} -> {shown(new)}"
            put(parent, field, index, new)
            mutated = ast.unparse(ast.fix_missing_locations(tree))
            put(parent, field, index, old)
            seen[scope, change] += 1
            number = seen[scope, change]
            change += f" ({number})" if number > 1 else ""
            yield Mutant(old.lineno, scope, change, mutated, digest(f"{original} {scope} {change}"))


class Silent(ast.NodeTransformer):
    """Takes the words from every string."""

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("") if isinstance(node.value, str) else node


Place = tuple[str, ast.AST, str, int | None]
"""A scope, a node, one of its fields, and where in the field if that is a list."""


def places(node: ast.AST, scope: str = "module") -> Iterator[Place]:
    """Where something may be changed: expressions and statements, but for what only readers and type checkers see."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "type_params", "bases", "format_spec", "ctx"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or isinstance(child, (ast.Assert, ast.Import, ast.ImportFrom)):
                continue
            if is_of_types(child):
                continue
            inner = (
                f"{scope}.{child.name}".removeprefix("module.")
                if isinstance(child, (ast.FunctionDef, ast.ClassDef))
                else scope
            )
            if isinstance(child, (ast.expr, ast.stmt)):
                yield inner, node, field, index
            yield from places(child, inner)


def is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def is_of_types(node: ast.AST) -> bool:
    """Whether a node gives a name to a type, or lists a module's names."""
    if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)):
        return False
    return node.targets[0].id in ("Draw", "Limits", "__all__")


def node_at(parent: ast.AST, field: str, index: int | None) -> Any:
    value = getattr(parent, field)
    return value if index is None else value[index]


def put(parent: ast.AST, field: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, field, node)
    else:
        getattr(parent, field)[index] = node


def shown(node: ast.AST) -> str:
    """A node in one line; of a statement with others in it, its head; of an error, nothing."""
    if isinstance(node, ast.Raise):
        return "raise"
    if isinstance(node, (ast.If, ast.While)):
        return f"{type(node).__name__.lower()} {ast.unparse(node.test)}"
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
        return "".join(f"@{ast.unparse(d)} " for d in node.decorator_list) + f"def {node.name}"
    return " ".join(ast.unparse(node).split())


def changes(node: ast.AST, parent: ast.AST, field: str) -> Iterator[ast.AST]:
    """What may stand in place of a node."""
    if isinstance(node, (ast.BinOp, ast.AugAssign, ast.BoolOp)):
        yield from (changed(node, op=new()) for new in SWAPS.get(type(node.op), []))
    if isinstance(node, ast.Compare):
        for i, op in enumerate(node.ops):
            for new in SWAPS[type(op)]:
                yield changed(node, ops=[*node.ops[:i], new(), *node.ops[i + 1 :]])
    if isinstance(node, ast.UnaryOp):
        yield node.operand
    if isinstance(node, ast.Constant):
        yield from constants(node)
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield changed(node, test=ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.Call):
        yield from calls(node)
    if isinstance(node, ast.Attribute) and not isinstance(parent, ast.Call) and node.attr in TWINS:
        yield changed(node, attr=TWINS[node.attr])
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
        yield node.value
    if isinstance(node, ast.FunctionDef):
        for decorator in node.decorator_list:
            if ast.unparse(decorator) == "torch.no_grad()":
                yield changed(node, decorator_list=[])
    if field in ("body", "orelse") and can_go(node):
        yield ast.Pass()


def changed(node: ast.AST, **fields: Any) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def constants(node: ast.Constant) -> Iterator[ast.AST]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, (int, float)):
        yield ast.Constant(node.value + 1)
        yield ast.Constant(node.value - 1 if node.value == int(node.value) else 0.9 * node.value)


def calls(node: ast.Call) -> Iterator[ast.AST]:
    """Other functions, exchanged arguments, fewer keywords, or nothing done at all."""
    if isinstance(node.func, ast.Name) and node.func.id == "UserError":
        return
    if isinstance(node.func, ast.Name) and node.func.id in TWINS:
        yield changed(node, func=ast.Name(TWINS[node.func.id]))
    if isinstance(node.func, ast.Attribute):
        if node.func.attr in TWINS:
            yield changed(node, func=changed(node.func, attr=TWINS[node.func.attr]))
        if not isinstance(node.func.value, ast.Name) or node.func.value.id not in ("torch", "F", "nn"):
            yield node.func.value
    for i, (one, next_one) in enumerate(pairwise(node.args)):
        same = ast.unparse(node.func) in ("min", "max", "hypot") or ast.unparse(one) == ast.unparse(next_one)
        if not (same or isinstance(one, ast.Starred) or isinstance(next_one, ast.Starred)):
            yield changed(node, args=[*node.args[:i], next_one, one, *node.args[i + 2 :]])
    for i in range(len(node.keywords)):
        yield changed(node, keywords=node.keywords[:i] + node.keywords[i + 1 :])


def can_go(node: ast.AST) -> bool:
    """Whether a statement may be left out and the rest still has its names."""
    if isinstance(node, ast.Assign):
        stored = {n.id for t in node.targets for n in ast.walk(t) if isinstance(n, ast.Name) and is_stored(n)}
        loaded = {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}
        return stored <= loaded
    return isinstance(node, (ast.Expr, ast.AugAssign, ast.Raise, ast.If))


def is_stored(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


# ---- runs ---------------------------------------------------------------------------------------------------------


def run(files: Iterable[str], results: Path, share: float, seed: int) -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in HEAVY:
        importlib.import_module(name)
    gc.freeze()  # a collection need not look at what was imported
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        for name in ("gan_lightning", "tests"):
            shutil.copytree(ROOT / name, scratch / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", scratch)
        for file in files:
            run_file(file, scratch, results, share, seed)


def run_file(file: str, scratch: Path, results: Path, share: float, seed: int) -> None:
    """Tries those of a file's mutants that it must."""
    path, known, tests = scratch / "gan_lightning" / file, outcomes(results), digest_of_tests(file, scratch)
    source = path.read_text()
    (scratch / DURATIONS).unlink(missing_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    if tried(file, scratch, 600) != "survived":  # writes bytecode, so that the other modules need not be compiled again
        sys.exit(f"the tests of {file} fail without a change")
    limit = 10 * (resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before) + 5
    for compiled in path.parent.glob(f"__pycache__/{path.stem}.*"):
        compiled.unlink()
    sys.dont_write_bytecode = True
    todo = [
        mutant
        for mutant in drawn(file, source, share, seed)
        if (line := known.get((file, mutant.key))) is None or (line["outcome"] == "survived" and line["tests"] != tests)
    ]
    print(f"{file}: {len(todo)} mutants", file=sys.stderr)
    for mutant in todo:
        path.write_text(mutant.source)
        line = {"file": file, "mutant": mutant.key, "tests": tests, "outcome": tried(file, scratch, limit)}
        with results.open("a") as out:
            out.write(json.dumps(line) + "\n")
    path.write_text(source)
    sys.dont_write_bytecode = False


def drawn(file: str, source: str, share: float, seed: int) -> list[Mutant]:
    """The share of a file's mutants that is looked at."""
    found = [*mutants(source)]
    if share == 1:
        return found
    some = random.Random(f"{file} {seed}").sample(range(len(found)), round(share * len(found)))
    return [found[i] for i in sorted(some)]


def tried(file: str, scratch: Path, limit: float) -> str:
    """What the tests make of the package in the scratch folder: killed, survived or, after CPU-seconds, timeout."""
    child = os.fork()
    if not child:
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit), int(limit)))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        os._exit(verdict(file, scratch))
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return "timeout" if os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) else "killed"
    if os.WEXITSTATUS(status) == ANOTHER:
        sys.exit("the tests did not import the copy of the package")
    return "killed" if os.WEXITSTATUS(status) else "survived"


MEMORY = 12 * 2**30
"""Bytes of address space that the tests may take; torch alone takes a third of them."""
ANOTHER = 99
"""The exit status of tests that import another package than the copy."""
DURATIONS = "durations.json"
"""How long each test takes without a change."""


def verdict(file: str, scratch: Path) -> int:
    """0 if all tests pass."""
    import pytest

    os.chdir(scratch)
    sys.path.insert(0, str(scratch))
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    left_out = [f"-pno:{plugin}" for plugin in ("cacheprovider", "unraisableexception")]  # the latter takes long
    code = pytest.main(["-x", "-q", "--no-header", "--tb=no", *left_out, *TARGETS[file]], plugins=[FastestFirst()])
    used = sys.modules.get("gan_lightning")
    if used is not None and not str(used.__file__).startswith(str(scratch)):
        return ANOTHER
    return int(code)


class FastestFirst:
    """A plugin of pytest that measures each test when it has not been measured, else sorts them by what they took."""

    def __init__(self) -> None:
        self.path, self.took = Path(DURATIONS), Counter()

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if self.path.exists():
            took = json.loads(self.path.read_text())
            items.sort(key=lambda item: took.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.took[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        if not self.path.exists():
            self.path.write_text(json.dumps(self.took))


# ---- what there is ------------------------------------------------------------------------------------------------


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of_tests(file: str, folder: Path) -> str:
    return digest("".join((folder / name).read_text() for name in TARGETS[file]))


def outcomes(results: Path) -> dict[tuple[str, str], dict[str, str]]:
    """The last line of each mutant."""
    lines = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    return {(line["file"], line["mutant"]): line for line in lines}


def table(files: Iterable[str], results: Path, share: float, seed: int, explained: str) -> Iterator[str]:
    known, total, unexplained = outcomes(results), Counter(), []
    yield "| file | mutants | killed | survived, explained below |\n|---|---|---|---|"
    for file in files:
        found = drawn(file, (ROOT / "gan_lightning" / file).read_text(), share, seed)
        by_outcome = {mutant: known.get((file, mutant.key), {}).get("outcome") for mutant in found}
        survivors = [mutant for mutant, outcome in by_outcome.items() if outcome == "survived"]
        unexplained += [(file, m) for m in survivors if f"`{m.scope}`: `{m.change}`" not in explained]
        missing = sum(outcome is None for outcome in by_outcome.values())
        row = Counter(mutants=len(found), survived=len(survivors), killed=len(found) - len(survivors) - missing)
        total += row
        todo = f" ({missing} to do)" if missing else ""
        yield f"| {file} | {row['mutants']:,}{todo} | {row['killed']:,} | {row['survived']:,} |"
    yield f"| all | {total['mutants']:,} | {total['killed']:,} | {total['survived']:,} |"
    for file, mutant in unexplained:
        yield f"not explained: {file}:{mutant.line} `{mutant.scope}`: `{mutant.change}`"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", nargs="?", choices=["run"], help="what to do; nothing prints the table")
    parser.add_argument("--files", nargs="+", default=[*TARGETS], choices=TARGETS, help="of the package; all of them")
    parser.add_argument("--results", type=Path, default=Path("mutation.jsonl"), help="one line of JSON for each mutant")
    parser.add_argument("--share", type=float, default=1.0, help="of each file's mutants, drawn by the seed")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    results = options.results.resolve()
    if options.work:
        run(options.files, results, options.share, options.seed)
    explained = PAGE.read_text() if PAGE.exists() else ""
    print("\n".join(table(options.files, results, options.share, options.seed, explained)))


if __name__ == "__main__":
    main()
