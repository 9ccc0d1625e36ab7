"""Learning-rate schedules over the whole training run, whose length they take from the trainer."""

from math import cos, pi

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from gan_lightning.core.errors import UserError


class PolynomialDecay(LRScheduler):
    """The learning rate falls to zero: after t iterations it is multiplied by (1 - t / iterations)^power.

    Args:
        optimizer: The optimizer whose rates fall.
        iterations: Iterations until the end; null for the length of the training run.
        power: 1 for a straight line; below 1, the rate stays high for longer.
    """

    def __init__(self, optimizer: Optimizer, iterations: int | None = None, power: float = 1.0) -> None:
        self.iterations, self.power = known_length(iterations), power
        super().__init__(optimizer)

    def get_lr(self) -> list:
        left = 1 - min(1.0, self.last_epoch / self.iterations)
        return [rate * left**self.power for rate in self.base_lrs]


class CosineDecay(LRScheduler):
    """The learning rate falls along half a cosine, times end + (1 - end) (1 + cos(pi t / iterations)) / 2, then stays.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, Equation 5.
    https://arxiv.org/abs/1608.03983

    Args:
        optimizer: The optimizer whose rates fall.
        iterations: Iterations until the end; null for the length of the training run.
        end: Fraction of the rate that is left at the end.
    """

    def __init__(self, optimizer: Optimizer, iterations: int | None = None, end: float = 0.0) -> None:
        self.iterations, self.end = known_length(iterations), end
        super().__init__(optimizer)

    def get_lr(self) -> list:
        share = self.end + (1 - self.end) * (1 + cos(pi * min(1.0, self.last_epoch / self.iterations))) / 2
        return [rate * share for rate in self.base_lrs]


def known_length(iterations: int | None) -> int:
    """Checks and returns the length of a schedule.

    Raises:
        UserError: The length is unknown or below 1.
    """
    if iterations is None or iterations < 1:
        raise UserError(f"iterations of the schedule is {iterations}; it must be at least 1")
    return iterations
