"""Which recipe suits images of one's own, on this machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil

from gan_lightning.commands.machine import Machine
from gan_lightning.core.errors import UserError
from gan_lightning.data.survey import Survey

SIZES = (256, 128, 64, 32, 16)
"""Heights and widths to choose from."""

LARGEST_ON_A_CPU = 64

ENLARGED = 4 / 3
"""How much larger than most images a size may be."""

SET_APART, LEAST_SET_APART = 0.1, 30
"""The fraction of the images that is set apart, and their least number; samples are judged against them."""

MOST_SET_APART = 0.3
"""If more were needed, none are held out: so few images are all needed to learn from."""

LEAST_IN_A_CLASS, MOST_CLASSES = 50, 100
"""With fewer images in some class, or with more classes, labels are not used."""


@dataclass(frozen=True)
class Recipe:
    """What to train with.

    Args:
        config: The name of a config of the package.
        why: A clause that says why.
    """

    config: str
    why: str

    def __str__(self) -> str:
        return f"{self.config}, {self.why}"


def recipe_for(machine: Machine) -> Recipe:
    """Returns the recipe for a machine."""
    return Recipe("few", "no GPU")


def sizes_for(survey: Survey, machine: Machine, size: int | None) -> Iterator[int]:
    """Yields sizes to try, the largest first; only the asked one if there is one.

    Raises:
        UserError: No network makes images of the asked size.
    """
    if size is not None:
        if size < 8 or size % 4:
            raise UserError(f"--size is {size}; it must be a multiple of 4, at least 8")
        yield size
        return
    most = min(survey.side * ENLARGED, SIZES[0] if machine.gpu else LARGEST_ON_A_CPU)
    yield from [size for size in SIZES if size <= most] or SIZES[-1:]


def uses_labels(survey: Survey) -> bool:
    """Whether the folders are classes that a network can learn."""
    return 0 < len(survey.classes) <= MOST_CLASSES and min(survey.classes.values()) >= LEAST_IN_A_CLASS


def held_out(images: int) -> float:
    """Returns the fraction of the images that is set apart to judge samples against."""
    share = max(SET_APART, ceil(100 * LEAST_SET_APART / images) / 100)
    return share if share <= MOST_SET_APART else 0.0
