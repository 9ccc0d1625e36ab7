"""The evaluator of translators, which compares what is made of inputs with the true images."""

from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.data import ImageData
from gan_lightning.degradations import Degradation
from gan_lightning.editing.matches import common_scale, feature_distance
from gan_lightning.evaluation.baselines import Make
from gan_lightning.evaluation.features import Extractor
from gan_lightning.evaluation.metric_table import FEWEST_PER_FEATURE
from gan_lightning.evaluation.metrics import Estimate
from gan_lightning.evaluation.metrics.checks import clouds
from gan_lightning.evaluation.metrics.distances import compared
from gan_lightning.evaluation.reference import (
    LEAST_TRANSLATED,
    Follow,
    RealSet,
    Split,
    ordered,
    real_sets,
    silent,
    spaced,
)
from gan_lightning.evaluation.translation import (
    TRANSLATION_SCORES,
    colourfulness_index,
    compared_pixels,
    grey_levels,
    pixel_scores,
)

TRANSLATED_AT_ONCE = 20
"""Images that are translated at once."""

TRUTH = "the true images"
"""Their name in tables."""

OTHER = "others"
"""The name of the true images of other inputs."""


class Pairing(NamedTuple):
    """Some true images x (n, C, H, W), their inputs (n, c, h, w), and the true images of other inputs (n, C, H, W).

    Where an input holds a part of the image, the other images have that part, too, and differ only in the rest.
    """

    x: Tensor
    inputs: Tensor
    other: Tensor


class Scored(NamedTuple):
    """What was found of images made in one way: scores (N,) of each image, by their keys.

    Args:
        own: Beside the true image of its own input.
        other: Beside the true image of another input.
        frechet: The Fréchet distance of all images from real ones; None if there are too few.
        groups: The number of the group of each image (N,): patches of one photograph, or copies, are one.
    """

    own: Mapping[str, Tensor]
    other: Mapping[str, Tensor]
    frechet: Estimate | None
    groups: Tensor

    def mean(self, values: Tensor) -> Estimate:
        """Returns the mean of values (N,), one for each image."""
        return Estimate.grouped(values.double().mean(), values, self.groups)

    def estimates(self) -> dict[str, Estimate]:
        """Returns the scores that a table shows, by their keys."""
        found = {key: self.mean(self.own[key]) for key in TRANSLATION_SCORES if key in self.own}
        return found if self.frechet is None else found | {"frechet": self.frechet}


