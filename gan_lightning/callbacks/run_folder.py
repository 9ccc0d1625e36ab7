"""Where a run writes."""

import os
from pathlib import Path

from lightning.pytorch import Trainer

from gan_lightning.errors import UserError


def run_folder(trainer: Trainer) -> Path:
    """The run's folder: the first logger's, or the trainer's root where there is none. All processes must ask."""
    return Path(trainer.log_dir or trainer.default_root_dir)


def check_folder(folder: Path, key: str, what: str) -> None:
    """Makes a folder, before anything is done whose results it is to hold.

    Args:
        folder: May be there.
        key: The option that names it.
        what: It is to hold.

    Raises:
        UserError: It cannot be written into.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        refused = None if os.access(folder, os.W_OK) else "it may not be written into"
    except FileExistsError:
        refused = "it is a file"
    except OSError as error:
        refused = error.strerror
    if refused:
        raise UserError(f"{key} is {folder}, which cannot hold {what}: {refused}")
