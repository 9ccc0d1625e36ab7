"""The optimization of one player: optimizer, learning-rate schedule, gradient clipping, accumulation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from torch import nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler

from gan_lightning.core.configurable import made_by, record
from gan_lightning.core.errors import UserError

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
SchedulerFactory = Callable[[Optimizer], LRScheduler]

CLASSIC_ADAM: OptimizerFactory = partial(Adam, lr=2e-4, betas=(0.5, 0.999))
"""Radford et al., "Unsupervised representation learning with deep convolutional generative adversarial networks", 2016,
Section 4. https://arxiv.org/abs/1511.06434"""


@record
@dataclass(frozen=True)
class Optimization:
    """The optimization of one player.

    Args:
        optimizer: The optimizer of the player's parameters.
        scheduler: One of torch's learning-rate schedulers, one step per iteration. `schedules` of the model changes
            learning rates, too.
        gradient_clip: Maximum norm of the gradient; a larger gradient is scaled down to it. Null for no limit.
        accumulation: Number of microbatches that a batch is split into: the same step in less memory.
    """

    optimizer: OptimizerFactory = CLASSIC_ADAM
    scheduler: SchedulerFactory | None = None
    gradient_clip: float | None = None
    accumulation: int = 1

    def check(self, key: str) -> None:
        """Refuses values that are out of range.

        Args:
            key: The option that holds this object.

        Raises:
            UserError: Names the value and the rule.
        """
        if self.gradient_clip is not None and not self.gradient_clip > 0:
            raise UserError(f"{key}.gradient_clip is {self.gradient_clip}; it must be above 0, or null for no limit")
        if self.accumulation < 1:
            raise UserError(f"{key}.accumulation is {self.accumulation}; it must be at least 1")


@dataclass
class Player:
    """A network and its optimization.

    Args:
        network: The network.
        optimization: How it is optimized.
    """

    network: nn.Module
    optimization: Optimization


RULES = {
    "learning rate": ("lr", "it must be at least 0"),
    "beta": ("betas", "each must be at least 0 and below 1"),
    "epsilon": ("eps", "it must be at least 0"),
    "weight_decay": ("weight_decay", "it must be at least 0"),
    "momentum": ("momentum", "it must be at least 0"),
}
"""What torch calls the options of optimizers in its messages, their names, and their ranges."""


def refusal_of(factory: OptimizerFactory, key: str, message: str) -> str:
    """Returns the message for an optimizer that refuses its options.

    Args:
        factory: Makes the optimizer.
        key: The option that holds it.
        message: What torch says.
    """
    given = made_by(factory)[1]
    for words, (name, rule) in RULES.items():
        if words in message and name in given:
            return f"{key}.{name} is {given[name]}; {rule}"
    return f"{key} refuses its options: {message}; change them"
