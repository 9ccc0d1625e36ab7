"""The results of an evaluation, as a table for people and as JSON for programs."""

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gan_lightning.core.errors import printable
from gan_lightning.evaluation.metric_table import METRICS
from gan_lightning.evaluation.metrics import Estimate
from gan_lightning.evaluation.metrics.estimate import Limits


@dataclass
class Result:
    """One metric of the samples.

    Args:
        key: Its key in files and logs.
        value: Its value.
        error: Its standard error over samples; 0 for counts.
        floor: What real images score in place of the samples, as many as there are; None if there are none.
        limits: Its 95 % interval, as in `Estimate`. If None, the value varies normally.
    """

    key: str
    value: float
    error: float
    floor: float | None
    limits: Limits | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """The interval that holds the value for 95 of 100 sets of samples, with the same real images."""
        measure = METRICS[self.key]
        low, high = self.limits or Estimate.normal(self.value, self.error)[2:]
        return max(low, measure.least), min(high, measure.most)


@dataclass
class Report:
    """The results of one evaluation, and everything they depend on.

    Args:
        samples: The number of samples.
        first_seed: The seed of the first sample; the others follow. For existing images, the number of the first.
        source: Where the samples come from, in words.
        reference: The images they are compared with, in words.
        floor: The images that are compared with the same reference for the floor, in words.
        extractor: The name of the feature extractor.
        digest: The first digits of the SHA-256 of its file.
        results: The metrics.
        about: What was evaluated: `iteration`, `checkpoint`, the cost of training.
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
        """Returns the value of a metric.

        Raises:
            KeyError: It was not measured.
        """
        return {result.key: result.value for result in self.results}[key]

    def header(self) -> list[str]:
        """Returns the lines that say what the numbers depend on."""
        last = self.first_seed + self.samples - 1
        who = f"{self.extractor} ({self.digest})" if self.digest else self.extractor
        about = [f"{key.replace('_', ' ')}: {shown_value(value)}" for key, value in self.about.items()]
        lines = [
            *about,
            f"samples: {self.samples:,} from {self.source}, numbers {self.first_seed} to {last}",
            f"compared with: {self.reference}",
            f"real images: {self.floor}, in place of the samples",
            f"feature extractor: {who}",
        ]
        return [" ".join(printable(line).split()) for line in lines]  # paths and names may come from strangers

    def rows(self) -> list[list[str]]:
        """Returns a row for each metric: name, value, interval, floor, and which direction is better."""
        table = []
        for result in self.results:
            measure = METRICS[result.key]
            low, high = result.interval
            interval = f"{measure.shown(low)} to {measure.shown(high)}" if low < high else ""
            floor = "" if result.floor is None else measure.shown(result.floor)
            table.append([measure.name, measure.shown(result.value), interval, floor, measure.better])
        return table

    def text(self) -> str:
        """Returns the report for a terminal."""
        table = [[*HEADER], *self.rows()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = []
        for name, *cells in table:
            numbers = "  ".join(cell.rjust(width) for cell, width in zip(cells[:-1], widths[1:-1], strict=True))
            lines.append(f"{name.ljust(widths[0])}  {numbers}  {cells[-1]}".rstrip())
        return "\n".join([*self.header(), "", *lines])

    def markdown(self) -> str:
        """Returns the report in Markdown, with what each metric does not see."""
        lines = [f"- {unmarked(line)}" for line in self.header()]
        lines += ["", f"| {' | '.join(HEADER)} | what it does not see |", "|" + "---|" * (len(HEADER) + 1)]
        for result, row in zip(self.results, self.rows(), strict=True):
            lines.append(f"| {' | '.join(row)} | {METRICS[result.key].blind} |")
        return "\n".join([*lines, "", NOTE, ""])

    def write(self, folder: Path) -> None:
        """Writes report.json and report.md into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        words = asdict(self) | {"results": {r.key: row_of(r) for r in self.results}}
        (folder / "report.json").write_text(json.dumps(words, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (folder / "report.md").write_text("# Evaluation\n\n" + self.markdown(), encoding="utf-8")


HEADER = ("measure", "value", "95 % interval", "real images", "better")

NOTE = (
    "The interval shows how the number varies from one set of samples to another, with the same real images. "
    "Numbers with different n, extractors or reference images cannot be compared."
)


def unmarked(text: str) -> str:
    """Returns text in which Markdown sees no links, pictures, HTML or columns."""
    return re.sub(r"([\\`<>|\[\]])", r"\\\1", text)


def row_of(result: Result) -> dict[str, Any]:
    low, high = result.interval
    return {"value": result.value, "error": result.error, "low": low, "high": high, "floor": result.floor}


def shown_value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if isinstance(value, float) else str(value)


def results_of(made: dict[str, Estimate], floors: dict[str, Estimate]) -> list[Result]:
    """Returns the results in the order of `METRICS`."""
    measured = ((key, made[key], floors.get(key)) for key in METRICS if key in made)
    return [Result(key, e.value, e.error, floor and floor.value, (e.low, e.high)) for key, e, floor in measured]
