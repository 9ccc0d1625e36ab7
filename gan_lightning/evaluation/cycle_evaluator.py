"""The evaluator of translation without pairs: are images like those of the other side, and do they come back?"""

from functools import cache
from math import ceil
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.data import ImageData
from gan_lightning.evaluation.cycles import (
    CYCLE_SCORES,
    SIDES,
    Traces,
    Translate,
    come_back,
    in_decibels,
    variety_of_pixels,
)
from gan_lightning.evaluation.features import Extractor
from gan_lightning.evaluation.metric_table import FEWEST_PER_FEATURE
from gan_lightning.evaluation.metrics import Estimate, frechet, kernel_distance
from gan_lightning.evaluation.reference import (
    LEAST_TRANSLATED,
    Follow,
    RealSet,
    Split,
    ordered,
    real_sets,
    silent,
    some_of,
    spaced,
)
from gan_lightning.evaluation.translation import grey_levels

TURNED_AT_ONCE = 20
"""Images that are translated at once."""

FEWEST_FOR_KERNEL = 2
"""Images for a kernel distance."""

CHANGED, VARIED, FEATURES = "changed (grey levels)", "varied", "features"


class Turned(NamedTuple):
    """What was found of one direction.

    Args:
        images: Number of images that were translated.
        scores: By their names in the table.
        unchanged: The same of the images as they are.
        floor: The same of real images of the other side.
        traces: What is left of the images.
    """

    images: int
    scores: dict[str, Estimate]
    unchanged: dict[str, Estimate]
    floor: dict[str, Estimate]
    traces: Traces


class CycleEvaluator:
    """Measures what is made of real images of either side that were set apart.

    Distances are those from training images of the other side, or, where none are set apart, from the other half of its
    images. The Fréchet distance needs many images; the kernel distance is unbiased for a few.

    Args:
        data: The real images of two sides, after `prepare_data` and `setup`.
        split: Whether the images are those for a test or for validation.
        samples: How many of each side are translated, at most.
        extractor: Extracts the features. If None, there are no distances.
        device: Where to translate.
        first_seed: The seed of the noise.
        follow: Wraps a loop over blocks of images, to show its progress.

    Raises:
        UserError: The data does not have two sides, or one has too few images.
    """

    def __init__(
        self,
        data: ImageData,
        split: Split,
        samples: int,
        extractor: Extractor | None,
        device: torch.device,
        first_seed: int = 0,
        follow: Follow = silent,
    ) -> None:
        self.data, self.extractor, self.device = data, extractor.to(device) if extractor else None, device
        self.first_seed, self.follow = first_seed, follow
        validation, test = real_sets(data)
        part, rest = (validation, test) if split == "validation" else (test, validation)
        if part.fresh:
            assert data.source is not None
            rest = RealSet(*ordered(data, data.source), f"training images of {type(data).__name__}", False)
        self.real, self.rest = self.sides(part, samples), self.sides(rest, samples)
        for side, found in zip(SIDES, self.real, strict=True):
            if len(found) < LEAST_TRANSLATED:
                raise UserError(f"there are {found.words} on side {side} to compare with: add images, or set a larger "
                                "data.held_out")  # fmt: skip
        self.features, self.variety = cache(self.features_of), cache(self.variety_of)

    def sides(self, part: RealSet, most: int) -> list[RealSet]:
        """Returns the images of A and of B in a set, at most so many of each."""
        groups = self.data.groups(part.images)
        if len(groups) != 2:
            raise UserError(f"{type(self.data).__name__} does not have two sides: set data to Unpaired")
        return [spaced(some_of(part, group), most) for group in groups]

    @torch.no_grad()
    def evaluate(self, side: int, there: Translate, back: Translate | None) -> Turned:
        """Returns what is found of one direction.

        Args:
            side: 0 to translate images of A, 1 for B.
            there: Translates to the other side.
            back: Translates back; None if nothing does.
        """
        parts: list[dict[str, Tensor]] = []
        normal, _ = numbered_draws(self.first_seed)
        for block in self.follow(self.blocks(self.real[side]), f"translating images of {SIDES[side]}"):
            x = self.images(self.real[side], block)
            made = there(x)
            returned = come_back(x, made, back, normal) if back is not None else {}
            seen = {CHANGED: grey_levels(made, x), VARIED: variety_of_pixels(made), **self.seen(made)}
            parts.append(returned | {name: values.cpu() for name, values in seen.items()})
        found = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        changed, varied, features = found.pop(CHANGED), found.pop(VARIED), found.pop(FEATURES, None)
        scores = {f"{name} (dB)": Estimate.mean(in_decibels(errors)) for name, errors in found.items()}
        scores[CHANGED] = Estimate.mean(changed)
        traces = Traces(changed.mean().item(), varied.mean().item(), self.variety(1 - side), found)
        sets = features, self.features(side, False), self.features(1 - side, False)
        of_made, of_unchanged, of_real = (self.distances(one, 1 - side) for one in sets)
        return Turned(len(self.real[side]), scores | of_made, of_unchanged, of_real, traces)

    def distances(self, features: Tensor | None, side: int) -> dict[str, Estimate]:
        """Returns the distances of features (N, d) from those of a side; none for which either are too few."""
        reference = self.features(side, True)
        if features is None or reference is None or min(map(len, (features, reference))) < FEWEST_FOR_KERNEL:
            return {}
        found = {CYCLE_SCORES["kernel"].name: kernel_distance(reference, features)}
        if min(len(features), len(reference)) >= FEWEST_PER_FEATURE * features.shape[1]:
            found[CYCLE_SCORES["frechet"].name] = frechet(reference, features)
        return found

    def seen(self, x: Tensor) -> dict[str, Tensor]:
        """Returns the features (N, d) of images, if there is an extractor."""
        return {} if self.extractor is None else {FEATURES: self.extractor.extract(x).features}

    @torch.no_grad()
    def features_of(self, side: int, rest: bool) -> Tensor | None:
        """Returns the features (N, d) of the real images of a side, or of the rest of it; None without an extractor."""
        if self.extractor is None:
            return None
        part = (self.rest if rest else self.real)[side]
        blocks = self.follow(self.blocks(part), f"extracting features of images of {SIDES[side]}")
        return torch.cat([self.seen(self.images(part, block))[FEATURES] for block in blocks]).cpu()

    def variety_of(self, side: int) -> float:
        """Returns by how many grey levels the real images of a side differ from each other."""
        part = self.real[side]
        found = [variety_of_pixels(self.images(part, block)) for block in self.blocks(part)]
        return torch.cat(found).mean().item()

    def blocks(self, part: RealSet) -> list[Tensor]:
        """Returns the numbers of images in blocks of nearly one size."""
        return list(torch.arange(len(part)).tensor_split(ceil(len(part) / TURNED_AT_ONCE)))

    def images(self, part: RealSet, chosen: Tensor) -> Tensor:
        """Returns images (N, C, H, W) of a set, in [-1, 1]."""
        return self.data.as_floats(part.images[chosen][0].to(self.device))
