"""A run on disk: where everything in its folder lies."""

import os
from dataclasses import dataclass
from pathlib import Path

from lightning.pytorch import Trainer

from gan_lightning.core.errors import UserError

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Run:
    """The folder of one training, and the paths in it. Nothing need be there yet.

    Args:
        folder: The run's folder.
    """

    folder: Path

    @classmethod
    def of(cls, trainer: Trainer) -> "Run":
        """The run that a trainer writes: the first logger's folder, or the trainer's root without one. All processes
        must ask.
        """
        return cls(Path(trainer.log_dir or trainer.default_root_dir))

    @classmethod
    def around(cls, checkpoint: Path) -> "Run | None":
        """The run in which a checkpoint lies; None if it lies in none."""
        return cls(checkpoint.parent.parent) if checkpoint.parent.name == CHECKPOINTS else None

    def checkpoint(self, name: str) -> Path:
        """A checkpoint: last, best, healthy, or final, which becomes the last one when all else is written."""
        return self.folder / CHECKPOINTS / (".final.ckpt" if name == "final" else f"{name}.ckpt")

    @property
    def last(self) -> Path:
        return self.checkpoint("last")

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def metrics(self) -> Path:
        return self.folder / "metrics.csv"

    @property
    def losses(self) -> Path:
        return self.folder / "losses.png"

    @property
    def animation(self) -> Path:
        return self.folder / "training.gif"

    @property
    def features(self) -> Path:
        return self.folder / "features.safetensors"

    def grid(self, step: int) -> Path:
        return self.folder / "grids" / f"step-{step:07d}.png"

    def reconstructions(self, step: int) -> Path:
        return self.folder / "reconstructions" / f"step-{step:07d}.png"

    def written(self) -> dict[str, Path]:
        """What there is of all that a training writes, by what it is; of pictures, the newest."""
        files = {
            "samples": max(self.folder.glob("grids/*.png"), default=None),
            "reconstructions": max(self.folder.glob("reconstructions/*.png"), default=None),
            "animation": self.animation,
            "curves": self.losses,
            "metrics": self.metrics,
            "config": self.config,
            "features": self.features,
            "model": self.last,
        }
        return {name: path for name, path in files.items() if path is not None and path.is_file()}


def check_folder(folder: Path, key: str, what: str) -> None:
    """Makes a folder, before any work is done whose results it is to hold.

    Args:
        folder: May be there already.
        key: The option that names it.
        what: What it is to hold.

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
        raise UserError(f"{key} is {folder}, which cannot hold {what}: {refused}; name another folder")
