"""The training of a feature network, with labels or without."""

from collections.abc import Mapping
from functools import partial
from itertools import permutations
from math import log
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Adam

from gan_lightning.augmentation import Augmentation, View
from gan_lightning.core.errors import UserError
from gan_lightning.core.precision import promoted
from gan_lightning.core.seeding import Draw
from gan_lightning.networks.contract import QUARTERS, ImageFeatures
from gan_lightning.training.alternating import AlternatingModule
from gan_lightning.training.batch_checks import images_and_labels
from gan_lightning.training.optimization import Optimization, Player
from gan_lightning.training.schedules import Schedule


class FeatureLearner(AlternatingModule):
    """A network that learns the features by which `gan test` compares images, with labels or without.

    With labels, it learns to classify. Without, the quarters of each image are shuffled, and it learns in which of the
    24 orders they are: Noroozi and Favaro, "Unsupervised learning of visual representations by solving jigsaw puzzles",
    2016. https://arxiv.org/abs/1603.09246. They shuffle nine patches with gaps, so that a network does not look at the
    edges; here it shall, as what happens at an edge depends on the finest details. Both have the cross entropy as loss.

    After training, features.safetensors is written into the run's folder, for `gan test --judge.extractor FILE`. If
    enough images were held out (data.held_out), known damage to them shows what the network sees; the results are
    printed, drawn in ladder.png, and kept in the file.

    Hold some images out of its training: the network responds differently to images it was trained on.

    Args:
        network: The network to train; its `classes` say whether there are labels.
        puzzles: Whether to learn from shuffled quarters. If null, only without labels. With both, a network sees what
            images show and their finest details.
        augmentation: Random changes of the images; usually none. What it changes, the features may no longer see.
        network_optimization: The optimization of the network.
        schedules: What changes during training: the path of a number below `model`, and its schedule.
        seed: Fixes all random draws of training, which also depend on the iteration and the process.

    Raises:
        UserError: There is nothing to learn from: neither labels nor puzzles.
    """

    curves: ClassVar = {"loss": {"loss": "loss/features"}, "share of the batch that is right": {"right": "right"}}

    def __init__(
        self,
        network: ImageFeatures,
        puzzles: bool | None = None,
        augmentation: Augmentation | None = None,
        network_optimization: Optimization = Optimization(partial(Adam, lr=1e-3)),
        schedules: Mapping[str, Schedule] = {},
        seed: int = 0,
    ) -> None:
        super().__init__(network.image_shape, network.classes, seed)
        self.puzzles = not network.classes if puzzles is None else puzzles
        if not (self.puzzles or network.classes):
            raise UserError("there is nothing to learn from: set model.puzzles to true, or model.network.classes")
        self.network, self.augmentation = network, augmentation
        self.players = {"network": Player(network, network_optimization)}
        choices = [count for count in (network.classes, len(ORDERS) * self.puzzles) if count]
        loss, right = self.curves
        self.levels = {loss: {"chance": sum(map(log, choices))}, right: {"chance": 1 / choices[0]}}

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Updates the network once."""
        images, labels = images_and_labels(batch)
        with self.update_of("network") as update:
            for x, y in self.split((images.to(self.dtype), labels), update):
                questions = self.questions(self.augment(x), y)
                update.backward(**{name: cross_entropy(scores, answer) for name, (scores, answer) in questions.items()})
                scores, answer = next(iter(questions.values()))
                update.record(right=scores.argmax(1) == answer)
        self.finish_iteration()
        self.log_at_steps(
            lambda: {"loss/features": update.loss, "right": update.recorded("right").float().mean()},
        )

    def questions(self, x: Tensor, y: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
        """Returns the logits (N, K) and the right answers (N,) of each question that the network learns to answer."""
        asked = {}
        if self.classes:
            asked["labels"] = self.network.scores(self.network(x)), y
        if self.puzzles:
            shuffled, order = puzzle(x, self.uniform)
            asked["puzzles"] = self.network.order_scores(self.network(shuffled)), order
        return asked

    def augment(self, x: Tensor) -> Tensor:
        return View(self.augmentation, self.image_shape, self.normal, self.uniform)(x)


ORDERS = torch.tensor(list(permutations(range(QUARTERS))))


def puzzle(x: Tensor, uniform: Draw) -> tuple[Tensor, Tensor]:
    """Shuffles the quarters of images. A middle row or column of an odd size stays where it is.

    Args:
        x: Images (N, C, H, W).
        uniform: Draws numbers uniform in [0, 1) of a shape that begins with N.

    Returns:
        The shuffled images (N, C, H, W), and the number (N,) of the order in which their quarters are.
    """
    order = (uniform(len(x)).double() * len(ORDERS)).long().to(x.device)
    height, width = (side // 2 for side in x.shape[2:])
    tops, lefts = (0, x.shape[2] - height), (0, x.shape[3] - width)
    corners = [(top, left) for top in tops for left in lefts]
    parts = torch.stack([x[:, :, top : top + height, left : left + width] for top, left in corners], dim=1)
    parts = parts[torch.arange(len(x), device=x.device)[:, None], ORDERS.to(x.device)[order]]
    shuffled = x.clone()
    for part, (top, left) in zip(parts.unbind(1), corners, strict=True):
        shuffled[:, :, top : top + height, left : left + width] = part
    return shuffled, order


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Returns the cross entropy, a scalar, of logits (N, K) for labels (N,), in 32 bits at least."""
    return F.cross_entropy(promoted(logits), y)
