"""The results of an evaluation, as a table for people and as JSON for programs."""

import json
import re
from collections.abc import Sequence
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
        floor: What real images score in place of the samples, as many as there are; None if there are none. It is a
            mean over several sets of real images.
        limits: Its 95 % interval, as in `Estimate`. If None, the value varies normally.
        floor_error: The standard deviation of the floor, over sets of real images.
        floor_limits: The interval that holds it for 95 of 100 sets of real images.
    """

    key: str
    value: float
    error: float
    floor: float | None
    limits: Limits | None = None
    floor_error: float = 0.0
    floor_limits: Limits | None = None

    @property
    def interval(self) -> tuple[float, float]:
        """The interval that holds the value for 95 of 100 sets of samples, with the same real images."""
        measure = METRICS[self.key]
        low, high = self.limits or Estimate.normal(self.value, self.error)[2:]
        return max(low, measure.least), min(high, measure.most)

    @property
    def floor_interval(self) -> tuple[float, float] | None:
        """The interval that holds the floor for 95 of 100 sets of real images; None without a floor."""
        if self.floor_limits is None:
            return None
        return max(self.floor_limits[0], METRICS[self.key].least), min(self.floor_limits[1], METRICS[self.key].most)


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
        verdict: What they mean, in words, and what makes them doubtful.
        about: What was evaluated: `iteration`, `checkpoint`, the cost of training.
        by_class: Metrics of each class alone, by their names.
        class_names: The names of the classes, if they have any.
    """

    samples: int
    first_seed: int
    source: str
    reference: str
    floor: str
    extractor: str
    digest: str
    results: list[Result]
    verdict: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    by_class: dict[int, dict[str, float]] = field(default_factory=dict)
    class_names: Sequence[str] = ()

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
            if (around := result.floor_interval) and around[0] < around[1]:
                floor += f" ({measure.shown(around[0])} to {measure.shown(around[1])})"
            unknown = measure.better == "like real" and not floor
            better = "like real (which is not known here)" if unknown else measure.better
            table.append([measure.name, measure.shown(result.value), interval, floor, better])
        return table

    def text(self) -> str:
        """Returns the report for a terminal."""
        table = [[*HEADER], *self.rows()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = []
        for name, *cells in table:
            numbers = "  ".join(cell.rjust(width) for cell, width in zip(cells[:-1], widths[1:-1], strict=True))
            lines.append(f"{name.ljust(widths[0])}  {numbers}  {cells[-1]}".rstrip())
        said = [*map(printable, self.verdict), ""] if self.verdict else []
        return "\n".join([*self.header(), "", *said, *lines])

    def markdown(self) -> str:
        """Returns the report in Markdown, with what each metric does not see."""
        lines = [f"**{unmarked(printable(line))}**\n" for line in self.verdict]
        lines += [f"- {unmarked(line)}" for line in self.header()]
        lines += ["", f"| {' | '.join(HEADER)} | what it does not see |", "|" + "---|" * (len(HEADER) + 1)]
        for result, row in zip(self.results, self.rows(), strict=True):
            lines.append(f"| {' | '.join(row)} | {METRICS[result.key].blind} |")
        return "\n".join([*lines, "", NOTE, "", *self.class_table()])

    def class_table(self) -> list[str]:
        """Returns the lines of a Markdown table of the classes; none if there are no classes."""
        if not self.by_class:
            return []
        names = list(dict.fromkeys(name for row in self.by_class.values() for name in row))
        lines = [f"| class | {' | '.join(names)} |", "|" + "---|" * (len(names) + 1)]
        for kind, row in sorted(self.by_class.items()):
            name = unmarked(printable(self.class_names[kind])) if kind < len(self.class_names) else kind
            lines.append(f"| {name} | {' | '.join(f'{row[name]:.3f}' if name in row else '' for name in names)} |")
        return [*lines, ""]

    def write(self, folder: Path) -> None:
        """Writes report.json and report.md into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        words = asdict(self) | {"results": {r.key: row_of(r) for r in self.results}}
        (folder / "report.json").write_text(json.dumps(words, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        (folder / "report.md").write_text("# Evaluation\n\n" + self.markdown(), encoding="utf-8")


HEADER = ("measure", "value", "95 % interval", "real images", "better")

NOTE = (
    "The interval shows how the number varies from one set of samples to another, with the same real images; that in "
    "brackets, how the score of real images varies from one set of them to another. "
    "Numbers with different n, extractors or reference images cannot be compared."
)


def unmarked(text: str) -> str:
    """Returns text in which Markdown sees no links, pictures, HTML or columns."""
    return re.sub(r"([\\`<>|\[\]])", r"\\\1", text)


def row_of(result: Result) -> dict[str, Any]:
    low, high = result.interval
    row = {"value": result.value, "error": result.error, "low": low, "high": high, "floor": result.floor}
    around = result.floor_interval
    return row if around is None else row | {"floor_low": around[0], "floor_high": around[1]}


def shown_value(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if isinstance(value, float) else str(value)


def results_of(made: dict[str, Estimate], floors: dict[str, Estimate]) -> list[Result]:
    """Returns the results in the order of `METRICS`."""
    return [result_of(key, made[key], floors.get(key)) for key in METRICS if key in made]


def result_of(key: str, made: Estimate, floor: Estimate | None) -> Result:
    value, error, *limits = made
    if floor is None:
        return Result(key, value, error, None, (limits[0], limits[1]))
    return Result(key, value, error, floor.value, (limits[0], limits[1]), floor.error, (floor.low, floor.high))
