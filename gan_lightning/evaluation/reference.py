"""Which real images samples are compared with."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import Dataset

from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData, PointData
from gan_lightning.data.image_data import Chosen, shuffled
from gan_lightning.evaluation.features import Extracted, Extractor

Split = Literal["validation", "test"]

IMAGE_BLOCK = 500
"""Images that are looked at at a time; always the same, so that rounding is."""

Follow = Callable[[Sequence[Any], str], Iterable[Any]]
"""Gives the same blocks, and may say how far it is; the words say what they are of."""


def silent(blocks: Sequence[Any], words: str) -> Iterable[Any]:
    return blocks


LEAST = 20
"""Images of each kind without which nothing is compared."""

MOST = 10_000
"""Images of each kind that are compared at most, unless more are asked for."""


@dataclass
class RealSet:
    """Some of the real images.

    Args:
        images: Takes a tensor of indices, gives (x, y).
        words: What they are.
        fresh: Whether they are not trained on.
    """

    images: Dataset
    words: str
    fresh: bool

    def __len__(self) -> int:
        return len(self.images)  # type: ignore[arg-type]


class ReferenceImages:
    """The real images of some data, in three parts, as an extractor sees them.

    Samples are compared with one part, and another part of real images is compared with the same one: the floor, what
    samples would score if they were real images. The third is what was trained on. For tests, samples are compared
    with the images that the makers of the data set apart for tests, else with a half of those held out, else with
    a half of those trained on; for validation with the other half, or with images held out or trained on.

    Args:
        data: Whose images; `prepare_data` and `setup` have been called.
        extractor: Sees them.
        split: For which of the two judgements.
        most: Images of each part at most.
        follow: Says how far it is.

    Raises:
        UserError: There are too few images.
    """

    def __init__(
        self, data: ImageData, extractor: Extractor, split: Split = "test", most: int = MOST, follow: Follow = silent
    ) -> None:
        assert data.source is not None, "call prepare_data() and setup('fit') first"
        self.data, self.extractor, self.follow = data, extractor, follow
        validation, test = real_sets(data)
        self.reference, self.other = (validation, test) if split == "validation" else (test, validation)
        self.reference, self.other = last_images(self.reference, most), last_images(self.other, most)
        fewest = min(len(self.reference), len(self.other))
        if fewest < LEAST:
            raise UserError(
                f"{type(data).__name__} leaves {fewest} real images to compare with; it takes {LEAST}: give it more "
                "images, or train with a larger data.held_out"
            )

    def seen(self, images: Dataset) -> Extracted:
        """What the extractor sees in real images."""
        count = len(images)  # type: ignore[arg-type]
        blocks = self.follow(torch.arange(count).split(IMAGE_BLOCK), f"looking at {count:,} real images")
        return Extracted.joined([self.extractor.extract(self.data.as_floats(images[block][0])) for block in blocks])

    @cached_property
    def seen_reference(self) -> Extracted:
        return self.seen(self.reference.images)

    @cached_property
    def seen_other(self) -> Extracted:
        return self.seen(self.other.images)

    @cached_property
    def seen_training(self) -> Extracted:
        """All images that were trained on."""
        return self.seen(self.data.source)  # type: ignore[arg-type]

    @cached_property
    def labels(self) -> Tensor:
        """Of the reference (N,)."""
        return torch.cat(
            [self.reference.images[block][1] for block in torch.arange(len(self.reference)).split(IMAGE_BLOCK)]
        )


def real_sets(data: ImageData) -> tuple[RealSet, RealSet]:
    """The images for validation, and those for tests."""
    source, left_out, tests = data.source, data.left_out, data.load_test()
    what = "points" if isinstance(data, PointData) else "images"
    name = type(data).__name__
    of_training = f"{what} that {name} trains on"
    if tests is not None and left_out is not None:
        return RealSet(left_out, f"held-out {what} of {name}", True), RealSet(tests, f"test {what} of {name}", True)
    everything = Chosen(source, shuffled(len(source)))  # type: ignore[arg-type]
    if tests is not None:
        return RealSet(everything, of_training, False), RealSet(tests, f"test {what} of {name}", True)
    if left_out is not None:
        return tuple(RealSet(half, f"held-out {what} of {name}", True) for half in halves(left_out))  # type: ignore[return-value]
    return tuple(RealSet(half, of_training, False) for half in halves(everything))  # type: ignore[return-value]


def halves(images: Dataset) -> tuple[Dataset, Dataset]:
    first, second = torch.arange(len(images)).tensor_split(2)  # type: ignore[arg-type]
    return Chosen(images, first), Chosen(images, second)


def last_images(part: RealSet, most: int) -> RealSet:
    """The last images of a part: those that a feature network of such data has not learnt, if it held some out."""
    count = len(part)
    chosen = torch.arange(max(0, count - most), count)
    if part.fresh and count > most:  # in the order of their makers
        chosen = shuffled(count)[:most].sort().values
    return RealSet(Chosen(part.images, chosen), f"{len(chosen):,} {part.words}", part.fresh)
