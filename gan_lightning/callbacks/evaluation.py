"""Evaluation of samples during training."""

import sys
from contextlib import nullcontext
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gan_lightning.callbacks.training_cost import cost_of
from gan_lightning.core.errors import UserError
from gan_lightning.core.intervals import due
from gan_lightning.data import ImageData
from gan_lightning.evaluation import Evaluator
from gan_lightning.evaluation.features import extractor_for
from gan_lightning.evaluation.reference import LEAST, real_sets
from gan_lightning.models.generative import GenerativeModel

LOG_PREFIX = "judge/"
"""The prefix of the metrics' names in logs."""


class Judgement(Callback):
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

    def __init__(
        self, every_n_steps: int = 0, samples: int | None = None, extractor: str | None = None, first_seed: int = 0
    ) -> None:
        if every_n_steps < 0:
            raise UserError(f"judge.every_n_steps is {every_n_steps}; it must be at least 0")
        self.every_n_steps, self.samples = every_n_steps, samples
        self.extractor, self.first_seed = extractor, first_seed
        self.evaluator: Evaluator | None = None
        self.judged = -1

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.judged = -1
        if self.every_n_steps:  # a mistake must show before training
            self.evaluator = self.found(trainer, pl_module)
        elif isinstance(data := trainer.datamodule, ImageData):  # type: ignore[attr-defined]
            self.look_ahead(data, trainer.is_global_zero)

    def look_ahead(self, data: ImageData, speaks: bool) -> None:
        """Checks before training what gan test would refuse after it."""
        if self.extractor is not None:
            extractor_for(data, self.extractor)
        if speaks and data.held_out and (count := min(map(len, real_sets(data)))) < LEAST:
            print(
                f"data.held_out {data.held_out:g} leaves {count} images of {type(data).__name__} to compare samples "
                f"with, but gan test needs {LEAST}: hold out more if you want to evaluate samples",
                file=sys.stderr,
            )

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

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if not due(trainer.global_step, self.every_n_steps):
            return
        assert self.evaluator is not None
        assert isinstance(pl_module, GenerativeModel)
        cost = cost_of(trainer)
        spent = cost.numbers(pl_module.device) if cost else {}
        with cost.paused() if cost else nullcontext():
            report = self.evaluator.evaluate(pl_module, memory=False)
            numbers = {LOG_PREFIX + result.key: result.value for result in report.results}
        self.judged = trainer.global_step
        pl_module.log_dict(numbers, logger=False)
        for logger in trainer.loggers:
            logger.log_metrics(numbers | spent, step=trainer.global_step)


def judged_now(trainer: Trainer) -> bool:
    """Whether samples were evaluated after this iteration."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return any(isinstance(c, Judgement) and c.judged == trainer.global_step for c in callbacks)
