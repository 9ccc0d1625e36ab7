"""What the numbers of a report mean, in words."""

from collections.abc import Iterator, Sequence
from math import hypot
from typing import Protocol

ALIKE = 2.5
"""Standard errors of the difference from the floor up to which samples are not told from real images. (Three
measures are looked at, each at about 1 %.)"""

SLIGHT = 1.5
"""Times the floor below which a difference is called slight."""


class Compared(Protocol):
    """A metric of samples, and of real images in their place."""

    key: str
    value: float
    error: float
    floor: float | None
    floor_error: float


def verdict(results: Sequence[Compared], samples: int, features: int) -> Iterator[str]:
    """Yields what the numbers say of the samples, the most important first.

    Args:
        results: The metrics.
        samples: The number of samples.
        features: The number of features of an image.
    """
    known = {result.key: result for result in results if result.floor is not None}
    distance = known.get("frechet") or known.get("kernel")
    shares = [known[key] for key in ("precision", "coverage") if key in known]
    worse = [result for result in shares if deviations(result) < -ALIKE]
    if distance is not None:
        far = deviations(distance) > ALIKE
        if not far and not worse:
            enough = distance.key == "frechet"
            alike = "indistinguishable from real images at this sample size" if enough else "too few images to tell"
            yield f"{alike} ({samples:,})"
        if far:
            yield how_far(distance)
        elif worse:
            yield "different from real images, though the distance alone may be chance"
    yield from (LOW[result.key].format(result.value, result.floor) for result in worse)
    if "frechet" not in {result.key for result in results}:
        yield (
            f"too few images for this extractor: {samples:,} is below 2 x {features:,} features, so the Fréchet "
            "distance is left out"
        )


LOW = {
    "precision": "precision {:.3f}, of real images {:.3f}: some samples lie where no real images are",
    "coverage": "coverage {:.3f}, of real images {:.3f}: some kinds of real images are rare or missing",
}


def deviations(result: Compared) -> float:
    """Returns by how many standard errors the samples differ from real images."""
    assert result.floor is not None
    error = hypot(result.error, result.floor_error)
    difference = result.value - result.floor
    return difference / error if error else (float("inf") if difference > 0 else -float("inf") if difference else 0.0)


def how_far(distance: Compared) -> str:
    assert distance.floor is not None
    if distance.key != "frechet":  # the kernel distance of real images is about zero
        return (
            f"clearly different from real images: kernel distance {distance.value:.4g}, "
            f"{deviations(distance):.2g} standard deviations from that of other real images"
        )
    times = distance.value / distance.floor if distance.floor > 0 else float("inf")
    words = "slightly" if times < SLIGHT else "clearly"
    return (
        f"{words} different from real images: {times:.2g} times the Fréchet distance of other real images (the floor)"
    )
