"""The evaluator, which compares samples of a model with real images."""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_lightning.core.distributed import gathered, place
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import beside_nearest, tile, to_uint8
from gan_lightning.core.seeding import LARGEST_SEED
from gan_lightning.data import ImageData, PointData
from gan_lightning.data.identity import Origin
from gan_lightning.evaluation.features import Extracted, Extractor
from gan_lightning.evaluation.ladder import Ladder
from gan_lightning.evaluation.metric_table import compare_features, memorisation_metrics
from gan_lightning.evaluation.metrics import Estimate, density_coverage, frechet_infinity, kernel_distance, realism
from gan_lightning.evaluation.metrics.memorisation import (
    RARE,
    Nearness,
    compare_nearness,
    nearness,
    nearness_of_versions,
)
from gan_lightning.evaluation.metrics.neighbours import nearest
from gan_lightning.evaluation.metrics.per_class import per_class
from gan_lightning.evaluation.reference import (
    IMAGE_BLOCK,
    LEAST,
    MOST,
    Follow,
    RealSet,
    ReferenceImages,
    Split,
    silent,
)
from gan_lightning.evaluation.report import Report, results_of
from gan_lightning.evaluation.stored_samples import SampleSource, StoredSamples
from gan_lightning.evaluation.verdict import verdict
from gan_lightning.evaluation.versions import FARTHEST, versions

MOST_PAIRS = 50_000_000
"""Pairs of samples and training images up to which samples are also mirrored and shifted, to find such copies. (That is
ten times the work.)"""

NOT_TOLD = "not measured, as no images were held out of training: data.held_out 0.1 holds out a tenth"


