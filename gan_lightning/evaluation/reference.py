"""The real images that samples are compared with."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.data import Dataset

from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData, PointData
from gan_lightning.data.identity import Origin, in_order, share_below
from gan_lightning.data.image_data import Chosen
from gan_lightning.evaluation.features import Extracted, Extractor

Split = Literal["validation", "test"]

IMAGE_BLOCK = 500
"""Images whose features are extracted at once. The number is fixed, so that rounding is the same everywhere."""

Follow = Callable[[Sequence[Any], str], Iterable[Any]]
"""Iterates over blocks and may show progress; the string describes the blocks."""


def silent(blocks: Sequence[Any], words: str) -> Iterable[Any]:
    return blocks


LEAST = 20
"""The smallest number of samples and of real images that is compared."""

LEAST_TRANSLATED = 2
"""The smallest number of images, of each side, with which translators are evaluated."""

FEW_REAL = 100
"""Real images below which a report says that they are few."""

MOST = 10_000
"""The largest number of samples and of real images that is compared, unless more are asked for."""


@dataclass
class RealSet:
    """A set of real images, in the order of their identities.

    Args:
        images: Maps a tensor of indices to (x, y).
        identities: Their identities, (N,).
        kind: What they are, in words.
        fresh: Whether they were not trained on.
        is_test: Whether they are the data set's own test images.
        total: Of how many they are a part.
    """

    images: Dataset
    identities: Tensor
    kind: str
    fresh: bool
    is_test: bool = False
    total: int | None = None

    def __len__(self) -> int:
        return len(self.images)  # type: ignore[arg-type]

    @property
    def words(self) -> str:
        """How many there are of what."""
        return f"{len(self):,} {self.kind}" if self.total is None else f"{len(self):,} of {self.total:,} {self.kind}"

    @property
    def copies(self) -> int:
        """The number of images that are copies or mirror images of others among them."""
        return len(self.identities) - len(self.identities.unique())


class ReferenceImages:
    """The real images of a data set in three parts, as an extractor sees them.

    Samples are compared with the reference. Other real images are compared with the same reference; their score is the
    floor: what samples would score if they were real images. The third part is the training images.

    For the split `test`, the reference is the data set's own test images, else half of the held-out images, else half
    of the training images. For `validation`, it is the other half, or, where there are test images, the held-out images
    or else training images.

    Args:
        data: The data set, after `prepare_data` and `setup`.
        extractor: Extracts the features.
        split: Whether samples are compared for a test or for validation.
        most: The largest number of images in a part.
        follow: Wraps a loop over blocks of images, to show its progress.

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
        self.reference, self.other = first_of(self.reference, most), first_of(self.other, most)
        fewest = min(self.reference, self.other, key=len)
        if len(fewest) < LEAST:
            raise UserError(
                f"there are {len(fewest)} {fewest.kind} to compare with; at least {LEAST} are needed: add images, or "
                "train with a larger data.held_out"
            )

    def seen(self, images: Dataset) -> Extracted:
        """Returns the features of real images."""
        count = len(images)  # type: ignore[arg-type]
        blocks = self.follow(torch.arange(count).split(IMAGE_BLOCK), f"extracting features of {count:,} real images")
        return Extracted.joined([self.extractor.extract(self.data.as_floats(images[block][0])) for block in blocks])

    @cached_property
    def seen_reference(self) -> Extracted:
        return self.seen(self.reference.images)

    @cached_property
    def seen_other(self) -> Extracted:
        return self.seen(self.other.images)

    @cached_property
    def seen_training(self) -> Extracted:
        """The features of all training images."""
        return self.seen(self.data.source)  # type: ignore[arg-type]

    def seen_in_training(self, share: float, origin: Origin) -> int:
        """Returns how many real images to compare with an extractor was trained on, as far as can be told.

        Args:
            share: The share of images that its training held out.
            origin: What it was trained on.
        """
        if self.data.origin(share) != origin:  # other images
            return 0
        parts = (self.reference, self.other)
        own = [part.identities for part in parts if not part.is_test]
        return sum(int((numbers >= share_below(share)).sum()) for numbers in own)

    def flaws(self) -> list[str]:
        """Returns what is wrong with the real images to compare with, in words."""
        sets = self.reference, self.other
        found = [
            f"{part.copies:,} of the {len(part):,} {part.kind} are copies or mirror images of others"
            for part in sets
            if part.copies
        ]
        if min(map(len, sets)) < FEW_REAL:
            counts = " and ".join(f"{len(part):,} {part.kind}" for part in sets)
            found.append(f"few real images ({counts}): only large differences show")
        return found

    @cached_property
    def labels(self) -> Tensor:
        """The labels of the reference images, (N,)."""
        return self.labels_of(self.reference)

    def labels_of(self, part: RealSet) -> Tensor:
        return torch.cat([part.images[block][1] for block in torch.arange(len(part)).split(IMAGE_BLOCK)])


