"""The scores of translators as a table, and what they mean, in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

from gan_lightning.core.errors import printable
from gan_lightning.evaluation.metrics import Estimate
from gan_lightning.evaluation.report import unmarked
from gan_lightning.evaluation.translation import TRANSLATION_SCORES, copies_input, nearer
from gan_lightning.evaluation.translation_evaluator import TRUTH, Scored


@dataclass
class TranslationReport:
    """The results of an evaluation of translators.

    Args:
        found: The scores by what made the images.
        translators: Which of these are translators; the first one counts.
        as_is: Which are the inputs as they are.
        header: What the numbers depend on, by a word for each.
        doubts: What must be said before all else.
    """

    found: Mapping[str, Scored]
    translators: Sequence[str]
    as_is: str
    header: Mapping[str, Any]
    doubts: Sequence[str] = ()

    @property
    def keys(self) -> list[str]:
        """The scores that there are."""
        there = {key for scored in self.found.values() for key in scored.estimates()}
        return [key for key in TRANSLATION_SCORES if key in there]

    @property
    def verdict(self) -> list[str]:
        """What the numbers mean, in words."""
        return [*self.doubts, *(line for name in self.translators for line in self.said_of(name))]

    def said_of(self, name: str) -> Iterator[str]:
        """Yields what the numbers say of a translator."""
        made, needed = (self.found[of].own["changed"].mean().item() for of in (name, TRUTH))
        if copies_input(made, needed):
            yield (
                f"{name} copies its input: it differs from {self.as_is} by {made:.2g} grey levels, and the true images "
                f"by {needed:.2g}"
            )
        yield self.said_of_input(name)
        yield self.difference(name, self.as_is)
        if name != self.translators[0]:
            yield self.difference(name, self.translators[0])

    def said_of_input(self, name: str) -> str:
        """Says whether images come from their inputs: they are then nearer to their own truth than to another."""
        share = self.nearer(name)
        of = f"{100 * share.value:.3g} % ({100 * share.low:.3g} to {100 * share.high:.3g}) of its images"
        nearer = f"{of} are nearer to the true image than to that of another input"
        if share.low > CHANCE:
            return f"{name}: {nearer}"
        few = "has too few independent images to tell whether it uses its input"
        what = few if share.high >= CLEARLY_MORE else "ignores its input"
        return f"{name} {what}: {nearer}, and chance is 50 %"

    def difference(self, name: str, base: str) -> str:
        """Says by how much scores differ, from one image to the next."""
        made, other = self.found[name].own, self.found[base].own
        found = {key: self.found[name].mean(made[key] - other[key]) for key in ("PSNR", "features") if key in made}
        words = [
            f"{TRANSLATION_SCORES[key].name} {with_signs(e, TRANSLATION_SCORES[key].digits)}"
            for key, e in found.items()
        ]
        return f"{name} against {base}: {', '.join(words)}"

    def nearer(self, name: str) -> Estimate:
        of = self.found[name]
        return nearer(of.own["PSNR"], of.other["PSNR"], len(of.groups.unique()))

    def rows(self) -> list[list[str]]:
        """Returns the cells of the table, row by row: what made the images, and each score with its interval."""
        table = [["", *(TRANSLATION_SCORES[key].name for key in self.keys)]]
        for name, scored in self.found.items():
            if not scored.estimates():
                continue  # true images have a score only where there is a Fréchet distance
            table.append([name, *self.cells(scored.estimates())])
            if name in self.translators:
                beside = {key: scored.mean(values) for key, values in scored.other.items()}
                table.append([f"{name}, {BESIDE_OTHERS}", *self.cells(beside)])
        return table

    def cells(self, estimates: Mapping[str, Estimate]) -> list[str]:
        return [
            score_cell(estimates[key], TRANSLATION_SCORES[key].digits) if key in estimates else "" for key in self.keys
        ]

    def text(self) -> str:
        """Returns the report for a terminal."""
        table = [[printable(cell) for cell in row] for row in self.rows()]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in table]
        about = [printable(f"{key}: {value}") for key, value in self.header.items()]
        return "\n".join([*about, "", *map(printable, self.verdict), "", *lines])

    def markdown(self) -> str:
        """Returns the report in Markdown, with what each score does not see."""
        head, *rows = [[unmarked(printable(cell)) for cell in row] for row in self.rows()]
        lines = ["# Evaluation", "", *(f"**{unmarked(printable(line))}**\n" for line in self.verdict)]
        lines += [unmarked(printable(f"- {key}: {value}")) for key, value in self.header.items()]
        lines += [
            "",
            *(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)),
            "",
            TRANSLATION_NOTE,
            "",
        ]
        measures = [TRANSLATION_SCORES[key] for key in self.keys]
        return "\n".join([*lines, *(f"- {m.name}: {m.better}; it does not see {m.blind}" for m in measures), ""])

    def words(self) -> dict[str, Any]:
        """Returns the report as plain values."""
        scores = {name: plain_values(scored.estimates()) for name, scored in self.found.items()}
        made = {name: self.found[name] for name in self.translators}
        others = {name: {key: of.mean(values) for key, values in of.other.items()} for name, of in made.items()}
        from_input = {
            name: {"nearer": plain_values({"": self.nearer(name)})[""], **plain_values(others[name])} for name in others
        }
        return {**self.header, "verdict": self.verdict, "scores": scores, "beside_others": from_input}


CHANCE = 0.5
"""The share of images that are nearer to their own truth than to another if they do not come from their inputs."""

CLEARLY_MORE = 0.75
"""An interval that reaches from chance up to this share only says that images are few."""

NO_INTERVAL = "no interval: all are of one image"

BESIDE_OTHERS = "truth of another"

TRANSLATION_NOTE = (
    "± is half the width of the 95 % interval: how a score varies from one set of images to another. Differences are "
    "taken image by image, so they are known better than the scores. The Fréchet distance of the true images is the "
    "floor. Numbers of different n, extractors or images cannot be "
    "compared."
)


def score_cell(estimate: Estimate, digits: int) -> str:
    margin = (estimate.high - estimate.low) / 2
    return f"{estimate.value:.{digits}f}" + (f" ± {margin:.2g}" if margin > 0 and isfinite(margin) else "")


def with_signs(estimate: Estimate, digits: int) -> str:
    value, low, high = (f"{number:+.{digits}f}" for number in (estimate.value, estimate.low, estimate.high))
    return f"{value} ({low} to {high})" if isfinite(estimate.high - estimate.low) else f"{value} ({NO_INTERVAL})"


def plain_values(estimates: Mapping[str, Estimate]) -> dict[str, dict[str, float | None]]:
    """Returns estimates as plain values, which JSON can hold: what is infinite is null."""
    return {key: {name: v if isfinite(v) else None for name, v in e._asdict().items()} for key, e in estimates.items()}