class TranslationEvaluator:
    """Measures what translators make of real images that were set apart, and what baselines make of them.

    The inputs are random by `first_seed` alone, so evaluation draws nothing from the random streams of training. Of all
    images, only scores and features are kept. The Fréchet distance is that from other real images: training images, or,
    where none are set apart, the other half of them.

    Args:
        data: The real images, after `prepare_data` and `setup`.
        degradation: Makes the inputs.
        split: Whether the images are those for a test or for validation.
        samples: How many of them are translated, at most.
        extractor: Extracts the features. If None, pixels alone are compared.
        device: Of the translators.
        first_seed: The seed of what is random in the inputs.
        follow: Wraps a loop over blocks of images, to show its progress.

    Raises:
        UserError: There are no images to compare with.
    """

    def __init__(
        self,
        data: ImageData,
        degradation: Degradation,
        split: Split,
        samples: int,
        extractor: Extractor | None,
        device: torch.device,
        first_seed: int = 0,
        follow: Follow = silent,
    ) -> None:
        validation, test = real_sets(data)
        whole, half = (validation, test) if split == "validation" else (test, validation)
        self.data, self.degradation, self.real, self.half = data, degradation, spaced(whole, samples), half
        self.extractor, self.device = extractor.to(device) if extractor else None, device
        self.first_seed, self.follow = first_seed, follow
        if len(self.real) < LEAST_TRANSLATED:
            raise UserError(f"there are {self.real.words} to compare with: add images, or set a larger data.held_out")
        enlarges = degradation.factor > 1 and min(data.image_shape[1:]) > 2 * degradation.factor
        self.border = degradation.factor if enlarges else 0

    def __len__(self) -> int:
        return len(self.real)

    def about(self) -> dict[str, str]:
        """Returns what the scores depend on, in words."""
        e = self.extractor
        named = {"feature extractor": f"{e.name} ({e.digest})" if e.digest else e.name} if e is not None else {}
        real = {"Fréchet distance from": self.reference.words} if e is not None else {}
        count = len(self.real.identities.unique())
        parts = f", which are parts or copies of {count:,}" if count < len(self) else ""
        images = {"images": self.real.words + parts, "seed of their inputs": str(self.first_seed)}
        return {**images, "compared": self.words, **real, **named}

    @property
    def words(self) -> str:
        """What is compared of pixels, in words."""
        if self.degradation.factor == 1:
            return "PSNR and SSIM of all channels of all pixels"
        border = f", without a border of {self.border} pixels" if self.border else ""
        return f"PSNR and SSIM of the luminance (BT.601){border}"

    @torch.no_grad()
    def evaluate(self, makers: Mapping[str, Make]) -> dict[str, Scored]:
        """Returns the scores of what translators and baselines make, by their names; those of the true images last."""
        parts: dict[str, list[dict[str, Tensor]]] = {name: [] for name in (*makers, TRUTH, OTHER)}
        for first in self.follow(range(0, len(self), TRANSLATED_AT_ONCE), f"translating {len(self):,} images"):
            block = self.block(first)
            for name, make in makers.items():
                made = make(block.inputs).to(block.x)
                beside = {f"{OTHER} {key}": score for key, score in self.compared(made, block.other).items()}
                parts[name].append(self.compared(made, block.x) | beside | self.seen(made, block.inputs))
            parts[TRUTH].append(self.seen(block.x, block.inputs))
            parts[OTHER].append(self.seen(block.other, block.inputs))
        tables = {name: {key: torch.cat([part[key] for part in of]) for key in of[0]} for name, of in parts.items()}
        truth, other = tables[TRUTH], tables.pop(OTHER)
        return {name: self.scored(table, truth, other) for name, table in tables.items()}

    def scored(self, table: dict[str, Tensor], truth: dict[str, Tensor], other: dict[str, Tensor]) -> Scored:
        """Returns the scores of images with those that come from features."""
        beside = {key.removeprefix(f"{OTHER} "): table[key] for key in table if key.startswith(OTHER)}
        own = {key: table[key] for key in table if not key.startswith(OTHER) and key != "made"}
        if self.extractor is None:
            return Scored(own, beside, None, self.real.identities)
        if table is not truth:
            made, right, wrong = (of["made"] / common_scale(truth["made"]) for of in (table, truth, other))
            own["features"], beside["features"] = feature_distance(made, right), feature_distance(made, wrong)
        return Scored(own, beside, self.frechet(table["made"]), self.real.identities)

    def block(self, first: int) -> Pairing:
        """Returns images from the one of this number on. What is random in their inputs depends on the number alone."""
        chosen = torch.arange(first, min(first + TRANSLATED_AT_ONCE, len(self)))
        x, inputs = self.pairs(self.real, chosen, self.first_seed + first)
        away = (chosen + len(self) // 2) % len(self)  # neighbours may be copies
        return Pairing(x, inputs, self.degradation.completed(self.pairs(self.real, away, self.first_seed)[0], inputs))

    def pairs(self, images: RealSet, chosen: Tensor, seed: int) -> tuple[Tensor, Tensor]:
        """Returns true images and their inputs, by the images' numbers."""
        x = self.data.as_floats(images.images[chosen][0].to(self.device))
        return self.degradation.pair(x, *numbered_draws(seed))

    def compared(self, made: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Returns scores (n,) of pixels: of enlarged images those of the luminance, without a border."""
        enlarges = self.degradation.factor > 1
        return pixel_scores(*(compared_pixels(x, enlarges, self.border) for x in (made, target)))

    def seen(self, made: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        """Returns scores (n,) of images alone and beside their inputs, and their features (n, d)."""
        found = {"changed": grey_levels(made, self.degradation.shown(inputs, made.shape[1]).clamp(-1, 1))}
        if made.shape[1] == 3 and self.degradation.channels(3) - self.degradation.leaves_out == 1:
            found["colourfulness"] = colourfulness_index(made)
        if self.extractor is not None:
            found["made"] = self.extractor.extract(made).features
        return {key: values.cpu() for key, values in found.items()}

    # ---- the Fréchet distance --------------------------------------------------------------------------------------

    @cached_property
    def reference(self) -> RealSet:
        """Other real images, as many as are translated, or as there are."""
        if not self.real.fresh:
            return spaced(self.half, len(self))
        kind = f"training images of {type(self.data).__name__}"
        assert self.data.source is not None
        return spaced(RealSet(*ordered(self.data, self.data.source), kind, False), len(self))

    @cached_property
    @torch.no_grad()
    def seen_reference(self) -> Tensor:
        """Their features (M, d)."""
        blocks = self.follow(
            torch.arange(len(self.reference)).split(TRANSLATED_AT_ONCE), "extracting features of real images"
        )
        assert self.extractor is not None
        return torch.cat([self.extractor.extract(self.pairs(self.reference, b, 0)[0]).features for b in blocks])

    @property
    def fewest(self) -> int:
        return min(len(self.reference), len(self))

    @property
    def enough(self) -> bool:
        """Whether there are so many images that a Fréchet distance says something."""
        return self.fewest >= FEWEST_PER_FEATURE * self.seen_reference.shape[1]

    def doubts(self) -> list[str]:
        """Returns what is left out, and why, in words."""
        if self.extractor is None or self.enough:
            return []
        few, features = f"{self.fewest:,}", f"{FEWEST_PER_FEATURE} x {self.seen_reference.shape[1]:,} features"
        return [f"too few images for this extractor: {few} is below {features}, so the Fréchet distance is left out"]

    def frechet(self, made: Tensor) -> Estimate | None:
        """Returns the distance of features (N, d) from those of the reference; None if either are too few."""
        if not self.enough:
            return None
        return Estimate.grouped(*compared(*clouds(self.seen_reference, made, least=2)), self.real.identities)
