"""The table of a run survives damage, and holds numbers only."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gan_lightning.runs.metrics_csv import MetricsTable, continue_table, rows

WHOLE = "step,a,b\n1,0.5,\n2,1e-07,-inf\n3,,nan\n"


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "metrics.csv"


def log(table: MetricsTable, steps: range) -> None:
    for step in steps:
        table.log_metrics({"a": step / 2}, step)


def as_a_second_run_would(path: Path) -> list[list[str]]:
    return [[*row.values()] for row in rows(path)]


def test_a_step_that_is_logged_twice_has_one_row(path):
    table = MetricsTable(path.parent)
    table.log_metrics({"a": 1.0}, 1)
    table.log_metrics({"b": 2}, 1)
    table.log_metrics({"b": torch.tensor(0.5), "a": 3.0}, 2)  # type: ignore[dict-item]
    table.log_metrics({"a": 4.0}, 2)
    assert path.read_text() == "step,a,b\n1,1.0,2\n2,4.0,0.5\n"


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-3]),
        lambda path: path.write_bytes(path.read_bytes() + b"9,9"),
    ],
)
def test_a_table_that_is_lost_or_cut_off_during_training_is_written_again(damage: Callable, again, path):
    table = MetricsTable(path.parent)
    log(table, range(1, 4))
    whole = path.read_text()
    damage(path)
    log(table, range(3, 4) if again else range(4, 5))
    assert path.read_text() == whole + ("" if again else "4,2.0\n")
    damage(path)
    table.save()
    assert path.read_text() == whole + ("" if again else "4,2.0\n")


def test_what_is_no_number_is_not_written(path):
    MetricsTable(path.parent).log_metrics({"a": "=1+1", "b": None, "c": 1}, 1)  # type: ignore[dict-item]
    assert path.read_text() == "step,a,b,c\n1,,,1\n"


# ---- damage before a run goes on ----------------------------------------------------------------------------------


def test_an_undamaged_table_goes_on_as_it_is(path):
    path.write_text(WHOLE)
    continue_table(path, path, 10)
    assert path.read_text() == WHOLE
    log(MetricsTable(path.parent), range(4, 5))
    assert path.read_text() == WHOLE + "4,2.0,\n"


@pytest.mark.parametrize(
    "line",
    ["2,x,1", "2,1", "2,1,1,1", "2,\0,1", ",1,1", "x,1,1", "2.5,1,1", "2,1_0,1", '2,"1,1', "\x0b2,1,1", "٢,1,1",
     "2,=1+1,1", "2,@a,1", "-2,1,1", "nan,1,1", "\0" * 9, "�", "1" * 200_000],
)  # fmt: skip
def test_a_damaged_row_is_dropped_and_the_others_stay(line, path):
    path.write_text(f"step,a,b\n1,0.5,\n{line}\n3,,nan\n")
    assert as_a_second_run_would(path) == [["1", "0.5", ""], ["3", "", "nan"]]


def test_a_row_that_was_cut_off_is_dropped(path):
    path.write_text(WHOLE[:-2])
    assert [row["step"] for row in rows(path)] == ["1", "2"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\n",
        b"1,0.5,\n2,1e-07,-inf\n",
        b"\0" * 90,
        bytes(range(256)) * 3,
        b"step,a,a\n1,2,3\n",
        b"step",
        b"step,a\r=1\n1,2\n",
    ],
)
def test_a_table_without_a_header_is_replaced(content, path):
    path.write_bytes(content)
    continue_table(path, path, 10)
    assert not path.exists()
    path.write_bytes(content)
    log(MetricsTable(path.parent), range(4, 5))
    assert path.read_text() == "step,a\n4,2.0\n"


# ---- tables from strangers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1", "\t=1", '"a,=1"', "a;=1", "a;'=1", "a\x1b[2J", "\ufeff=1"],
)
def test_a_header_that_a_spreadsheet_would_compute_is_dropped(name, path):
    path.write_text(f"step,{name},b\n1,2,3\n", newline="")
    continue_table(path, path, 10)
    assert path.read_text() == "step,b\n1,3\n"


def test_a_number_may_be_negative(path):
    path.write_text("step,loss/a-b (mean)\n1,-2.5e-3\n")
    assert as_a_second_run_would(path) == [["1", "-2.5e-3"]]
