"""Where a run writes."""

from pathlib import Path

from lightning.pytorch import Trainer


def run_folder(trainer: Trainer) -> Path:
    """The run's folder: the first logger's, or the trainer's root where there is none. All processes must ask."""
    return Path(trainer.log_dir or trainer.default_root_dir)
