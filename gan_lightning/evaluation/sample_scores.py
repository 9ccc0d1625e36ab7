"""Scores of each sample, and pictures of the samples that they single out."""

from functools import cached_property

import torch
from PIL import Image
from torch import Tensor

from gan_lightning.core.images import captioned, labelled_tiles, to_uint8
from gan_lightning.evaluation.evaluator import Evaluator
from gan_lightning.evaluation.metrics import nearest, realism
from gan_lightning.evaluation.stored_samples import SampleSource


class SampleScores:
    """Scores of each of the samples that an evaluator has evaluated last, with `memory`.

    Args:
        evaluator: It has evaluated the model.
        model: The model that it has evaluated.
    """

    def __init__(self, evaluator: Evaluator, model: SampleSource) -> None:
        assert evaluator.last is not None, "evaluate() with memory first"
        self.evaluator, self.model = evaluator, model
        self.made, self.near = evaluator.last

    @cached_property
    def realism(self) -> Tensor:
        """How near each sample lies to real images, (N,): 1 or more is within the reach of one."""
        return realism(self.evaluator.real.seen_reference.features, self.made.features)

    @property
    def table(self) -> dict[str, Tensor]:
        """The scores by their names, (N,) each: `realism`; `ratio`, the distance to the nearest training image, over
        that of this image to others, 0 for a copy; `nearest`, the number of that training image.
        """
        return {"realism": self.realism, "ratio": self.near.ratio, "nearest": self.near.nearest}

    def ranked(self, columns: int = 10) -> Image.Image:
        """Returns a picture of the samples of the highest realism, the middle, and the lowest, a row each."""
        order = self.realism.argsort(descending=True, stable=True)
        columns = min(columns, len(order))
        middle = (len(order) - columns) // 2
        shown = torch.cat([order[:columns], order[middle : middle + columns], order[-columns:]])
        labels = [self.label(i, self.realism[i].item()) for i in shown.tolist()]
        return captioned(labelled_tiles(to_uint8(self.evaluator.again(self.model, shown)), labels, columns), RANKED)

    def neighbours(self, rows: int = 12, k: int = 7) -> Image.Image:
        """Returns a picture of the samples that look most like copies, each beside its k nearest training images."""
        data, training = self.evaluator.data, self.evaluator.real.seen_training.features.double()
        suspects = self.near.ratio.argsort(stable=True)[:rows]
        index = nearest(self.made.features[suspects].double(), training, min(k, len(training)))[1]
        shown, place = index.flatten().unique(return_inverse=True)
        images = data.as_floats(data.source[shown][0])[place].unflatten(0, index.shape)  # type: ignore[index]
        pairs = torch.cat([self.evaluator.again(self.model, suspects).cpu()[:, None], images], dim=1)
        labels = [
            text
            for i, known in zip(suspects.tolist(), index.tolist(), strict=True)
            for text in (self.label(i, self.near.ratio[i].item()), *map(str, known))
        ]
        return captioned(labelled_tiles(to_uint8(pairs.flatten(0, 1)), labels, pairs.shape[1]), NEIGHBOURS)

    def label(self, i: int, score: float) -> str:
        return f"{self.evaluator.first_seed + i}: {score:.2f}"


RANKED = "sample: realism (most, middle, least)"

NEIGHBOURS = "left, sample: ratio; then the training images nearest to it, by number"
