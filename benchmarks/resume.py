"""Stops a short training at every iteration, goes on from there, and compares with the training without a stop.

    python benchmarks/resume.py

Every way to play that the tests know (tests/helpers/variants.py), in 32 bits and bf16, alone and in two processes.
Equal means: every tensor and number of the last checkpoint, bit for bit: both players, the averaged generator, both
optimizers, the schedulers, the logged curves, the counters.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests/training"))

from helpers.processes import together  # type: ignore[import-not-found]
from helpers.variants import VARIANTS  # type: ignore[import-not-found]
from test_resume import ITERATIONS, resumed_equals_whole  # type: ignore[import-not-found]

from gan_lightning.commands.run import quieten

STOPS = list(range(1, ITERATIONS))
TWO: dict[str, Any] = {"devices": 2, "strategy": "ddp"}


def table(folder: str, precision: str, options: dict[str, Any]) -> dict[str, list[bool]]:
    """For each variant, for each stop, whether the end is equal."""
    quieten()
    options = {**options, "precision": precision}
    return {name: resumed_equals_whole(name, Path(folder) / name, STOPS, **options) for name in VARIANTS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--precisions", nargs="+", default=["32-true", "bf16-mixed"])
    chosen = parser.parse_args()
    columns = [(n, p) for n in chosen.processes for p in chosen.precisions]
    results = {}
    for n, precision in columns:
        with tempfile.TemporaryDirectory() as folder:
            tables = together(table, folder, precision, TWO if n == 2 else {}, processes=n, patience=1800)
        results[n, precision] = {
            name: [all(t[name][i] for t in tables) for i in range(len(STOPS))] for name in VARIANTS
        }
    print(f"equal / stops tried (iterations 1 to {STOPS[-1]} of {ITERATIONS}, three to an epoch)\n")
    print("| what is trained |" + "".join(f" {n} x {precision} |" for n, precision in columns))
    print("|---|" + "---|" * len(columns))
    for name in VARIANTS:
        cells = [f" {sum(results[column][name])} / {len(STOPS)} |" for column in columns]
        print(f"| {name} |" + "".join(cells))
    unequal = sum(not equal for column in columns for equals in results[column].values() for equal in equals)
    print(f"\n{len(columns) * len(VARIANTS) * len(STOPS)} stops, {unequal} not equal")
    sys.exit(bool(unequal))


if __name__ == "__main__":
    main()
