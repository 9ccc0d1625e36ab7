"""Evaluation of a translator without pairs during training."""

from statistics import mean
from typing import Any

from lightning.pytorch import LightningModule, Trainer

from gan_lightning.callbacks.evaluation import Evaluation, warn_of_few
from gan_lightning.callbacks.translation_judgement import by_first_process, extractor_while_training
from gan_lightning.data import ImageData
from gan_lightning.evaluation.cycle_evaluator import CycleEvaluator
from gan_lightning.evaluation.cycles import CYCLE_SCORES
from gan_lightning.evaluation.evaluator import check_samples
from gan_lightning.evaluation.reference import LEAST_TRANSLATED


class CycleJudgement(Evaluation):
    """Measures at intervals what the averaged generators make of validation images of either side, and logs the scores.

    No true image is known, so they are val/back, what comes back of images that are translated there and back, in dB,
    and how far the outputs are from images of the other side: val/kernel, the kernel distance, and, with enough images,
    val/frechet. Each is the mean of both directions, which stand beside it: val/kernel_a_to_b, val/kernel_b_to_a. They
    are in metrics.csv beside the images seen and CPU-seconds. Any of them can decide which checkpoint is best:
    --checkpoint.monitor val/kernel. (What copies its input comes back best.) The images are held out (data.held_out),
    else training images. Test images are reserved for gan test.

    Args:
        every_n_steps: Iterations between evaluations; 0 for none.
        samples: Number of images of each side, at most.
        extractor: The feature extractor: MNIST, SecondMNIST, StackedMNIST, Colour, EfficientNetLite0, HED, Inception,
            DINOv2, CLIP, or a file that gan fit --config extractor wrote. If null, the data set's own, or Colour for
            colour images.
        first_seed: The seed of the noise on the way.
    """

    prefix = "val/"
    measures = {  # noqa: RUF012
        name: measure for key, measure in CYCLE_SCORES.items() for name in (key, f"{key}_a_to_b", f"{key}_b_to_a")
    }

    def __init__(
        self, every_n_steps: int = 0, samples: int = 200, extractor: str | None = None, first_seed: int = 0
    ) -> None:
        super().__init__(every_n_steps)
        check_samples(samples, first_seed)
        self.samples, self.extractor, self.first_seed = samples, extractor, first_seed
        self.evaluator: CycleEvaluator | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        super().on_train_start(trainer, pl_module)
        if self.every_n_steps:  # a mistake must show before training
            self.evaluator = self.created(trainer.datamodule, pl_module, trainer.is_global_zero)  # type: ignore[attr-defined]
        elif isinstance(data := trainer.datamodule, ImageData) and trainer.is_global_zero:  # type: ignore[attr-defined]
            warn_of_few(data, LEAST_TRANSLATED)

    def created(self, data: Any, model: Any, speaks: bool) -> CycleEvaluator:
        extractor = extractor_while_training(data, self.extractor, model, speaks)
        return CycleEvaluator(data, "validation", self.samples, extractor, model.device, self.first_seed)

    def measured(self, trainer: Trainer, pl_module: LightningModule) -> dict[str, float]:
        return by_first_process(trainer, pl_module, self.scores_of)

    def scores_of(self, model: Any) -> dict[str, float]:
        assert self.evaluator is not None
        ways = {way.name: self.evaluator.evaluate(way.number, *model.ways(way.number)) for way in model.translations}
        found: dict[str, float] = {}
        for key, measure in CYCLE_SCORES.items():
            values = {
                way: turned.scores[measure.name].value for way, turned in ways.items() if measure.name in turned.scores
            }
            found |= {f"{key}_{way}": value for way, value in values.items()}
            if len(values) == len(ways):
                found[key] = mean(values.values())
        return found
