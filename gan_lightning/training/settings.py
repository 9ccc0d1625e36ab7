"""The numbers of a model that can follow a schedule, by their paths below `model`.

These are the options of every player's optimizer, and the numbers among the arguments of the model and of its parts,
but not of its networks. Each starts at the value that the option has.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import Any, get_args, get_type_hints

import torch
from torch import Tensor
from torch.optim import Optimizer

from gan_lightning.core.configurable import Configurable, defaults_of, passed_on
from gan_lightning.core.errors import UserError
from gan_lightning.networks import Discriminator, Generator, ImageFeatures, ImageToImage
from gan_lightning.training.optimization import OptimizerFactory
from gan_lightning.training.rollback import SLOWED
from gan_lightning.training.schedules import Schedule

NETWORKS = (Generator, Discriminator, ImageFeatures, ImageToImage)


@dataclass(frozen=True)
class Setting:
    """A number of a model.

    Args:
        start: The value that its option has; None if that is null.
        assign: Sets the number, and returns what it is then.
        attempt: Makes again what has the number, with another value, to see whether it is refused.
    """

    start: float | None
    assign: Callable[[float], float]
    attempt: Callable[[float], object]


@dataclass(frozen=True)
class Scheduled:
    """A number and its schedule.

    Args:
        schedule: The schedule.
        start: The value at the start.
        assign: Sets the number, and returns what it is then.
        length: Iterations of the training run, if the schedule follows it.
    """

    schedule: Schedule
    start: float
    assign: Callable[[float], float]
    length: int | None

    def follow(self, iteration: int, images: int) -> float:
        """Sets the number to its value in an iteration, counted from 0, of so many images; returns what it is then."""
        done = self.schedule.done(iteration, images, self.length)
        return self.assign(self.schedule.value(self.start, done))


def scheduled(
    schedules: Mapping[str, Schedule], settings: Mapping[str, Setting], length: Callable[[str], int]
) -> dict[str, Scheduled]:
    """Finds what each schedule sets.

    Args:
        schedules: By path.
        settings: The numbers of the model, by path.
        length: Returns the iterations of the training run, for the option that takes them.

    Raises:
        UserError: A path names nothing, or a schedule begins or ends where it must not.
    """
    found = {}
    for path, schedule in schedules.items():
        setting = setting_named(path, settings)
        start = begun(path, setting, settings)
        check_ends(path, schedule, start, setting)
        planned = length(f"model.schedules.{path}.iterations") if schedule.follows_training else None
        found[path] = Scheduled(schedule, start, setting.assign, planned)
    return found


def setting_named(path: str, settings: Mapping[str, Setting]) -> Setting:
    """Returns the number that a path names."""
    if path not in settings:
        near = get_close_matches(path, settings, n=1, cutoff=0.6)
        choice = f"did you mean {near[0]}?" if near else f"there are {', '.join(settings)}"
        raise UserError(f"model.schedules names {path}, but the model has no such number; {choice}")
    return settings[path]


def begun(path: str, setting: Setting, settings: Mapping[str, Setting]) -> float:
    """Returns the value at which the schedule of a number starts."""
    if setting.start is not None:
        return setting.start
    factor = f"{path.rpartition('.')[0]}.strength"
    instead = f", or give the schedule to {factor}, a factor that begins at 1" if factor in settings else ""
    raise UserError(f"model.schedules.{path} begins at the value of model.{path}, which is null: set it{instead}")


def check_ends(path: str, schedule: Schedule, start: float, setting: Setting) -> None:
    """Refuses a schedule that does not begin and end at values that the option may have."""
    try:
        schedule.check(start)
        for done in (0.0, 1.0):
            setting.attempt(schedule.value(start, done))
    except (ValueError, TypeError, ArithmeticError) as error:
        raise UserError(f"model.schedules.{path} is refused: {error}") from error


# ---- parts ----------------------------------------------------------------------------------------------------------


def settings_of_parts(arguments: Mapping[str, Any]) -> dict[str, Setting]:
    """Returns the numbers of the parts of a model, but not of its networks."""
    return {
        f"{path}.{name}": setting
        for path, part in labelled(arguments)
        if isinstance(part, Configurable) and not isinstance(part, NETWORKS)
        for name, setting in settings_of(part, defaults_of(type(part)) | part.init_args).items()
    }


def turn_into_tensors(paths: Iterable[str], arguments: Mapping[str, Any], like: Tensor) -> None:
    """Keeps the numbers of parts that follow a schedule in tensors: a compiled function has other numbers built in."""
    for label, part in labelled(arguments):
        for name in {path.rpartition(".")[2] for path in paths if path.rpartition(".")[0] == label}:
            if isinstance(number := getattr(part, name, None), (int, float)):
                setattr(part, name, torch.tensor(number, dtype=like.dtype, device=like.device))


def labelled(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yields each argument, and each part of a list by its name: penalties.R1."""
    for name, value in arguments.items():
        if isinstance(value, (list, tuple)):
            labels = numbered([type(part).__name__ for part in value])
            yield from ((f"{name}.{label}", part) for label, part in zip(labels, value, strict=True))
        else:
            yield name, value


