"""Evaluation of a translator during training."""

import sys
from collections.abc import Callable
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from gan_lightning.callbacks.evaluation import Evaluation, warn_of_few
from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData
from gan_lightning.evaluation.evaluator import check_samples
from gan_lightning.evaluation.features import Extractor, extractor_for, suspects
from gan_lightning.evaluation.reference import LEAST_TRANSLATED
from gan_lightning.evaluation.translation import TRANSLATION_SCORES
from gan_lightning.evaluation.translation_evaluator import TranslationEvaluator


class TranslationJudgement(Evaluation):
    """Compares what the averaged generator makes of validation images with these at intervals, and logs the scores.

    In metrics.csv they are val/PSNR, val/SSIM, val/features and, with enough images, val/frechet, beside the images
    seen and CPU-seconds. Any of them can decide which checkpoint is best: --checkpoint.monitor val/features. (PSNR
    prefers blurred images.) The images are held out (data.held_out), else training images. Test images are reserved for
    gan test.

    Args:
        every_n_steps: Iterations between evaluations; 0 for none.
        samples: Number of images, at most.
        extractor: The feature extractor: MNIST, SecondMNIST, StackedMNIST, Colour, EfficientNetLite0, HED, Inception,
            DINOv2, CLIP, or a file that gan fit --config extractor wrote. If null, the data set's own, or Colour for
            colour images.
        first_seed: The seed of what is random in the inputs.
    """

    prefix, measures = "val/", TRANSLATION_SCORES

    def __init__(
        self, every_n_steps: int = 0, samples: int = 200, extractor: str | None = None, first_seed: int = 0
    ) -> None:
        super().__init__(every_n_steps)
        check_samples(samples, first_seed)
        self.samples, self.extractor, self.first_seed = samples, extractor, first_seed
        self.evaluator: TranslationEvaluator | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        if self.every_n_steps:  # a mistake must show before training
            self.evaluator = self.created(trainer.datamodule, pl_module, trainer.is_global_zero)  # type: ignore[attr-defined]
        elif isinstance(data := trainer.datamodule, ImageData) and trainer.is_global_zero:  # type: ignore[attr-defined]
            warn_of_few(data, LEAST_TRANSLATED)

    def created(self, data: Any, model: Any, speaks: bool) -> TranslationEvaluator:
        extractor = extractor_while_training(data, self.extractor, model, speaks)
        options = self.samples, extractor, model.device, self.first_seed
        return TranslationEvaluator(data, model.degradation, "validation", *options)

    def measured(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, float]:
        return by_first_process(trainer, pl_module, self.scores_of)

    def scores_of(self, model: Any) -> dict[str, float]:
        assert self.evaluator is not None
        found = self.evaluator.evaluate({"model": lambda inputs: model(inputs.to(model.dtype))})["model"]
        return {key: estimate.value for key, estimate in found.estimates().items()}


def extractor_while_training(data: Any, name: str | None, model: Any, speaks: bool) -> Extractor | None:
    """Returns the feature extractor for the images of a data set; None if none is named, and the package has none.

    Args:
        data: The data.
        name: What the user asks for.
        model: What is trained.
        speaks: Whether to say that the extractor stands in the loss.

    Raises:
        UserError: The data is no ImageData, or the extractor does not suit it.
    """
    if not isinstance(data, ImageData):
        raise UserError(
            "evaluation during training takes its images from an ImageData: turn your data into one, or set "
            "judge.every_n_steps to 0"
        )
    try:
        extractor = extractor_for(data, name)
    except UserError:
        if name is not None:
            raise
        return None
    if speaks and (reason := suspects(extractor, dict(model.hparams))):
        print(f"distances of features will say little: {reason}; set judge.extractor to another, or monitor another "
              "score", file=sys.stderr)  # fmt: skip
    return extractor


def by_first_process(trainer: Trainer, model: Any, scores_of: Callable[[Any], dict[str, float]]) -> dict[str, float]:
    """Returns the scores of a model, which the first process measures for all."""
    model.finite.check()  # scores mean nothing if weights are not finite
    found: Any = trainer.strategy.broadcast(scores_of(model) if trainer.is_global_zero else None)
    return found
