"""The table of metrics, with what each of them does not see."""

from collections.abc import Callable, Iterator
from math import inf
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from gan_lightning.data import ImageData, Mixture
from gan_lightning.evaluation.features import Extracted, Extractor
from gan_lightning.evaluation.metrics import (
    Estimate,
    class_divergence,
    classes_found,
    classifier_score,
    cmmd,
    density_coverage,
    frechet,
    kernel_distance,
    kid,
    modes,
    precision_recall,
)

Better = Literal["lower", "higher", "like real"]


ROUNDING = 1e-12
"""Values below this are zero but for rounding."""


class Metric(NamedTuple):
    """How a metric is shown and read.

    Args:
        name: The name in tables.
        better: The direction in which the metric improves; some should be like those of real images.
        digits: Digits after the decimal point.
        blind: What the metric does not see.
        least: Its smallest possible value.
        most: Its largest possible value.
    """

    name: str
    better: Better
    digits: int
    blind: str
    least: float = 0.0
    most: float = inf

    def shown(self, value: float) -> str:
        """Formats a value. One that these digits would round to zero is given with two significant digits instead."""
        value = 0.0 if abs(value) < ROUNDING else value
        small = self.digits and 0 < abs(value) < 10**-self.digits
        return f"{value:.2g}" if small else f"{value:,.{self.digits}f}"


METRICS = {
    "frechet": Metric("Fréchet distance", "lower", 2, "copies of training images; its bias falls with n"),
    "kernel": Metric("kernel distance", "lower", 4, "copies; it is unbiased, so it can be negative", -inf),
    "frechet_infinity": Metric(
        "Fréchet distance, n to infinity", "lower", 2, "copies; it is extrapolated, so it can be negative", -inf
    ),
    "kid": Metric("KID x 1000 (raw, 10 splits)", "lower", 2, "copies; large features decide", -inf),
    "cmmd": Metric("CMMD", "lower", 3, "copies; its bias falls with n"),
    "precision": Metric("precision", "higher", 3, "missing modes; noise far from all images can score 1", most=1),
    "recall": Metric("recall", "higher", 3, "bad samples, if they are spread widely enough", most=1),
    "density": Metric("density", "like real", 3, "missing modes: samples near dense regions count several times"),
    "coverage": Metric("coverage", "higher", 3, "copies, and bad samples among good ones", most=1),
    "classifier_score": Metric("classifier score", "like real", 2, "missing variety within a class, and copies", 1),
    "classes": Metric("classes found", "higher", 0, "all but whether a class has a sample of probability above 0.9"),
    "class_divergence": Metric("KL of classes (nats)", "lower", 4, "all but the frequencies of the classes"),
    "modes": Metric("modes found", "higher", 0, "samples outside the modes; one sample is enough to find a mode"),
    "high_quality": Metric("high quality", "like real", 3, "missing modes, and modes that are too narrow", most=1),
    "mode_divergence": Metric("KL of modes (nats)", "lower", 4, "samples outside the modes"),
    "authenticity": Metric("authenticity", "like real", 3, "all but copies; bad samples count as authentic", most=1),
    "copies": Metric(
        "copies", "lower", 4, "copies with more than a slight change, such as a shift by one pixel", most=1
    ),
    "copying": Metric(
        "data copying (C_T)", "like real", 1, "all but copies; far above zero, samples are far from the data", -inf
    ),
}
"""The metrics by their key in files and logs."""

MEMORISATION = ("authenticity", "copies", "copying")
"""The metrics that compare samples with all training images, which takes longer."""


FEWEST_PER_FEATURE = 2
"""Images for each feature, below which the Fréchet distance is left out: covariances of fewer images say little."""


def thousandfold_kid(real: Tensor, made: Tensor) -> Estimate:
    return Estimate(*(1000 * value for value in kid(real, made)))


LITERATURE: dict[str, Callable[[Tensor, Tensor], Estimate]] = {"kid": thousandfold_kid, "cmmd": cmmd}
"""Metrics that the literature computes on the features of one network, which names them in `literature`."""


def compare_features(
    data: ImageData, extractor: Extractor, real: Extracted, made: Extracted
) -> Iterator[tuple[str, Estimate]]:
    """Yields each metric of samples against real images, with its key. Few images have no Fréchet distance."""
    x, y = real.features, made.features
    if min(len(x), len(y)) >= FEWEST_PER_FEATURE * x.shape[1]:
        yield "frechet", frechet(x, y)
    yield "kernel", kernel_distance(x, y)
    for key in extractor.literature:
        yield key, LITERATURE[key](x, y)
    yield from zip(("precision", "recall"), precision_recall(x, y), strict=True)
    yield from zip(("density", "coverage"), density_coverage(x, y), strict=True)
    if real.probabilities is not None and made.probabilities is not None:
        p, frequent = made.probabilities, real.probabilities.argmax(1)
        yield "classifier_score", classifier_score(p)
        yield "classes", Estimate.exact(classes_found(p, extractor.confident))
        counts = torch.bincount(frequent, minlength=p.shape[1])
        if (counts > 0).all():
            yield "class_divergence", class_divergence(p, counts)
    if isinstance(data, Mixture):
        points = data.plane.points(y)
        found = modes(points, data.means, data.deviation)
        yield "modes", Estimate.exact(found.found)
        yield "high_quality", Estimate.share(round(found.high_quality * len(points)), len(points))
        yield "mode_divergence", Estimate.exact(found.kl)