def real_sets(data: ImageData) -> tuple[RealSet, RealSet]:
    """Returns the real images for validation and those for tests.

    Each set is in the order of the identities, which is as good as random, and does not change with the names of files.
    Of training images, those that a feature network may have held out come first.
    """
    source, left_out, tests = data.source, data.left_out, data.load_test()
    assert source is not None
    what = "points" if isinstance(data, PointData) else "images"
    name = type(data).__name__
    trained, held, kept = f"training {what} of {name}", f"held-out {what} of {name}", f"test {what} of {name}"
    images, words = (source, trained) if left_out is None else (left_out, held)
    own = RealSet(*ordered(data, images), words, left_out is not None)
    if tests is not None:
        return own, RealSet(*ordered(data, tests), kept, True, True)
    return halves(own, data.groups(own.images))


def ordered(data: ImageData, images: Dataset) -> tuple[Chosen, Tensor]:
    """Returns images in the order of their identities, and these."""
    numbers = data.identities_of(images)
    order = in_order(numbers)
    return Chosen(images, order), numbers[order]


def halves(part: RealSet, groups: Sequence[Tensor] = ()) -> tuple[RealSet, RealSet]:
    """Divides a set in the middle, or as near to it as copies and mirror images, which stay together, allow.

    Args:
        part: The set.
        groups: The indices of each group that is divided by itself; none if it is all one.
    """
    cut = [group.tensor_split([middle_of(part.identities[group])]) for group in groups or [torch.arange(len(part))]]
    first, second = (torch.cat(half).sort().values for half in zip(*cut, strict=True))
    return some_of(part, first), some_of(part, second)


def middle_of(identities: Tensor) -> int:
    """Returns the place at which numbers (N,), in order, are divided so that equal ones stay together."""
    middle = identities[len(identities) // 2]
    below, upto = (int(torch.searchsorted(identities, middle, right=r)) for r in (False, True))
    return min(below, upto, key=lambda i: abs(2 * i - len(identities)))


def shuffled(identities: Tensor, draws: torch.Generator) -> Tensor:
    """Returns indices that put images (N,) in a random order, in which copies and mirror images follow each other."""
    place = torch.randperm(len(identities), generator=draws).argsort()
    kinds, kind = identities.unique(return_inverse=True)
    first = torch.full((len(kinds),), len(identities)).scatter_reduce(0, kind, place, "amin")
    return first[kind].argsort(stable=True)


def some_of(part: RealSet, chosen: Tensor) -> RealSet:
    return replace(part, images=Chosen(part.images, chosen), identities=part.identities[chosen])


def first_of(part: RealSet, most: int) -> RealSet:
    if len(part) <= most:
        return part
    return replace(some_of(part, torch.arange(most)), total=len(part))


def spaced(part: RealSet, most: int) -> RealSet:
    """Returns some images of a set, at equal distances, so that many patches of an image do not stand for all."""
    if len(part) <= most:
        return part
    return replace(some_of(part, torch.arange(most) * len(part) // most), total=len(part))
