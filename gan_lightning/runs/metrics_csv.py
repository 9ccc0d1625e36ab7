"""The logger that writes `metrics.csv`."""

import csv
import math
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only


class MetricsTable(Logger):
    """Writes `metrics.csv` in a folder: one row per logged iteration, on disk as soon as it is logged.

    An existing file is continued. (Lightning's `CSVLogger` deletes it.)

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.columns: list[str] | None = None
        self.row: dict[str, Any] = {}
        self.place = 0

    @property
    def name(self) -> str:
        return self.folder.parent.name

    @property
    def version(self) -> str:
        return self.folder.name

    @property
    def save_dir(self) -> str:
        """The run's folder, under the name that Lightning uses."""
        return str(self.folder)

    @property
    def path(self) -> Path:
        return self.folder / "metrics.csv"

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        again = step is not None and self.row.get("step") == step
        row = {**(self.row if again else {}), "step": step, **metrics}
        if self.columns is None:
            self.columns = columns(self.path)
            continue_table(self.path, self.path, math.inf)  # drops a row that a kill cut off
        if new := [name for name in row if name not in self.columns]:
            self.columns += new
            until = math.inf if step is None or not again else step - 1
            write_table(self.path, self.columns, rows(self.path, until))
        elif again:
            os.truncate(self.path, self.place)
        with open(self.path, "a", newline="") as file:
            self.row, self.place = row, file.tell()
            csv.DictWriter(file, self.columns, lineterminator="\n").writerow(row)

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Writes nothing: hyper-parameters are in the run's config.yaml and in its checkpoints."""


def rows(path: Path, until: float = math.inf) -> list[dict[str, str]]:
    """Reads the rows of a table up to an iteration, without a last row that a kill cut off."""
    if not path.is_file():
        return []
    whole = [line for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
    table = csv.DictReader(whole)
    return [row for row in table if None not in row.values() and float(row["step"]) <= until]


def columns(path: Path) -> list[str]:
    return next(csv.reader(path.read_text().splitlines()), []) if path.is_file() else []


def write_table(path: Path, names: list[str], table: Iterable[dict[str, str]]) -> None:
    """Replaces a table atomically."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    with open(part, "w", newline="") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)
    os.replace(part, path)


def continue_table(before: Path, path: Path, iteration: float) -> None:
    """Starts a table with the rows of another one, or its own previous rows, up to an iteration."""
    if before.is_file():
        write_table(path, columns(before), rows(before, until=iteration))
