"""The evaluator, which compares samples of a model with real images."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any

import torch
from torch import Tensor

from gan_lightning.core.distributed import gathered, place
from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import LARGEST_SEED
from gan_lightning.data import ImageData
from gan_lightning.data.identity import Origin
from gan_lightning.evaluation.copies import NOT_TOLD, Copies, memorisation_metrics
from gan_lightning.evaluation.features import Extracted, Extractor
from gan_lightning.evaluation.ladder import Ladder
from gan_lightning.evaluation.metric_table import compare_features
from gan_lightning.evaluation.metrics import Estimate, density_coverage, frechet_infinity, kernel_distance
from gan_lightning.evaluation.metrics.memorisation import Nearness
from gan_lightning.evaluation.metrics.per_class import per_class
from gan_lightning.evaluation.reference import (
    IMAGE_BLOCK,
    LEAST,
    MOST,
    Follow,
    ReferenceImages,
    Split,
    shuffled,
    silent,
)
from gan_lightning.evaluation.report import Report, results_of
from gan_lightning.evaluation.stored_samples import SampleSource, StoredSamples
from gan_lightning.evaluation.verdict import verdict


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
        self.copies = Copies(self.real)
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
            near = self.copies.near(made.features)
            found = self.copies.compared(near)
            numbers |= dict(memorisation_metrics(near, found))
            if min(len(reference.features), len(made.features)) >= 4 * made.features.shape[1]:
                numbers["frechet_infinity"] = frechet_infinity(reference.features, made.features)
            if found is None:
                about |= {"copies": NOT_TOLD}
            else:
                said += [found.verdict, *self.copies.moved(self.samples, partial(self.again, model))]
            floors = floors | self.copies.floors
            self.last = made, near
        results = results_of(numbers, floors)
        fewest = min(self.samples, len(self.real.reference))
        return Report(
            self.samples,
            self.first_seed,
            self.source(model),
            self.real.reference.words,
            self.real.other.words,
            self.extractor.name,
            self.extractor.digest,
            results,
            [*verdict(results, fewest, made.features.shape[1]), *said, *self.doubts],
            about,
            self.by_class(model, made) if memory else {},
            self.data.class_names,
        )

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

    def again(self, model: SampleSource, numbers: Tensor) -> Tensor:
        """Returns some of the samples once more, by their numbers."""
        labels, chosen = self.labels(model), numbers.tolist()
        told = None if labels is None else [labels[i % len(labels)] for i in chosen]
        return model.sample([self.first_seed + i for i in chosen], told)

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
        """What makes scores by these real images and this extractor doubtful, in words."""
        about = self.extractor.about
        found, origin, ladder = (
            self.real.flaws(),
            Origin.read(about.get("trained_on")),
            Ladder.read(about.get("ladder")),
        )
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

    @cached_property
    def floors(self) -> dict[str, Estimate]:
        """The scores of real images in place of the samples: their means over several divisions of all real images, and
        how they vary from one division to another.
        """
        reference, other = self.real.seen_reference, self.real.seen_other
        made = min(self.samples, len(other.features))
        pool, draws = Extracted.joined([reference, other]), torch.Generator().manual_seed(0)
        numbers = torch.cat([self.real.reference.identities, self.real.other.identities])
        found: dict[str, list[float]] = {}
        for _ in range(divisions(made)):
            order = shuffled(numbers, draws)
            first, second = (pool.rows(order[:-made][: len(reference.features)]), pool.rows(order[-made:]))
            for key, estimate in compare_features(self.data, self.extractor, first, second):
                found.setdefault(key, []).append(estimate.value)
        return {key: spread(values) for key, values in found.items() if len(values) > 1}


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
