"""What was measured, as a table for people and as JSON for programs."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gan_lightning.evaluation.metric_table import METRICS
from gan_lightning.evaluation.metrics import Estimate

WIDE = 1.96
"""Standard errors on each side of a number in which the true one lies 95 times of 100."""


@dataclass
class Result:
    """One measure of samples.

    Args:
        key: In files and logs.
        value: The number.
        error: Its standard error over samples; 0 for counts.
        floor: What real images score in place of the samples, as many as there are; None where there are none.
    """

    key: str
    value: float
    error: float
    floor: float | None

    @property
    def interval(self) -> tuple[float, float]:
        """In which the number lies for 95 of 100 sets of samples, the real images staying as they are."""
        measure, width = METRICS[self.key], WIDE * self.error
        return max(self.value - width, measure.least), min(self.value + width, measure.most)


@dataclass
class Report:
    """All results of one judgement, and all that they depend on.

    Args:
        samples: How many.
        first_seed: Of the samples; the others follow. For given images, the first one's number.
        source: Who made them, in words.
        reference: What they are compared with, in words.
        floor: What is compared with it for the floor, in words.
        extractor: Who saw the images.
        digest: The first digits of the SHA-256 of its file.
        results: By measure.
        about: What was judged: `iteration`, `checkpoint`, what it cost.
    """

    samples: int
    first_seed: int
    source: str
    reference: str
    floor: str
    extractor: str
    digest: str
    results: list[Result]
    about: dict[str, Any] = field(default_factory=dict)

    def value(self, key: str) -> float:
        """One of the numbers.

        Raises:
            KeyError: It was not measured.
        """
        return {result.key: result.value for result in self.results}[key]

    def header(self) -> list[str]:
        """Under what circumstances the numbers hold."""
        last = self.first_seed + self.samples - 1
        who = f"{self.extractor} ({self.digest})" if self.digest else self.extractor
        about = [f"{key.replace('_', ' ')}: {shown_value(value)}" for key, value in self.about.items()]
        return [
            *about,
            f"samples: {self.samples:,} of {self.source}, numbers {self.first_seed} to {last}",
            f"compared with: {self.reference}",
            f"real images: {self.floor}, in place of the samples",
            f"seen by: {who}",
        ]

    def rows(self) -> list[list[str]]:
        """Name, value, interval, floor, which way is better."""
        table = []
        for result in self.results:
            measure = METRICS[result.key]
            low, high = (measure.shown(bound) for bound in result.interval)
            interval = f"{low} to {high}" if result.error else ""
            floor = "" if result.floor is None else measure.shown(result.floor)
            table.append([measure.name, measure.shown(result.value), interval, floor, measure.better])
        return table

    def text(self) -> str:
        """For a terminal."""
        table = [[*HEADER], *self.rows()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = []
        for name, *cells in table:
            numbers = "  ".join(cell.rjust(width) for cell, width in zip(cells[:-1], widths[1:-1], strict=True))
            lines.append(f"{name.ljust(widths[0])}  {numbers}  {cells[-1]}".rstrip())
        return "\n".join([*self.header(), "", *lines])

    def markdown(self) -> str:
        """With what each measure does not see."""
        lines = [f"- {line}" for line in self.header()]
        lines += ["", f"| {' | '.join(HEADER)} | what it does not see |", "|" + "---|" * (len(HEADER) + 1)]
        for result, row in zip(self.results, self.rows(), strict=True):
            lines.append(f"| {' | '.join(row)} | {METRICS[result.key].blind} |")
        return "\n".join([*lines, "", NOTE, ""])

    def write(self, folder: Path) -> None:
        """Writes report.json and report.md."""
        folder.mkdir(parents=True, exist_ok=True)
        words = asdict(self) | {"results": {r.key: row_of(r) for r in self.results}}
        (folder / "report.json").write_text(json.dumps(words, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (folder / "report.md").write_text("# Judgement\n\n" + self.markdown(), encoding="utf-8")


HEADER = ("measure", "value", "95 % interval", "real images", "better")

NOTE = (
    "The interval says how the number varies from one set of samples to another, the real images staying as they are. "
    "Numbers of different n, extractors or reference images cannot be compared."
)


def row_of(result: Result) -> dict[str, Any]:
    low, high = result.interval
    return {"value": result.value, "error": result.error, "low": low, "high": high, "floor": result.floor}


def shown_value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if isinstance(value, float) else str(value)


def results_of(made: dict[str, Estimate], floors: dict[str, Estimate]) -> list[Result]:
    """In the order of `METRICS`."""
    return [Result(key, *made[key], floors[key].value if key in floors else None) for key in METRICS if key in made]
