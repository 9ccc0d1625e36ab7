"""How good samples are, while the generator learns."""

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
"""Of the names under which judgements are logged."""


class Judgement(Callback):
    """Compares samples of the averaged generator with real images every so many iterations, and logs the numbers.

    In metrics.csv they are judge/frechet, judge/coverage and so on, beside images seen, CPU-seconds, images a second
    and the peak memory in MiB, none of which counts the judging. Any of them can say which checkpoint is best:
    --checkpoint.monitor judge/frechet. The real images are those for validation: held-out ones (data.held_out), else
    some that are trained on; images for tests are left for gan test.

    Args:
        every_n_steps: Iterations between judgements; 0 for none.
        samples: How many samples; as many as there are real images to compare with, but 10,000 at most, if null.
        extractor: What sees the images: MNIST, StackedMNIST, Inception, or a file that gan fit --config
            configs/extractor.yaml made; the one that the data knows if null.
        first_seed: The first sample's number.
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
        if self.every_n_steps:  # refuse what is wrong before anything is learnt
            self.evaluator = self.found(trainer, pl_module)
        elif isinstance(data := trainer.datamodule, ImageData):  # type: ignore[attr-defined]
            self.look_ahead(data, trainer.is_global_zero)

    def look_ahead(self, data: ImageData, speaks: bool) -> None:
        """Says what gan test would refuse, as it is not too late yet."""
        if self.extractor is not None:
            extractor_for(data, self.extractor)
        if speaks and data.held_out and (count := min(map(len, real_sets(data)))) < LEAST:
            print(
                f"data.held_out {data.held_out:g} leaves {count} images of {type(data).__name__} to compare samples "
                f"with, and gan test takes {LEAST}: keep more if samples are to be judged",
                file=sys.stderr,
            )

    def found(self, trainer: Trainer, model: LightningModule) -> Evaluator:
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        if not isinstance(model, GenerativeModel):
            raise UserError(
                f"a {type(model).__name__} makes no samples that could be judged: set judge.every_n_steps to 0"
            )
        if data is None:
            raise UserError(
                "judging during training compares samples with the images of an ImageData: make one of your data, or "
                "set judge.every_n_steps to 0"
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
    """Whether samples were judged after this iteration."""
    callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return any(isinstance(c, Judgement) and c.judged == trainer.global_step for c in callbacks)
