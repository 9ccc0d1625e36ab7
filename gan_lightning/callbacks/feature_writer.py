"""The callback that writes a trained feature network to a file."""

from typing import Any

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import Tensor
from torch.utils.data import Dataset

from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData
from gan_lightning.evaluation.features import Learnt
from gan_lightning.evaluation.ladder import Ladder, ladder_of
from gan_lightning.evaluation.ladder_picture import drawn
from gan_lightning.evaluation.reference import IMAGE_BLOCK, ReferenceImages
from gan_lightning.models.feature_learner import FeatureLearner
from gan_lightning.networks.feature_files import write_features
from gan_lightning.runs.run import Run

MOST_TRIED = 5_000
"""The largest number of images on each side that a network is tried with after training."""


class FeatureWriter(Callback):
    """Writes features.safetensors into the run's folder after training, for `gan test --judge.extractor`.

    If images were held out (data.held_out), it prints the network's accuracy on them, and tries it with known damage to
    them. What it sees of the damage is kept in the file and drawn in ladder.png.
    """

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, FeatureLearner)
        data: Any = trainer.datamodule  # type: ignore[attr-defined]
        run = Run.of(trainer)
        if not trainer.is_global_zero:
            return
        about = {"name": f"features of {type(data).__name__}", "iterations": trainer.global_step}
        if isinstance(data, ImageData):
            origin = data.origin(data.held_out)
            about |= {"images": len(data.source), "held_out": data.held_out}  # type: ignore[arg-type]
            about |= {} if origin is None else {"trained_on": origin.words()}
            if data.left_out is not None and pl_module.classes:
                about["accuracy"] = accuracy(pl_module, data, data.left_out)
                print(f"\n{about['accuracy']:.2%} of {len(data.left_out)} held-out images are classified correctly")  # type: ignore[arg-type]
        write_features(pl_module.network, run.features, about)
        if isinstance(data, ImageData) and (ladder := tried(data, run)):
            write_features(pl_module.network, run.features, about | {"ladder": ladder.words()})


def tried(data: ImageData, run: Run) -> Ladder | None:
    """Returns what an extractor sees of damage to images that it was not trained on; None if there are too few."""
    try:
        real = ReferenceImages(data, Learnt(run.features), "test", MOST_TRIED)
        if not (real.reference.fresh and real.other.fresh):
            raise UserError("no images were held out: set data.held_out to try what the network sees")
        ladder = ladder_of(real)
    except UserError as error:
        print(f"\nnot tried with known damage: {error}")
        return None
    print(f"\n{ladder.text()}")
    drawn(ladder, run.folder / "ladder.png")
    return ladder


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
