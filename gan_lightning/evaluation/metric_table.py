"""What is measured, and what each measure does not see."""

from collections.abc import Iterator
from math import inf
from typing import Literal, NamedTuple

import torch

from gan_lightning.data import ImageData, Mixture
from gan_lightning.evaluation.features import Extracted, Extractor
from gan_lightning.evaluation.metrics import (
    Estimate,
    class_divergence,
    classes_found,
    classifier_score,
    density_coverage,
    frechet,
    kernel_distance,
    modes,
    precision_recall,
)
from gan_lightning.evaluation.metrics.memorisation import Nearness
from gan_lightning.evaluation.metrics.memorisation import compare_nearness as memorisation_of

Better = Literal["lower", "higher", "like real"]


class Metric(NamedTuple):
    """How a number is told.

    Args:
        name: What the field calls it.
        better: Which way is better; some should be like those of real images.
        digits: After the decimal point.
        blind: What it does not see.
        least: It cannot be smaller.
        most: Nor larger.
    """

    name: str
    better: Better
    digits: int
    blind: str
    least: float = 0.0
    most: float = inf

    def shown(self, value: float) -> str:
        """The number as it is told; one that these digits would show as zero has two others."""
        small = self.digits and 0 < abs(value) < 10**-self.digits
        return f"{value:.2g}" if small else f"{value:,.{self.digits}f}"


METRICS = {
    "frechet": Metric("Fréchet distance", "lower", 2, "copies of the training images; its bias falls with n"),
    "kernel": Metric("kernel distance", "lower", 4, "copies; it is unbiased, and may be below zero", -inf),
    "precision": Metric("precision", "higher", 3, "what is missing; noise far from all images may score 1", most=1),
    "recall": Metric("recall", "higher", 3, "bad samples, if they are spread widely enough", most=1),
    "density": Metric("density", "like real", 3, "what is missing: samples near dense regions count more than once"),
    "coverage": Metric("coverage", "higher", 3, "copies, and bad samples beside good ones", most=1),
    "classifier_score": Metric("classifier score", "like real", 2, "what is missing inside of a class, and copies", 1),
    "classes": Metric("classes found", "higher", 0, "all but whether a class occurs with a probability above 0.9"),
    "class_divergence": Metric("KL of classes (nats)", "lower", 4, "all but how often classes occur"),
    "modes": Metric("modes found", "higher", 0, "samples beside the modes; one sample is enough"),
    "high_quality": Metric("high quality", "like real", 3, "missing modes, and modes that are too narrow", most=1),
    "mode_divergence": Metric("KL of modes (nats)", "lower", 4, "samples beside the modes"),
    "authenticity": Metric("authenticity", "like real", 3, "all but copies; bad samples are authentic", most=1),
    "copies": Metric(
        "copies", "lower", 4, "copies that are changed more than a little, by a pixel's shift for one", most=1
    ),
    "copying": Metric(
        "data copying (C_T)", "like real", 1, "all but copies; far above zero, samples are far off", -inf
    ),
}
"""By the key in files and logs."""

MEMORISATION = ("authenticity", "copies", "copying")
"""Those that look at all images that were trained on, which takes longer."""


def compare_features(
    data: ImageData, extractor: Extractor, real: Extracted, made: Extracted
) -> Iterator[tuple[str, Estimate]]:
    """Each measure of samples against real images, by key."""
    x, y = real.features, made.features
    yield "frechet", frechet(x, y)
    yield "kernel", kernel_distance(x, y)
    yield from zip(("precision", "recall"), precision_recall(x, y), strict=True)
    yield from zip(("density", "coverage"), density_coverage(x, y), strict=True)
    if real.probabilities is not None and made.probabilities is not None:
        p, frequent = made.probabilities, real.probabilities.argmax(1)
        yield "classifier_score", classifier_score(p)
        yield "classes", Estimate(classes_found(p, extractor.confident), 0.0)
        counts = torch.bincount(frequent, minlength=p.shape[1])
        if (counts > 0).all():
            yield "class_divergence", class_divergence(p, counts)
    if isinstance(data, Mixture):
        points = data.plane.points(y)
        found = modes(points, data.means, data.deviation)
        yield "modes", Estimate(found.found, 0.0)
        good = found.high_quality
        yield "high_quality", Estimate(good, (good * (1 - good) / len(points)) ** 0.5)
        yield "mode_divergence", Estimate(found.kl, 0.0)


def memorisation_metrics(made: Nearness, fresh: Nearness | None) -> Iterator[tuple[str, Estimate]]:
    """Whether samples are copies of training images, by key; all but the first only where there are images not trained
    on.
    """
    yield "authenticity", Estimate.mean(made.distance > made.reach)
    if fresh is not None:
        found = memorisation_of(fresh, made)
        yield "copies", Estimate.mean(found.copies)
        yield "copying", Estimate(found.copying, 1.0)  # by its scale
