"""Evaluation during training: of samples, or of what a translator makes."""

import sys
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gan_lightning.callbacks.training_cost import cost_of
from gan_lightning.core.errors import UserError
from gan_lightning.core.intervals import due
from gan_lightning.data import ImageData
from gan_lightning.evaluation import MEMORISATION, METRICS, Evaluator
from gan_lightning.evaluation.features import extractor_for
from gan_lightning.evaluation.metric_table import Metric
from gan_lightning.evaluation.reference import LEAST, real_sets
from gan_lightning.models.generative import GenerativeModel


class Evaluation(Callback, ABC):
    """Evaluates at intervals and logs scores, any of which may decide which checkpoint is best.

    Args:
        every_n_steps: Iterations between evaluations; 0 for none.
    """

    prefix: str
    """The prefix of the scores' names in logs."""
    measures: Mapping[str, Metric]
    """The scores that there may be, by their keys."""

    def __init__(self, every_n_steps: int) -> None:
        if every_n_steps < 0:
            raise UserError(f"judge.every_n_steps is {every_n_steps}; it must be at least 0")
        self.every_n_steps = every_n_steps
        self.judged = -1

    @abstractmethod
    def measured(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, float]:
        """Returns the scores by their keys, the same on every process."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.judged = -1

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not due(trainer.global_step, self.every_n_steps):
            return
        cost = cost_of(trainer)
        spent = cost.numbers(pl_module.device) if cost else {}
        with cost.paused() if cost else nullcontext():
            numbers = {self.prefix + key: value for key, value in self.measured(trainer, pl_module).items()}
        self.judged = trainer.global_step
        pl_module.log_dict(numbers, logger=False)
        for logger in trainer.loggers:
            logger.log_metrics(numbers | spent, step=trainer.global_step)


class Judgement(Evaluation):
    """Evaluates samples of the averaged generator against real images at intervals, and logs the metrics.

    In metrics.csv they are judge/frechet, judge/coverage and so on, beside the images seen, CPU-seconds, images per
    second and peak memory in MiB, which do not include the evaluation itself. Any metric can decide which checkpoint is
    best: --checkpoint.monitor judge/frechet. The real images are those for validation: held-out images (data.held_out),
    else some training images. Test images are reserved for gan test.

    Args:
        every_n_steps: Iterations between evaluations; 0 for none.
        samples: Number of samples. If null, as many as there are real images to compare with, at most 10,000.
        extractor: The feature extractor: MNIST, SecondMNIST, StackedMNIST, Colour, EfficientNetLite0, HED, Inception,
            DINOv2, CLIP, or a file that gan fit --config extractor wrote. If null, the data set's own, or Colour for
            colour images.
        first_seed: The seed of the first sample.
    """

    prefix = "judge/"
    measures = {key: measure for key, measure in METRICS.items() if key not in MEMORISATION}  # noqa: RUF012

    def __init__(
        self, every_n_steps: int = 0, samples: int | None = None, extractor: str | None = None, first_seed: int = 0
    ) -> None:
        super().__init__(every_n_steps)
        self.samples, self.extractor, self.first_seed = samples, extractor, first_seed
        self.evaluator: Evaluator | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        if self.every_n_steps:  # a mistake must show before training
            self.evaluator = self.found(trainer, pl_module)
        elif isinstance(data := trainer.datamodule, ImageData):  # type: ignore[attr-defined]
            self.look_ahead(data, trainer.is_global_zero)

    def look_ahead(self, data: ImageData, speaks: bool) -> None:
        """Checks before training what gan test would refuse after it."""
        if self.extractor is not None:
            extractor_for(data, self.extractor)
        if speaks:
            warn_of_few(data, LEAST)

    def found(self, trainer: Trainer, model: LightningModule) -> Evaluator:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if not isinstance(model, GenerativeModel):
            raise UserError(f"a {type(model).__name__} makes no samples to evaluate: set judge.every_n_steps to 0")
        if not isinstance(data, ImageData):
            raise UserError(
                "evaluation during training compares samples with the images of an ImageData: turn your data into "
                "one, or set judge.every_n_steps to 0"
            )
        return Evaluator(data, extractor_for(data, self.extractor), "validation", self.samples, self.first_seed)

    def measured(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, float]:
        assert self.evaluator is not None
        assert isinstance(pl_module, GenerativeModel)
        report = self.evaluator.evaluate(pl_module, memory=False)
        return {result.key: result.value for result in report.results}


def evaluation_of(trainer: Trainer) -> Evaluation | None:
    """Returns the callback that evaluates during this training, if there is one."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return next((callback for callback in callbacks if isinstance(callback, Evaluation)), None)


def warn_of_few(data: ImageData, least: int) -> None:
    """Says so if fewer images are held out than `gan test` needs."""
    if not data.held_out:
        return
    sides = [data.groups(half.images) or [half.images] for half in real_sets(data)]
    if (count := min(len(side) for half in sides for side in half)) < least:  # type: ignore[arg-type]
        of_a_side = " of a side" if len(sides[0]) > 1 else ""
        print(
            f"data.held_out {data.held_out:g} leaves {count} images of {type(data).__name__}{of_a_side} to compare "
            f"results with, but gan test needs {least}: hold out more if you want to evaluate them",
            file=sys.stderr,
        )
