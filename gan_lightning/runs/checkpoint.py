"""A checkpoint file, read once, and its properties."""

from pathlib import Path
from typing import Any

from gan_lightning.core import checkpoint_files
from gan_lightning.runs.run import Run

SETTINGS = "ConfigWriter"
"""State key of the callback that stores a run's settings in its checkpoints."""


class Checkpoint:
    """A checkpoint file and its content.

    Args:
        path: A local file. Nothing in it is executed.

    Raises:
        UserError: The file is missing, damaged, not a checkpoint, or holds code.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.content: dict[str, Any] = checkpoint_files.read(path)

    @property
    def iteration(self) -> int:
        return self.content["global_step"]

    @property
    def run(self) -> Run | None:
        """The run that the file belongs to; None if it is not in a run's folder."""
        return Run.around(self.path)

    @property
    def settings(self) -> dict[str, Any]:
        """The options of the `gan fit` that wrote it; empty if a script wrote it."""
        return self.content.get("callbacks", {}).get(SETTINGS, {}).get("settings", {})

    @property
    def arguments(self) -> dict[str, Any]:
        """The model's arguments, in plain values."""
        return self.content["hyper_parameters"]
