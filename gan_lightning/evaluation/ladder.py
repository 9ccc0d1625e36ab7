"""The ladder: whether a feature extractor sees known damage, and more of it as more."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from torch import Tensor
from torch.utils.data import Dataset

from gan_lightning.core.errors import UserError
from gan_lightning.core.nesting import looked_up
from gan_lightning.data import ImageData
from gan_lightning.evaluation.damage import LADDER, UNSEEN, Damage, with_damage
from gan_lightning.evaluation.metrics import frechet
from gan_lightning.evaluation.reference import IMAGE_BLOCK, ReferenceImages, shuffled

DIVISIONS = 8
"""Divisions of undamaged images, whose mean distance is the floor."""

SEEN = 2.0
"""The distance, in floors, from which the strongest damage counts as seen."""

LOOSE = 0.9
"""A stronger step may score this share of the step before, as distances vary from one set of images to another."""

CLUSTERS, SIDE = 9, 8
"""Without labels: the number of clusters, of images reduced to this side."""


@dataclass(frozen=True)
class Rung:
    """Images with one kind of damage, of rising strength.

    Args:
        damage: Its name.
        strengths: Its strengths.
        times: The distance from other, undamaged images at each strength, in floors; 1 is invisible. Of few features
            that do not see it, chance can make it negative.
    """

    damage: str
    strengths: tuple[float, ...]
    times: tuple[float, ...]

    @property
    def fault(self) -> str | None:
        """What is wrong with these distances, in words; None if nothing is."""
        if self.times[-1] < SEEN:
            return f"{self.damage} (at most {max(self.times):.2g} times the floor)"
        for i in range(1, len(self.times)):
            if self.times[i] < LOOSE * self.times[i - 1]:
                return f"{self.damage} ({self.strengths[i]:g} scores below {self.strengths[i - 1]:g})"
        return None


@dataclass(frozen=True)
class Ladder:
    """How a feature extractor ranks known damage.

    Args:
        images: Number of images on each side of a distance.
        floor: The mean Fréchet distance of undamaged images.
        deviation: Its standard deviation over divisions of the images.
        rungs: The kinds of damage.
    """

    images: int
    floor: float
    deviation: float
    rungs: tuple[Rung, ...]

    @property
    def faults(self) -> list[str]:
        """The damage that the extractor does not see, or ranks wrongly, in words."""
        return [fault for rung in self.rungs if (fault := rung.fault)]

    def text(self) -> str:
        """Returns the ladder for a terminal."""
        lines = [
            f"distance of damaged images over that of undamaged ones ({self.floor:.4g} ± {self.deviation:.2g}, "
            f"{self.images:,} images)"
        ]
        for rung in self.rungs:
            steps = zip(rung.strengths, rung.times, strict=True)
            row = "  ".join(f"{strength:>6g}: {times:<8.3g}" for strength, times in steps)
            lines.append(f"{rung.damage:<16} {row} {'BLIND' if rung.fault else ''}".rstrip())
        return "\n".join(lines)

    def words(self) -> dict[str, Any]:
        """Returns plain values for a file, which `read` takes back."""
        return asdict(self)

    @classmethod
    def read(cls, words: Any) -> "Ladder | None":
        """Returns the ladder in a file; None if there is none."""
        try:
            rungs = tuple(
                Rung(
                    str(looked_up(r, "damage")),
                    as_numbers(looked_up(r, "strengths")),
                    as_numbers(looked_up(r, "times")),
                )
                for r in looked_up(words, "rungs")
            )
            images, floor, deviation = (looked_up(words, key) for key in ("images", "floor", "deviation"))
            return cls(int(images), float(floor), float(deviation), rungs)
        except (KeyError, TypeError, ValueError):
            return None


def as_numbers(values: Any) -> tuple[float, ...]:
    found = tuple(float(value) for value in values)
    if not found:
        raise ValueError("a kind of damage has at least one strength")
    return found


def ladder_of(real: ReferenceImages, unseen: bool = False) -> Ladder:
    """Tries an extractor with known damage to real images that it was not trained on, if there are such.

    One set of images is compared with the other, damaged: blurred, compressed, noisy, and without a third of its
    classes (of its clusters, where there are no labels). The floor is the mean distance of sets of the same size when
    all images are divided anew. What the division at hand has beyond the floor by chance, it has with and without
    damage, so it is subtracted: with few features, it can be several floors.

    Args:
        real: The images, and the extractor.
        unseen: Whether to add damage that was not looked at when the package's own extractors were made.

    Raises:
        UserError: There are too few images.
    """
    first, second = real.reference.images, real.other.images
    count = min(len(first), len(second))  # type: ignore[arg-type]
    before = real.seen_reference.features[:count]
    if count < 2 * before.shape[1]:
        raise UserError(
            f"{count} images on each side are too few to try an extractor of {before.shape[1]} features; it takes "
            f"{2 * before.shape[1]}: hold out more, or add images"
        )
    numbers = torch.cat([part.identities[:count] for part in (real.reference, real.other)])
    floor, deviation = floor_of(torch.cat([before, real.seen_other.features[:count]]), numbers)
    by_chance = frechet(before, real.seen_other.features[:count]).value - floor

    def times(features: Tensor) -> float:
        return (frechet(before, features).value - by_chance) / floor

    chosen = list(torch.arange(count).split(IMAGE_BLOCK))
    rungs = []
    for damage in (*LADDER, *(UNSEEN if unseen else ())):
        seen = (seen_damaged(real, second, chosen, damage, strength) for strength in damage.strengths)
        rungs.append(Rung(damage.name, damage.strengths, tuple(map(times, seen))))
    kept = two_thirds(real.data, second, count)
    missing = times(real.seen_other.features[:count][kept])
    name = "classes missing" if real.data.classes else "clusters missing"
    return Ladder(count, floor, deviation, (*rungs, Rung(name, (0.33,), (missing,))))


def seen_damaged(
    real: ReferenceImages, images: Dataset, blocks: Sequence[Tensor], damage: Damage, strength: float
) -> Tensor:
    """Returns the features (N, d) of damaged images."""
    turn = real.follow(blocks, f"extracting features of images with {damage.name} {strength:g}")
    floats = (real.data.as_floats(images[block][0]) for block in turn)
    return torch.cat([real.extractor.extract(with_damage(x, damage.change, strength)).features for x in floats])


def floor_of(pool: Tensor, identities: Tensor) -> tuple[float, float]:
    """Returns the mean Fréchet distance, and its standard deviation, of two halves of features (N, d), divided anew."""
    draws = torch.Generator().manual_seed(0)
    orders = (shuffled(identities, draws) for _ in range(DIVISIONS))
    found = torch.tensor([frechet(*(pool[part] for part in order.chunk(2))).value for order in orders])
    return found.mean().item(), found.std().item()


def two_thirds(data: ImageData, images: Dataset, count: int) -> Tensor:
    """Returns which images are left, bool (N,), without a third of the classes (or of clusters of thumbnails)."""
    blocks = [images[block] for block in torch.arange(count).split(IMAGE_BLOCK)]
    if data.classes:
        kinds, number = torch.cat([y for _, y in blocks]), data.classes
    else:
        small = torch.cat([F.adaptive_avg_pool2d(data.as_floats(x), SIDE).flatten(1) for x, _ in blocks])
        clusters = KMeans(CLUSTERS, n_init="auto", random_state=0).fit_predict(small.numpy())
        kinds, number = torch.from_numpy(np.asarray(clusters)), CLUSTERS
    return kinds >= round(number / 3)
