"""The callback that writes a trained feature network to a file."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import Dataset

from gan_lightning.data import ImageData
from gan_lightning.evaluation.features import write_features
from gan_lightning.evaluation.reference import IMAGE_BLOCK
from gan_lightning.models.feature_learner import FeatureLearner
from gan_lightning.runs.run import Run


class FeatureWriter(Callback):
    """Writes features.safetensors into the run's folder after training, for `gan test --judge.extractor`.

    If images were held out (data.held_out), it prints the network's accuracy on them.
    """

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FeatureLearner)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        run = Run.of(trainer)
        if not trainer.is_global_zero:
            return
        about = {"name": f"features of {type(data).__name__}", "iterations": trainer.global_step}
        if isinstance(data, ImageData):
            about |= {"images": len(data.source), "held_out": data.held_out}  # type: ignore[arg-type]
            if data.left_out is not None and pl_module.classes:
                about["accuracy"] = accuracy(pl_module, data, data.left_out)
                print(f"\n{about['accuracy']:.2%} of {len(data.left_out)} held-out images are classified correctly")  # type: ignore[arg-type]
        write_features(pl_module.network, run.features, about)


@torch.no_grad()
def accuracy(model: FeatureLearner, data: ImageData, images: Dataset) -> float:
    """Returns the share of images that the network classifies correctly."""
    right, count = 0, len(images)  # type: ignore[arg-type]
    network = model.network.eval()
    for block in torch.arange(count).split(IMAGE_BLOCK):
        x, y = images[block]
        scores: Tensor = network.scores(network(data.as_floats(x.to(model.device))))
        right += int((scores.argmax(1).cpu() == y).sum())
    network.train()
    return right / count
