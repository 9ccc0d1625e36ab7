"""Evaluation of a translator during training."""

import sys
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from gan_lightning.callbacks.evaluation import Evaluation
from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData
from gan_lightning.evaluation.evaluator import check_samples
from gan_lightning.evaluation.features import Extractor, extractor_for, suspects
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

    def created(self, data: Any, model: Any, speaks: bool) -> TranslationEvaluator:
        if not isinstance(data, ImageData):
            raise UserError(
                "evaluation during training takes its images from an ImageData: turn your data into one, or set "
                "judge.every_n_steps to 0"
            )
        judge = self.judge_for(data)
        if judge is not None and speaks and (reason := suspects(judge, dict(model.hparams))):
            print(f"val/features and val/frechet will say little: {reason}; set judge.extractor to another, or monitor "
                  "val/PSNR", file=sys.stderr)  # fmt: skip
        options = self.samples, judge, model.device, self.first_seed
        return TranslationEvaluator(data, model.degradation, "validation", *options)

    def judge_for(self, data: ImageData) -> Extractor | None:
        """Returns the feature extractor; None if none is named, and the package has none for such images."""
        try:
            return extractor_for(data, self.extractor)
        except UserError:
            if self.extractor is not None:
                raise
            return None

    def measured(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, float]:
        model: Any = pl_module
        model.finite.check()  # scores mean nothing if weights are not finite
        found = self.scores_of(model) if trainer.is_global_zero else None
        return trainer.strategy.broadcast(found)  # type: ignore[return-value]

    def scores_of(self, model: Any) -> dict[str, float]:
        assert self.evaluator is not None
        found = self.evaluator.evaluate({"model": lambda inputs: model(inputs.to(model.dtype))})["model"]
        return {key: estimate.value for key, estimate in found.estimates().items()}
