"""The evaluator, which compares samples of a model with real images."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch

from gan_lightning.core.distributed import gathered, place
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import beside_nearest
from gan_lightning.core.seeding import LARGEST_SEED
from gan_lightning.data import ImageData
from gan_lightning.data.identity import Origin
from gan_lightning.evaluation.features import Extracted, Extractor
from gan_lightning.evaluation.ladder import Ladder
from gan_lightning.evaluation.metric_table import compare_features, memorisation_metrics
from gan_lightning.evaluation.metrics import Estimate
from gan_lightning.evaluation.metrics.memorisation import Nearness, nearness
from gan_lightning.evaluation.metrics.neighbours import nearest
from gan_lightning.evaluation.reference import IMAGE_BLOCK, LEAST, MOST, Follow, ReferenceImages, Split, silent
from gan_lightning.evaluation.report import Report, results_of
from gan_lightning.evaluation.stored_samples import SampleSource, StoredSamples
from gan_lightning.evaluation.verdict import verdict

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
        numbers = dict(compare_features(self.data, self.extractor, self.real.seen_reference, made))
        floors = self.floors
        if memory:
            near = nearness(self.real.seen_training.features, made.features)
            numbers |= dict(memorisation_metrics(near, self.near_fresh))
            if self.near_fresh is None:
                about |= {"copies": NOT_TOLD}
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
            [*verdict(results, self.samples, made.features.shape[1]), *self.doubts],
            about,
        )

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
        labels = self.labels(model)
        samples = model.sample(
            [self.first_seed + i for i in suspects.tolist()],
            None if labels is None else [labels[i % len(labels)] for i in suspects.tolist()],
        )
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
        if ladder is not None and ladder.faults:
            found.append(
                f"{self.extractor.name} is blind to {'; '.join(ladder.faults)}: another judge.extractor may see it"
            )
        return found

    @cached_property
    def near_fresh(self) -> Nearness | None:
        """How near real images that were not trained on lie to the training images; None if there are none."""
        real = self.real
        fresh = real.seen_reference if real.reference.fresh else real.seen_other if real.other.fresh else None
        return None if fresh is None else nearness(real.seen_training.features, fresh.features)

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
