"""Schedules: how a number of a model changes during training, as functions of how much of it is done.

Nothing is counted and nothing is stored: `training/settings.py` sets each number at the start of every iteration, from
the iteration alone. To add a schedule, write a class here or in a file of your own, and name it in YAML:
`schedules: {average_decay: my_schedules.Mine}`.
"""

from abc import ABC, abstractmethod
from math import cos, pi

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.errors import UserError


class Schedule(Configurable, ABC):
    """A number that goes from where its option starts to an end, and then stays there.

    Args:
        end: The final value.
        iterations: Iterations until then. If null, the whole training run, unless `images` is given.
        images: Training images until then, over all processes, in place of iterations.
    """

    def __init__(self, end: float, iterations: int | None = None, images: int | None = None) -> None:
        for name, length in {"iterations": iterations, "images": images}.items():
            if length is not None and length < 1:
                raise UserError(f"{name} of {type(self).__name__} is {length}; it must be at least 1")
        if iterations is not None and images is not None:
            raise UserError(f"{type(self).__name__} has both iterations and images: leave one out")
        self.end, self.iterations, self.images = end, iterations, images

    @abstractmethod
    def value(self, start: float, done: float) -> float:
        """Returns the value when a share of the schedule is done.

        Args:
            start: The value at the start.
            done: From 0 to 1.
        """

    def check(self, start: float) -> None:
        """Refuses a start that the schedule cannot begin from. By default it takes any."""

    @property
    def follows_training(self) -> bool:
        """Whether it is as long as the training run."""
        return self.iterations is None and self.images is None

    def done(self, iteration: int, images: int, length: int | None) -> float:
        """Returns the share of the schedule, from 0 to 1, that is done when an iteration begins.

        Args:
            iteration: Iterations before it.
            images: Images of an iteration, over all processes.
            length: Iterations of the training run.
        """
        if self.images is not None:
            return min(1.0, iteration * images / self.images)
        total = length if self.iterations is None else self.iterations
        assert total is not None, "a schedule that follows the training needs its length"
        return min(1.0, iteration / total)


class Linear(Schedule):
    """A straight line: end + (start - end) (1 - s), when a share s of the schedule is done.

    Args:
        end: The final value.
        iterations: Iterations until then. If null, the whole training run, unless `images` is given.
        images: Training images until then, over all processes, in place of iterations.
    """

    def __init__(self, end: float = 0.0, iterations: int | None = None, images: int | None = None) -> None:
        super().__init__(end, iterations, images)

    def value(self, start: float, done: float) -> float:
        return self.end + (start - self.end) * (1 - done)


class Cosine(Schedule):
    """Half a cosine: end + (start - end) (1 + cos(pi s)) / 2, when a share s of the schedule is done.

    Loshchilov and Hutter, "SGDR: stochastic gradient descent with warm restarts", 2017, Equation 5.
    https://arxiv.org/abs/1608.03983

    Args:
        end: The final value.
        iterations: Iterations until then. If null, the whole training run, unless `images` is given.
        images: Training images until then, over all processes, in place of iterations.
    """

    def __init__(self, end: float = 0.0, iterations: int | None = None, images: int | None = None) -> None:
        super().__init__(end, iterations, images)

    def value(self, start: float, done: float) -> float:
        return self.end + (start - self.end) * (1 + cos(pi * done)) / 2


class Power(Schedule):
    """A power of the rest: end + (start - end) (1 - s)^power, when a share s of the schedule is done.

    Args:
        end: The final value.
        power: Above 0. Below 1, the value stays near its start for longer than on a straight line.
        iterations: Iterations until then. If null, the whole training run, unless `images` is given.
        images: Training images until then, over all processes, in place of iterations.
    """

    def __init__(
        self, end: float = 0.0, power: float = 0.5, iterations: int | None = None, images: int | None = None
    ) -> None:
        super().__init__(end, iterations, images)
        if not power > 0:
            raise UserError(f"power of Power is {power}; it must be above 0")
        self.power = power

    def value(self, start: float, done: float) -> float:
        return self.end + (start - self.end) * (1 - done) ** self.power


class Exponential(Schedule):
    """An equal factor in equal times: start (end / start)^s, when a share s of the schedule is done.

    Args:
        end: The final value; it and the start must be above 0.
        iterations: Iterations until then. If null, the whole training run, unless `images` is given.
        images: Training images until then, over all processes, in place of iterations.
    """

    def __init__(self, end: float, iterations: int | None = None, images: int | None = None) -> None:
        super().__init__(end, iterations, images)
        if not end > 0:
            raise UserError(f"end of Exponential is {end}; it must be above 0")

    def check(self, start: float) -> None:
        if not start > 0:
            raise UserError(f"Exponential cannot begin at {start:g}: set it above 0, or choose Linear")

    def value(self, start: float, done: float) -> float:
        return start * (self.end / start) ** done
