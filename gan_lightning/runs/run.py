"""The folder of a run and the paths in it."""

import os
from dataclasses import dataclass
from pathlib import Path

from lightning.pytorch import Trainer

from gan_lightning.core.errors import UserError

CHECKPOINTS = "checkpoints"


@dataclass(frozen=True)
class Run:
    """The folder of one training run and the paths in it, which need not exist yet.

    Args:
        folder: The run's folder.
    """

    folder: Path

    @classmethod
    def of(cls, trainer: Trainer) -> "Run":
        """The run that a trainer writes: its first logger's folder, or its root without a logger.

        All processes must call it.
        """
        return cls(Path(trainer.log_dir or trainer.default_root_dir))

    @classmethod
    def around(cls, checkpoint: Path) -> "Run | None":
        """The run that a checkpoint belongs to; None if it is not in a run's folder."""
        return cls(checkpoint.parent.parent) if checkpoint.parent.name == CHECKPOINTS else None

    def checkpoint(self, name: str) -> Path:
        """The path of a checkpoint: last, best, healthy, or final, which replaces last once all else is written."""
        return self.folder / CHECKPOINTS / (".final.ckpt" if name == "final" else f"{name}.ckpt")

    def checkpoints(self) -> list[Path]:
        """The existing checkpoints."""
        return [path for path in self.folder.glob(f"{CHECKPOINTS}/*.ckpt") if path.is_file()]

    @property
    def last(self) -> Path:
        return self.checkpoint("last")

    @property
    def config(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def lock(self) -> Path:
        return self.folder / ".lock"

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
        """The existing output files of the run, by kind; for pictures, only the newest."""
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
    """Creates a folder for results, before any work is done for them.

    Args:
        folder: The folder; it may exist.
        key: The option that names it.
        what: The results, for the error message.

    Raises:
        UserError: The folder is not writable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        refused = None if os.access(folder, os.W_OK) else "it is not writable"
    except FileExistsError:
        refused = "it is a file"
    except OSError as error:
        refused = error.strerror
    if refused:
        raise UserError(f"{key} is {folder}, which cannot hold {what}: {refused}; name another folder")