class Evaluator:
    """Measures how good a model's samples are. The numbers do not depend on the number of processes.

    Samples come from the averaged generator, with consecutive seeds, so evaluation draws nothing from the random
    streams of training. For a model with classes, the samples have the classes of the reference images.

    Args:
        data: The real images.
        extractor: Extracts the features of real images and samples.
        split: The real images to compare samples with; see `ReferenceImages`.
        samples: The number of samples. If None, as many as there are real images to compare with, at most 10,000.
        first_seed: The seed of the first sample.
        follow: Wraps a loop over blocks of images, to show its progress.

    Raises:
        UserError: There are too few images or samples.
    """

    def __init__(
        self,
        data: ImageData,
        extractor: Extractor,
        split: Split = "test",
        samples: int | None = None,
        first_seed: int = 0,
        follow: Follow = silent,
    ) -> None:
        check_samples(samples, first_seed)
        self.real = ReferenceImages(data, extractor, split, samples or MOST, follow)
        self.data, self.extractor, self.first_seed, self.follow = data, extractor, first_seed, follow
        self.last: tuple[Extracted, Nearness] | None = None
        self.samples = samples or min(len(self.real.reference), len(self.real.other))

    def evaluate(self, model: SampleSource, memory: bool = True, **about: Any) -> Report:
        """Measures the samples of a model. Every process must call it.

        Args:
            model: The model, or existing images.
            memory: Whether to measure memorisation, too. It takes longer, as it compares samples with all training
                images.
            **about: Facts about the model, for the report.
        """
        made = self.seen_samples(model)
        reference = self.real.seen_reference
        numbers = dict(compare_features(self.data, self.extractor, reference, made))
        floors, said = self.floors, []
        if memory:
            near = nearness(self.real.seen_training.features, made.features)
            numbers |= dict(memorisation_metrics(near, self.near_fresh))
            if min(len(reference.features), len(made.features)) >= 4 * made.features.shape[1]:
                numbers["frechet_infinity"] = frechet_infinity(reference.features, made.features)
            if self.near_fresh is None:
                about |= {"copies": NOT_TOLD}
            else:
                said.append(compare_nearness(self.near_fresh, near).verdict)
                said += self.moved_copies(model)
            floors = floors | self.floors_of_memory
            self.last = made, near
        results = results_of(numbers, floors)
        return Report(
            self.samples,
            self.first_seed,
            self.source(model),
            self.real.reference.words,
            self.real.other.words,
            self.extractor.name,
            self.extractor.digest,
            results,
            [*verdict(results, self.samples, made.features.shape[1]), *said, *self.doubts],
            about,
            self.by_class(model, made) if memory else {},
            self.data.class_names,
        )

    def moved_copies(self, model: SampleSource) -> list[str]:
        """Returns what is found if samples are also mirrored and shifted, in words; nothing where it takes too long."""
        fresh, training = self.fresh, self.real.seen_training.features
        assert fresh is not None
        if isinstance(self.data, PointData) or max(self.samples, len(fresh)) * len(training) > MOST_PAIRS:
            return []
        numbers = torch.arange(len(fresh)).split(IMAGE_BLOCK)
        real = self.seen_versions(self.data.as_floats(fresh.images[block][0]) for block in numbers)
        made = self.seen_versions(self.again(model, block) for block in torch.arange(self.samples).split(IMAGE_BLOCK))
        found = compare_nearness(nearness_of_versions(training, real), nearness_of_versions(training, made))
        words = (
            f"mirrored or shifted by up to {FARTHEST} pixels, {found.found:,} of {self.samples:,} samples are copies"
        )
        return [words] if found.p_value < RARE else []

    def seen_versions(self, blocks: Iterable[Tensor]) -> Tensor:
        """Returns the features (N, V, d) of mirrored and shifted versions of images."""
        seen = []
        for x in blocks:
            each = versions(x)
            seen.append(self.extractor.extract(each.flatten(0, 1)).features.unflatten(0, each.shape[:2]))
        return torch.cat(seen)

    def by_class(self, model: SampleSource, made: Extracted) -> dict[int, dict[str, float]]:
        """Returns the metrics of the samples of each class against real images of that class; see `CLASS_METRICS`."""
        labels = self.labels(model)
        if labels is None:
            return {}
        told = torch.tensor([labels[i % len(labels)] for i in range(self.samples)])
        real = self.real
        table: dict[int, dict[str, float]] = {}
        for suffix, x, y in (("", made, told), (" of real images", real.seen_other, real.labels_of(real.other))):
            for name, metric in CLASS_METRICS.items():
                found = per_class(metric, real.seen_reference.features, real.labels, x.features, y)
                for kind, estimate in found.items():
                    table.setdefault(kind, {})[name + suffix] = estimate.value
        return table

    def per_sample(self) -> dict[str, Tensor]:
        """Returns scores of each of the samples that were evaluated last with `memory`.

        Returns:
            `realism`: 1 or more near real images. `ratio`: the distance to the nearest training image, over that of
            this image to others; 0 for a copy. `nearest`: the number of that training image.
        """
        assert self.last is not None, "evaluate() with memory first"
        made, near = self.last
        scores = realism(self.real.seen_reference.features, made.features)
        return {"realism": scores, "ratio": near.ratio, "nearest": near.nearest}

    def ranked(self, model: SampleSource, columns: int = 10) -> np.ndarray:
        """Returns the samples of the highest realism, the middle, and the lowest, a row each: uint8 (H, W, C)."""
        order = self.per_sample()["realism"].argsort(descending=True, stable=True)
        columns = min(columns, len(order))
        middle = (len(order) - columns) // 2
        shown = torch.cat([order[:columns], order[middle : middle + columns], order[-columns:]])
        return tile(to_uint8(self.again(model, shown)), columns)

    def again(self, model: SampleSource, numbers: Tensor) -> Tensor:
        """Returns some of the samples once more, by their numbers."""
        labels, chosen = self.labels(model), numbers.tolist()
        told = None if labels is None else [labels[i % len(labels)] for i in chosen]
        return model.sample([self.first_seed + i for i in chosen], told)

    def neighbours(self, model: SampleSource, rows: int = 12, k: int = 7) -> np.ndarray:
        """Returns the last evaluated samples that look most like copies, each beside its nearest training images.

        Args:
            model: The model that was evaluated with `memory`.
            rows: The number of samples.
            k: Training images in a row.

        Returns:
            Tiles, uint8 (H, W, C).
        """
        assert self.last is not None, "evaluate() with memory first"
        made, near = self.last
        suspects = near.ratio.argsort(stable=True)[:rows]
        x, training = made.features[suspects].double(), self.real.seen_training.features.double()
        index = nearest(x, training, min(k, len(training)))[1]
        shown, place = index.flatten().unique(return_inverse=True)
        images, _ = self.data.source[shown]  # type: ignore[index]
        samples = self.again(model, suspects)
        return beside_nearest(samples, self.data.as_floats(images), place.view_as(index), near.ratio[suspects], rows)

    def source(self, model: SampleSource) -> str:
        """Returns where the samples come from, in words."""
        if not isinstance(model, StoredSamples):
            return "the averaged generator"
        few = self.samples < len(model)
        return f"{len(model):,} in {model.name}, in an order set by their pixels" if few else model.name

    def labels(self, model: SampleSource) -> list[int] | None:
        """Returns the classes that samples cycle through: those of the reference images, if the model has classes."""
        return self.real.labels.tolist() if model.classes else None

    @torch.no_grad()
    def seen_samples(self, model: SampleSource) -> Extracted:
        """Returns the features of the samples. The processes share the blocks, which are always the same."""
        extractor, labels = self.extractor.to(model.device), self.labels(model)
        blocks = [range(first, min(first + IMAGE_BLOCK, self.samples)) for first in range(0, self.samples, IMAGE_BLOCK)]
        rank, processes = place()
        turn = self.follow(blocks[rank::processes], f"extracting features of {self.samples:,} samples")
        mine = [extractor.extract(model.sample(self.seeds(block), of(labels, block))) for block in turn]
        everyone: Sequence[Any] = gathered(mine)
        return Extracted.joined([everyone[i % processes][i // processes] for i in range(len(blocks))])

    def seeds(self, block: range) -> list[int]:
        return [self.first_seed + i for i in block]

    @cached_property
    def doubts(self) -> list[str]:
        """What makes scores of this extractor doubtful, in words."""
        about = self.extractor.about
        found, origin, ladder = [], Origin.read(about.get("trained_on")), Ladder.read(about.get("ladder"))
        if origin is not None and (known := self.real.seen_in_training(about.get("held_out") or 0.0, origin)):
            found.append(
                f"doubtful: the feature extractor was trained on {known:,} of these real images, which it sees "
                "differently; train one with at least the same data.held_out"
            )
        if about and ladder is None:
            found.append(
                f"doubtful: {self.extractor.name} was not tried with known damage; --judge.ladder true tries it"
            )
        if ladder is not None and ladder.faults:
            found.append(
                f"{self.extractor.name} is blind to {'; '.join(ladder.faults)}: another judge.extractor may see it"
            )
        return found

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
        return nearness(self.real.seen_training.features, seen.features)

    @cached_property
    def floors(self) -> dict[str, Estimate]:
        """The scores of real images in place of the samples: their means over several divisions of all real images, and
        how they vary from one division to another.
        """
        reference, other = self.real.seen_reference, self.real.seen_other
        made = min(self.samples, len(other.features))
        pool, draws = Extracted.joined([reference, other]), torch.Generator().manual_seed(0)
        found: dict[str, list[float]] = {}
        for _ in range(divisions(made)):
            order = torch.randperm(len(pool.features), generator=draws)
            first, second = (pool.rows(order[:-made][: len(reference.features)]), pool.rows(order[-made:]))
            for key, estimate in compare_features(self.data, self.extractor, first, second):
                found.setdefault(key, []).append(estimate.value)
        return {key: spread(values) for key, values in found.items()}

    @cached_property
    def floors_of_memory(self) -> dict[str, Estimate]:
        """The memorisation scores of real images that were not trained on."""
        if self.near_fresh is None:
            return {}
        return dict(memorisation_metrics(self.near_fresh, self.near_fresh))


CLASS_METRICS: dict[str, Callable[[Tensor, Tensor], Estimate]] = {
    "kernel distance": kernel_distance,
    "coverage": lambda real, made: density_coverage(real, made).coverage,
}
"""The metrics of each class alone. (A class rarely has enough images for a Fréchet distance that says much.)"""


def divisions(count: int) -> int:
    """Returns into how many pairs of sets real images are divided: fewer where each takes long to compare."""
    return min(8, max(3, 20_000 // count))


def spread(values: list[float]) -> Estimate:
    """Returns the mean of values, with their standard deviation in place of its error."""
    numbers = torch.tensor(values, dtype=torch.float64)
    return Estimate.normal(numbers.mean(), numbers.std())


def of(labels: Sequence[int] | None, block: range) -> list[int] | None:
    return None if labels is None else [labels[i % len(labels)] for i in block]


def check_samples(samples: int | None, first_seed: int) -> None:
    if samples is not None and samples < LEAST:
        raise UserError(f"judge.samples is {samples}; it must be at least {LEAST}")
    if first_seed < 0 or first_seed + (samples or MOST) - 1 > LARGEST_SEED:
        raise UserError(f"judge.first_seed is {first_seed}; seeds are whole numbers from 0 to {LARGEST_SEED}")
