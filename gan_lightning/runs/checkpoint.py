"""A checkpoint on disk, read once, and what there is to know of it."""

from pathlib import Path
from typing import Any

from gan_lightning.core import checkpoint_files
from gan_lightning.runs.run import Run

SETTINGS = "ConfigWriter"
"""The state of the callback that keeps a run's settings in its checkpoints."""


class Checkpoint:
    """A checkpoint file and its content.

    Args:
        path: A file on this machine. Nothing in it is executed.

    Raises:
        UserError: There is no such file, it is damaged, it is no checkpoint, or it holds code.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.content: dict[str, Any] = checkpoint_files.read(path)

    @property
    def iteration(self) -> int:
        return self.content["global_step"]

    @property
    def run(self) -> Run | None:
        """The run in whose folder it lies, if it lies in one."""
        return Run.around(self.path)

    @property
    def settings(self) -> dict[str, Any]:
        """The options of the `gan fit` that wrote it; empty if a script did."""
        return self.content.get("callbacks", {}).get(SETTINGS, {}).get("settings", {})

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of the model, in words."""
        return self.content["hyper_parameters"]