def numbered(names: list[str]) -> list[str]:
    """Returns the names, with numbers added to repeated ones: R1, R2, R1_2."""
    return [name if name not in names[:i] else f"{name}_{names[: i + 1].count(name)}" for i, name in enumerate(names)]


def settings_of(owner: Any, arguments: Mapping[str, Any]) -> dict[str, Setting]:
    """Returns the numbers that an object keeps: those of its arguments, and those that its class begins with."""
    found: dict[str, Setting] = {}
    for name in numbers_of(type(owner)):
        if name in arguments and hasattr(owner, name):
            attempt = partial(remade, type(owner), arguments, name)
            found[name] = Setting(arguments[name], partial(assign, owner, name), attempt)
        elif hasattr(type(owner), name):
            found[name] = Setting(getattr(type(owner), name), partial(assign, owner, name), partial(not_negative, name))
    return found


def numbers_of(cls: type) -> Iterator[str]:
    """Yields the names of a class's arguments and attributes that are fractional numbers."""
    for base in passed_on(cls):
        hints = get_type_hints(base.__init__)
        yield from (name for name, hint in hints.items() if float in (hint, *get_args(hint)))
    for base in cls.__mro__:
        yield from (name for name, value in vars(base).items() if isinstance(value, float))


def remade(cls: type, arguments: Mapping[str, Any], name: str, value: float) -> object:
    return cls(**{**arguments, name: value})


def not_negative(name: str, value: float) -> None:
    if not value >= 0:
        raise UserError(f"{name} is {value}; it must be at least 0")


def assign(owner: Any, name: str, value: float) -> float:
    """Sets an attribute, which is a number or a buffer of one."""
    if isinstance(held := getattr(owner, name), Tensor):
        held.fill_(value)
    else:
        setattr(owner, name, value)
    return value


# ---- optimizers -----------------------------------------------------------------------------------------------------


def settings_of_optimizer(
    optimizer: Optimizer, factory: OptimizerFactory, make: Callable[[OptimizerFactory], object]
) -> dict[str, Setting]:
    """Returns the numbers of a player's optimizer: lr, betas.0, betas.1, eps, weight_decay and so on.

    Args:
        optimizer: The optimizer, before its first step.
        factory: What has made it.
        make: Makes an optimizer of a factory.
    """
    found: dict[str, Setting] = {}
    for option, value in optimizer.defaults.items():
        for i, number in enumerate(value) if isinstance(value, (list, tuple)) else [(None, value)]:
            if isinstance(number, (int, float)) and not isinstance(number, bool):

                def attempt(new: float, option: str = option, value: Any = value, i: int | None = i) -> object:
                    return make(partial(factory, **{option: replaced(value, i, new)}))

                path = option if i is None else f"{option}.{i}"
                found[path] = Setting(number, partial(assign_option, optimizer, option, i), attempt)
    return found


def replaced(value: Any, i: int | None, new: float) -> Any:
    """Returns the new number, or the numbers with a new one in place i."""
    return new if i is None else (*value[:i], new, *value[i + 1 :])


def assign_option(optimizer: Optimizer, option: str, i: int | None, value: float) -> float:
    """Sets an option of an optimizer. A learning rate is multiplied by the factor of all roll-backs."""
    now = value
    for group in optimizer.param_groups:
        now = value * group.get(SLOWED, 1.0) if option == "lr" else value
        group[option] = replaced(group[option], i, now)
    return now
