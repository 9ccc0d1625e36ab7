"""How pure a direction is: what changes along it, how evenly, and whether the class stays."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.editing.directions import Directions
from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.measures import Measure
from gan_lightning.editing.sweep import images_along
from gan_lightning.editing.walk import Model

PLACES = 7
"""Images in a sweep."""


class Purity(NamedTuple):
    """What changes along a direction, over sweeps of several latents from -extent to extent.

    Args:
        name: The direction's.
        changes: The mean change of each measure from one end to the other, in standard deviations of unedited images.
        main: The measure that changes most.
        share: Its part in the sum of all changes, from 0 to 1.
        monotone: The share of sweeps in which it grows, or falls, from image to image.
        kept: The share of sweeps in which no image has another class than the one in the middle; None without classes.
        both: The share of sweeps of which both are true; None without classes.
    """

    name: str
    changes: dict[str, float]
    main: str
    share: float
    monotone: float
    kept: float | None
    both: float | None


Classify = Callable[[Tensor], Tensor]
"""Maps images (N, C, H, W) to class probabilities (N, K)."""


def purity(
    model: Model,
    found: Directions,
    stops: Latents,
    measures: Mapping[str, Measure],
    extent: float,
    classify: Classify | None = None,
) -> list[Purity]:
    """Measures directions.

    Args:
        model: Makes the images.
        found: The directions.
        stops: Latents to sweep, some dozens or more.
        measures: What to measure, by name.
        extent: How far sweeps go to either side.
        classify: Reads classes; None if nothing does.
    """
    at_rest = images_along(model, stops, found.vectors[0], [0.0])[:, 0]
    usual = {name: measure(at_rest).double().std().item() for name, measure in measures.items()}
    values = torch.linspace(-extent, extent, PLACES).tolist()
    return [
        of_sweeps(name, images_along(model, stops, vector, values), measures, usual, classify)
        for vector, name in zip(found.vectors, found.names, strict=True)
    ]


def of_sweeps(
    name: str,
    images: Tensor,
    measures: Mapping[str, Measure],
    usual: Mapping[str, float],
    classify: Classify | None,
) -> Purity:
    """Returns the purity of sweeps (N, V, C, H, W).

    Args:
        name: The direction's.
        images: The sweeps.
        measures: What to measure.
        usual: The standard deviation of each measure among samples.
        classify: Reads classes.
    """
    n, v = images.shape[:2]
    read = {key: measure(images.flatten(0, 1)).double().view(n, v) for key, measure in measures.items()}
    changes = {key: ((x[:, -1] - x[:, 0]).mean() / max(usual[key], 1e-12)).item() for key, x in read.items()}
    main = max(changes, key=lambda key: abs(changes[key]))
    total = sum(map(abs, changes.values()))
    even = monotone(read[main])
    same = None if classify is None else class_kept(classify(images.flatten(0, 1)).argmax(1).view(n, v))
    return Purity(
        name,
        changes,
        main,
        abs(changes[main]) / total if total else 0.0,
        share_of(even),
        None if same is None else share_of(same),
        None if same is None else share_of(even & same),
    )


def monotone(values: Tensor) -> Tensor:
    """Returns for each row (N, V) whether it grows all the way, or falls all the way."""
    steps = values.diff(dim=1)
    return (steps > 0).all(1) | (steps < 0).all(1)


def class_kept(labels: Tensor) -> Tensor:
    """Returns for each row of labels (N, V) whether all are that in the middle."""
    return (labels == labels[:, labels.shape[1] // 2, None]).all(1)


def share_of(answers: Tensor) -> float:
    return answers.double().mean().item()


def purity_table(rows: Sequence[Purity], extent: float) -> str:
    """Returns the purity of directions as a Markdown table."""
    lines = [
        f"| | direction | changes most (±{extent:g}) | share | other changes | monotone | class kept | both |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for number, row in enumerate(rows):
        others = ", ".join(f"{key} {row.changes[key]:+.1f}" for key in row.changes if key != row.main)
        kept, both = ("" if value is None else f"{value:.0%}" for value in (row.kept, row.both))
        most = f"{row.main} {row.changes[row.main]:+.1f} sd | {row.share:.0%}"
        lines.append(f"| {number} | {row.name} | {most} | {others} | {row.monotone:.0%} | {kept} | {both} |")
    return "\n".join(lines)
