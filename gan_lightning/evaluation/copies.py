"""Samples that copy training images: what is measured, and what it is compared with."""

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from gan_lightning.data import PointData
from gan_lightning.evaluation.metrics import Estimate
from gan_lightning.evaluation.metrics.memorisation import (
    RARE,
    Memorisation,
    Nearness,
    compare_nearness,
    nearness,
    nearness_of_versions,
)
from gan_lightning.evaluation.reference import IMAGE_BLOCK, RealSet, ReferenceImages
from gan_lightning.evaluation.versions import FARTHEST, versions

MOST_PAIRS = 50_000_000
"""Pairs of samples and training images up to which samples are also mirrored and shifted, to find such copies. (That is
ten times the work.)"""

NOT_TOLD = "not measured, as no images were held out of training: data.held_out 0.1 holds out a tenth"


class Copies:
    """Looks for samples that copy training images.

    Args:
        real: The real images, and the extractor. Those that were not trained on say how near chance comes.
    """

    def __init__(self, real: ReferenceImages) -> None:
        self.real = real

    @property
    def fresh(self) -> RealSet | None:
        """Real images that were not trained on; None if there are none."""
        real = self.real
        return real.reference if real.reference.fresh else real.other if real.other.fresh else None

    @cached_property
    def near_fresh(self) -> Nearness | None:
        """How near real images that were not trained on lie to the training images; None if there are none."""
        if self.fresh is None:
            return None
        seen = self.real.seen_reference if self.fresh is self.real.reference else self.real.seen_other
        return self.near(seen.features)

    def near(self, features: Tensor) -> Nearness:
        """Returns how near features (N, d) lie to the training images."""
        return nearness(self.real.seen_training.features, features)

    def compared(self, near: Nearness) -> Memorisation | None:
        """Returns what is found among samples; None if all real images were trained on."""
        return None if self.near_fresh is None else compare_nearness(self.near_fresh, near)

    @property
    def floors(self) -> dict[str, Estimate]:
        """The scores of real images that were not trained on."""
        if self.near_fresh is None:
            return {}
        found = compare_nearness(self.near_fresh, self.near_fresh)
        chance = Estimate(found.expected, 0.0, found.share.low, found.share.high)
        return dict(memorisation_metrics(self.near_fresh, found)) | {"copies": chance}

    def moved(self, samples: int, again: Callable[[Tensor], Tensor]) -> list[str]:
        """Returns what is found if samples are also mirrored and shifted, in words; nothing where it takes too long.

        Args:
            samples: The number of samples.
            again: Returns the samples of some numbers.
        """
        fresh, real, training = self.fresh, self.real, self.real.seen_training.features
        if fresh is None or isinstance(real.data, PointData) or max(samples, len(fresh)) * len(training) > MOST_PAIRS:
            return []
        numbers = torch.arange(len(fresh)).split(IMAGE_BLOCK)
        others = self.seen_versions(real.data.as_floats(fresh.images[block][0]) for block in numbers)
        made = self.seen_versions(again(block) for block in torch.arange(samples).split(IMAGE_BLOCK))
        found = compare_nearness(nearness_of_versions(training, others), nearness_of_versions(training, made))
        words = f"mirrored or shifted by up to {FARTHEST} pixels, {found.found:,} of {samples:,} samples are copies"
        return [words] if found.p_value < RARE else []

    def seen_versions(self, blocks: Iterable[Tensor]) -> Tensor:
        """Returns the features (N, V, d) of mirrored and shifted versions of images."""
        seen = []
        for x in blocks:
            each = versions(x)
            seen.append(self.real.extractor.extract(each.flatten(0, 1)).features.unflatten(0, each.shape[:2]))
        return torch.cat(seen)


def memorisation_metrics(near: Nearness, found: Memorisation | None) -> Iterator[tuple[str, Estimate]]:
    """Yields the metrics of memorisation with their keys; all but the first need images that were not trained on."""
    yield "authenticity", near.authentic
    if found is not None:
        yield "copies", found.share
        yield "copying", found.copying
