"""How a feature network learns, from labels or without."""

from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.optim import Adam

from gan_lightning.augmentation import Augmentation, DiffAugment
from gan_lightning.errors import UserError
from gan_lightning.learner import Learner, OptimizerFactory, Player, SchedulerFactory, labelled
from gan_lightning.networks.features import FeatureNetwork, alike, classification
from gan_lightning.processes import joined

ADAM: OptimizerFactory = partial(Adam, lr=1e-3)


class FeatureLearner(Learner):
    """A network learns the features by which `gan test` compares images: from labels, or without any.

    With labels it learns to name them (cross entropy). Without, it learns to recognise an image under random changes
    among all others of the batch, that of all processes: Chen et al., "A simple framework for contrastive learning of
    visual representations", 2020. https://arxiv.org/abs/2002.05709. Then large batches help.

    At the end, features.safetensors is written into the run's folder: `gan test --judge.extractor FILE`.

    Keep some images out of its training (data.held_out): it sees those that it has learnt in another way.

    Args:
        network: What learns; `classes` of it says whether there are labels.
        augmentation: The random changes under which an image stays the same one. With labels, usually none.
        temperature: Without labels, what cosines are divided by.
        network_optimizer: Takes the parameters, gives their optimizer.
        network_scheduler: Takes the optimizer, gives a learning-rate scheduler; it steps once an iteration.
        network_gradient_clip: The largest norm of the gradient; a larger gradient is scaled down to it.
        network_accumulation: Parts in which a batch is taken, one after the other.
        seed: Fixes all that is drawn in training, which also depends on the iteration and the process.

    Raises:
        UserError: There is nothing to learn from: neither labels nor changes.
    """

    panels: ClassVar = {"loss": {"loss": "loss/features"}, "share of the batch that is right": {"right": "right"}}

    def __init__(
        self,
        network: FeatureNetwork,
        augmentation: Augmentation | None = None,
        temperature: float = 0.2,
        network_optimizer: OptimizerFactory = ADAM,
        network_scheduler: SchedulerFactory | None = None,
        network_gradient_clip: float | None = None,
        network_accumulation: int = 1,
        seed: int = 0,
    ) -> None:
        super().__init__(locals(), network.image_shape, network.classes, seed)
        if not temperature > 0:
            raise UserError(f"model.temperature is {temperature}; it must be above 0")
        self.network, self.temperature = network, temperature
        self.augmentation = augmentation or (None if network.classes else DiffAugment())
        self.players = {
            "network": Player(
                network, network_optimizer, network_scheduler, network_gradient_clip, network_accumulation
            )
        }

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One step of the network."""
        iteration = self.begin()
        images, labels = labelled(batch)
        with self.turn("network") as turn:
            for x, y in self.parts((images.to(self.dtype), labels), turn):
                if self.classes:
                    scores = self.network.scores(self.network(self.changed(x)))
                    turn.learn(features=classification(scores, y))
                    right = (scores.argmax(1) == y).float().mean()
                else:
                    views = [joined(self.network.scores(self.network(self.changed(x)))) for _ in range(2)]
                    turn.learn(features=alike(views[0], views[1], self.temperature))
                    right = nearest_is_partner(views[0], views[1])
        self.finish(iteration)
        self.log_at_steps(lambda: {"loss/features": turn.terms["features"], "right": right})

    def changed(self, x: Tensor) -> Tensor:
        return x if self.augmentation is None else self.augmentation(x, self.normal, self.uniform)


def nearest_is_partner(first: Tensor, second: Tensor) -> Tensor:
    """The share of images whose second view is the nearest, by the cosine, to their first one."""
    cosines = torch.nn.functional.normalize(first.detach(), dim=1) @ torch.nn.functional.normalize(second, dim=1).T
    return (cosines.argmax(1) == torch.arange(len(first), device=first.device)).float().mean()
