"""Several reports in one table."""

from collections.abc import Sequence
from math import hypot

from gan_lightning.core.errors import printable
from gan_lightning.evaluation.metric_table import METRICS
from gan_lightning.evaluation.metrics.estimate import DEVIATIONS
from gan_lightning.evaluation.report import Report, Result

SURE = "*"
"""Marks a difference whose interval does not hold zero."""


def comparison(names: Sequence[str], reports: Sequence[Report]) -> str:
    """Returns a table of the metrics of several models, for a terminal, with their differences from the first.

    The 95 % interval of a difference is that of two independent sets of samples, compared with the same real images.

    Args:
        names: The models' names.
        reports: Their reports, with the same real images, extractor and number of samples.
    """
    of_each = [{result.key: result for result in report.results} for report in reports]
    keys = [key for key in METRICS if all(key in results for results in of_each)]
    table = [["measure", *map(printable, names), *(f"{printable(name)} - {printable(names[0])}" for name in names[1:])]]
    for key in keys:
        results = [results[key] for results in of_each]
        shown = [METRICS[key].shown(result.value) for result in results]
        table.append([METRICS[key].name, *shown, *(difference(result, results[0]) for result in results[1:])])
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in table]
    marked = any(cell.endswith(SURE) for row in table for cell in row)
    return "\n".join([*lines, *([f"{SURE} the interval of the difference does not hold 0"] if marked else [])])


def difference(result: Result, first: Result) -> str:
    """Returns how much a metric differs from that of the first model, with its interval."""
    shown, value = METRICS[result.key].shown, result.value - first.value
    reach = DEVIATIONS * hypot(result.error, first.error)
    if not reach:
        return shown(value)
    return f"{shown(value)} ({shown(value - reach)} to {shown(value + reach)}){SURE if abs(value) > reach else ' '}"
