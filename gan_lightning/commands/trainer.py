"""Lightning's trainer from the options of a command."""

from typing import Any

from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer

from gan_lightning.core.errors import UserError


def trainer_with(options: dict[str, Any]) -> Trainer:
    """The trainer with these options.

    Raises:
        UserError: It refuses them.
    """
    try:
        return Trainer(**options)
    except (MisconfigurationException, ImportError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"the trainer refuses its options: {error}") from error
