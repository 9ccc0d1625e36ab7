"""The evaluator of translation without pairs: are images like those of the other side, and do they come back?"""

from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.data import ImageData
from gan_lightning.evaluation.cycles import Translate, come_back, hides, in_decibels
from gan_lightning.evaluation.features import Extractor
from gan_lightning.evaluation.metric_table import FEWEST_PER_FEATURE
from gan_lightning.evaluation.metrics import Estimate, frechet
from gan_lightning.evaluation.reference import Follow, RealSet, Split, ordered, real_sets, silent, some_of, spaced
from gan_lightning.evaluation.translation import grey_levels

TURNED_AT_ONCE = 20
"""Images that are translated at once."""

SIDES = ("A", "B")


class Turned(NamedTuple):
    """What was found of one direction.

    Args:
        images: Number of images that were translated.
        scores: By their names in the table.
        unchanged: The same of the images as they are.
        floor: The same of real images of the other side.
        hides: Whether the images come back by what is hidden in noise.
    """

    images: int
    scores: dict[str, Estimate]
    unchanged: dict[str, Estimate]
    floor: dict[str, Estimate]
    hides: bool


class CycleEvaluator:
    """Measures what is made of real images of either side that were set apart.

    The Fréchet distance is that from training images of the other side, or, where none are set apart, from the other
    half of its images.

    Args:
        data: The real images of two sides, after `prepare_data` and `setup`.
        split: Whether the images are those for a test or for validation.
        samples: How many of each side are translated, at most.
        extractor: Extracts the features.
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
        extractor: Extractor,
        device: torch.device,
        first_seed: int = 0,
        follow: Follow = silent,
    ) -> None:
        self.data, self.extractor, self.device = data, extractor.to(device), device
        self.first_seed, self.follow = first_seed, follow
        validation, test = real_sets(data)
        part, rest = (validation, test) if split == "validation" else (test, validation)
        if part.fresh:
            assert data.source is not None
            rest = RealSet(*ordered(data, data.source), f"training images of {type(data).__name__}", False)
        self.real, self.rest = self.sides(part, samples), self.sides(rest, samples)
        for side, found in zip(SIDES, self.real, strict=True):
            if len(found) < 2:
                raise UserError(f"there are {found.words} on side {side} to compare with: add images, or set a larger "
                                "data.held_out")  # fmt: skip
        self.features = cache(self.features_of)

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
            seen = {
                "changed (grey levels)": grey_levels(made, x).cpu(),
                "features": self.extractor.extract(made).features,
            }
            parts.append(returned | seen)
        found = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
        made_features, changed = found.pop("features"), found.pop("changed (grey levels)")
        scores = {f"{name} (dB)": Estimate.mean(in_decibels(errors)) for name, errors in found.items()}
        scores["changed (grey levels)"] = Estimate.mean(changed)
        sets = made_features, self.features(side, False), self.features(1 - side, False)
        of_made, of_unchanged, of_real = (self.distance(features, 1 - side) for features in sets)
        return Turned(len(self.real[side]), scores | of_made, of_unchanged, of_real, bool(found) and hides(found))

    def distance(self, features: Tensor, side: int) -> dict[str, Estimate]:
        """Returns the Fréchet distance of features (N, d) from those of a side; nothing if either are too few."""
        reference = self.features(side, True)
        enough = min(len(features), len(reference)) >= FEWEST_PER_FEATURE * features.shape[1]
        return {"Fréchet distance": frechet(reference, features)} if enough else {}

    @torch.no_grad()
    def features_of(self, side: int, rest: bool) -> Tensor:
        """Returns the features (N, d) of the real images of a side, or of the rest of it."""
        part = (self.rest if rest else self.real)[side]
        blocks = self.follow(self.blocks(part), f"extracting features of images of {SIDES[side]}")
        return torch.cat([self.extractor.extract(self.images(part, block)).features for block in blocks])

    def blocks(self, part: RealSet) -> list[Tensor]:
        return list(torch.arange(len(part)).split(TURNED_AT_ONCE))

    def images(self, part: RealSet, chosen: Tensor) -> Tensor:
        """Returns images (N, C, H, W) of a set, in [-1, 1]."""
        return self.data.as_floats(part.images[chosen][0].to(self.device))
