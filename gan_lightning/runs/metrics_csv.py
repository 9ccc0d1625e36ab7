"""The logger that writes `metrics.csv`."""

import csv
import math
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from io import StringIO
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.rank_zero import rank_zero_only

from gan_lightning.core.whole_files import replacing

Row = dict[str, str]

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?|[-+]?inf|nan", re.ASCII | re.IGNORECASE)
"""The text of a cell. (Python's `float` takes more, such as 1_000.)"""

FORMULA = re.compile(r"""(^|[,;"'])\s*[-=+@＝＋－＠]""")
"""The beginning of a formula, which a spreadsheet would compute."""


class MetricsTable(Logger):
    """Writes `metrics.csv` in a folder: one row per logged iteration, on disk as soon as it is logged.

    An existing file is continued. (Lightning's `CSVLogger` deletes it.) A file that is lost or cut off during training
    is written again.

    Args:
        folder: The run's folder.
    """

    def __init__(self, folder: str | Path) -> None:
        super().__init__()
        self.folder = Path(folder)
        self.columns: list[str] | None = None
        self.table: list[Row] = []
        """All rows of the file."""
        self.step: int | None = None
        """The iteration of the last row, if this object wrote it."""
        self.place, self.size = 0, -1
        """Where the last row begins in the file, and where it ends."""

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
        if self.columns is None:
            self.columns, self.table = columns(self.path), rows(self.path)
        row = {name: cell(value) for name, value in {"step": step, **metrics}.items()}
        new = [name for name in row if name not in self.columns]
        self.columns += new
        again = step is not None and step == self.step
        if again:
            row = self.table.pop() | row
        self.table.append(row)
        self.step = step
        if new or not self.is_whole():
            self.rewrite()
        else:
            self.append(row, self.place if again else self.size)

    def is_whole(self) -> bool:
        """Whether the file is as long as this object left it."""
        try:
            return self.path.stat().st_size == self.size
        except OSError:
            return False

    def rewrite(self) -> None:
        """Writes the whole table."""
        assert self.columns is not None
        write_table(self.path, self.columns, self.table)
        self.size = self.path.stat().st_size
        self.place = self.size - len(as_text(self.table[-1:], self.columns))

    def append(self, row: Row, place: int) -> None:
        """Writes a row at a place in the file, in which nothing follows that is to be kept."""
        assert self.columns is not None
        os.truncate(self.path, place)
        text = as_text([row], self.columns)
        with open(self.path, "ab") as file:
            file.write(text)
        self.place, self.size = place, place + len(text)

    @rank_zero_only
    def save(self) -> None:
        """Flushes the file to disk, after writing it again if it is lost. Called before each checkpoint."""
        if not self.table or self.step is None:
            return
        if not self.is_whole():
            self.rewrite()
        with open(self.path, "rb+") as file:
            os.fsync(file.fileno())

    @rank_zero_only
    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Writes nothing: hyper-parameters are in the run's config.yaml and in its checkpoints."""


def cell(value: Any) -> str:
    """Returns a number as text; nothing for what is no number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    try:
        return repr(float(value))
    except (TypeError, ValueError):
        return ""


def as_text(table: list[Row], names: list[str]) -> bytes:
    file = StringIO(newline="")
    csv.DictWriter(file, names, lineterminator="\n", extrasaction="ignore").writerows(table)
    return file.getvalue().encode()


# ---- tables that may be damaged -----------------------------------------------------------------------------------


def rows(path: Path, until: float = math.inf) -> list[Row]:
    """Reads the rows of a table up to an iteration, without those that are damaged or cut off."""
    safe, (names, *lines) = columns(path), lines_of(path) or [[]]
    if not safe:
        return []
    found = [dict(zip(names, line, strict=True)) for line in lines if is_row(line, len(names))]
    until_then = [row for row in found if row["step"].isdigit() and int(row["step"]) <= until]
    return [{name: row[name] for name in safe} for row in until_then]


def is_row(line: list[str], cells: int) -> bool:
    return len(line) == cells and all(NUMBER.fullmatch(text) for text in line if text)


def columns(path: Path) -> list[str]:
    """Reads the names in a table's header that a spreadsheet would not take for a formula; none if it is damaged."""
    names, *_ = lines_of(path) or [[]]
    whole = "step" in names and len({*names}) == len(names)
    return [name for name in names if name.isprintable() and not FORMULA.search(name)] if whole else []


def lines_of(path: Path) -> list[list[str]]:
    """Reads the cells of a table's lines, without a last line that a kill cut off."""
    try:
        text = path.read_bytes().decode(errors="replace")
    except OSError:
        return []
    found = []
    for line in text.split("\n")[:-1]:
        with suppress(csv.Error):
            found += [next(csv.reader([line]), [])]
    return found


def write_table(path: Path, names: list[str], table: list[Row]) -> None:
    """Replaces a table, which is whole at any moment."""
    with replacing(path) as file:
        file.write(as_text([dict(zip(names, names, strict=True))], names) + as_text(table, names))


def continue_table(before: Path, path: Path, iteration: float) -> None:
    """Starts a table with the rows of another one, or its own previous rows, up to an iteration.

    If those cannot be read, it starts without any.
    """
    if names := columns(before):
        write_table(path, names, rows(before, until=iteration))
    else:
        path.unlink(missing_ok=True)
