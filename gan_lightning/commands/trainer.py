"""Lightning's trainer from the options of a command."""

from typing import Any

from jsonargparse import Namespace
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer

from gan_lightning.errors import UserError


def options_of(group: Namespace) -> dict[str, Any]:
    """The options as arguments."""
    return dict(group.items(branches=True, nested=False))


def trainer_with(options: dict[str, Any]) -> Trainer:
    try:
        return Trainer(**options)
    except (MisconfigurationException, ImportError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"the trainer refuses its options: {error}") from error
