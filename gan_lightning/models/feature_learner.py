"""The training of a feature network, with labels or without."""

from functools import partial
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim import Adam

from gan_lightning.augmentation import Augmentation, DiffAugment
from gan_lightning.core.distributed import joined
from gan_lightning.core.errors import UserError
from gan_lightning.core.precision import promoted
from gan_lightning.networks.contract import ImageFeatures
from gan_lightning.training.alternating import AlternatingModule
from gan_lightning.training.batch_checks import images_and_labels
from gan_lightning.training.optimization import Optimization, Player


class FeatureLearner(AlternatingModule):
    """A network that learns the features by which `gan test` compares images, with labels or without.

    With labels, it learns to classify (cross entropy). Without, it learns to recognise an image under random changes
    among all other images of the batch, over all processes: Chen et al., "A simple framework for contrastive learning
    of visual representations", 2020. https://arxiv.org/abs/2002.05709. Large batches help then.

    After training, features.safetensors is written into the run's folder, for `gan test --judge.extractor FILE`.

    Hold some images out of its training (data.held_out): the network responds differently to images it was trained on.

    Args:
        network: The network to train; its `classes` say whether there are labels.
        augmentation: The random changes under which an image counts as the same. With labels, usually none.
        temperature: Without labels, the divisor of cosines.
        network_optimization: The optimization of the network.
        seed: Fixes all random draws of training, which also depend on the iteration and the process.

    Raises:
        UserError: There is nothing to learn from: neither labels nor changes.
    """

    curves: ClassVar = {"loss": {"loss": "loss/features"}, "share of the batch that is right": {"right": "right"}}

    def __init__(
        self,
        network: ImageFeatures,
        augmentation: Augmentation | None = None,
        temperature: float = 0.2,
        network_optimization: Optimization = Optimization(partial(Adam, lr=1e-3)),
        seed: int = 0,
    ) -> None:
        super().__init__(network.image_shape, network.classes, seed)
        if not temperature > 0:
            raise UserError(f"model.temperature is {temperature}; it must be above 0")
        self.network, self.temperature = network, temperature
        self.augmentation = augmentation or (None if network.classes else DiffAugment())
        self.players = {"network": Player(network, network_optimization)}

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Updates the network once."""
        images, labels = images_and_labels(batch)
        with self.update_of("network") as update:
            for x, y in self.split((images.to(self.dtype), labels), update):
                if self.classes:
                    scores = self.network.scores(self.network(self.augment(x)))
                    update.backward(features=cross_entropy(scores, y))
                    update.record(right=scores.argmax(1) == y)
                else:
                    first, second = (joined(self.network.scores(self.network(self.augment(x)))) for _ in range(2))
                    update.backward(features=contrastive_loss(first, second, self.temperature))
                    update.record(right=partner_is_nearest(first, second))
        self.finish_iteration()
        metrics = lambda: {"loss/features": update.terms["features"], "right": update.recorded("right").float().mean()}  # noqa: E731
        self.log_at_steps(metrics)

    def augment(self, x: Tensor) -> Tensor:
        return x if self.augmentation is None else self.augmentation(x, self.normal, self.uniform)


def cross_entropy(logits: Tensor, y: Tensor) -> Tensor:
    """Returns the cross entropy, a scalar, of logits (N, K) for labels (N,), in 32 bits at least."""
    return F.cross_entropy(promoted(logits), y)


def contrastive_loss(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Returns the mean over i of -log softmax of s(i, i') among all s(i, j), j not i.

    i and i' are two views of the same image, and s is the cosine of two vectors over the temperature. Chen et al., "A
    simple framework for contrastive learning of visual representations", 2020, Equation 1.
    https://arxiv.org/abs/2002.05709

    Args:
        first: (N, d), one view of each image.
        second: (N, d), the other view.
        temperature: Above 0.
    """
    views = F.normalize(promoted(torch.cat([first, second])), dim=1)
    similarity = views @ views.T / temperature
    similarity.fill_diagonal_(-torch.inf)
    n = len(first)
    partner = torch.arange(2 * n, device=views.device).roll(n)
    return F.cross_entropy(similarity, partner)


def partner_is_nearest(first: Tensor, second: Tensor) -> Tensor:
    """Returns whether each image's second view is the nearest, by the cosine, to its first; bool (N,)."""
    cosines = F.normalize(first.detach(), dim=1) @ F.normalize(second.detach(), dim=1).T
    return cosines.argmax(1) == torch.arange(len(first), device=first.device)
