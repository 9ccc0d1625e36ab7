"""Finds the checkpoint that `ckpt_path` means, and decides where training starts and writes."""

from dataclasses import dataclass
from pathlib import Path

from gan_lightning.core import checkpoint_files
from gan_lightning.core.errors import UserError
from gan_lightning.runs.checkpoint import Checkpoint, newest_first, without_tensors
from gan_lightning.runs.run import Run

CHECKPOINT_NAMES = ("last", "best")


def find_checkpoint(name: str | Path, root: str | Path = ".") -> Path | None:
    """Finds the checkpoint file meant by a file's name, a folder, `last` or `best`.

    A folder is a run's folder, or one that holds `lightning_logs`; the latter means its newest run.

    Args:
        name: The name. `last` and `best` mean the file of this name that was written last among the runs in `root`, by
            what the files say.
        root: The folder that holds `lightning_logs`.

    Returns:
        The file; None if there is no `last` or `best` yet.

    Raises:
        UserError: The name is a URL.
    """
    checkpoint_files.check_local(name)
    if str(name) in CHECKPOINT_NAMES and not Path(name).exists():
        folders = [Path(root), *Path(root).glob("lightning_logs/*")]
        files = [Run(folder).checkpoint(str(name)) for folder in folders]
        return next(iter(newest_first([file for file in files if file.is_file()])), None)
    path = Path(name)
    if not path.is_dir():
        return path
    last = Run(path).last
    return last if last.is_file() else find_checkpoint("last", path) or last


@dataclass
class Start:
    """The starting point of a training run.

    Args:
        checkpoint: The checkpoint to resume from; None to start from scratch.
        run: The run to continue in its own folder; None for a new folder.
        seen: The stamp of that run's last checkpoint when the start was decided.
    """

    checkpoint: Checkpoint | None = None
    run: Run | None = None
    seen: tuple[int, int, int] | None = None

    @property
    def iteration(self) -> int:
        return self.checkpoint.iteration if self.checkpoint else 0


def start(ckpt_path: str | None, root: str | Path | None) -> Start:
    """Reads the checkpoint and decides where to write.

    A resumed run continues in its own folder. If it has already passed the checkpoint, or another root is asked for,
    a new folder is used, so that nothing is lost.

    Args:
        ckpt_path: As given by the user.
        root: `trainer.default_root_dir`.
    """
    path = None if ckpt_path is None else find_checkpoint(ckpt_path, root or ".")
    if path is None:
        if ckpt_path == "best":
            raise UserError(f"there is no best.ckpt in {root or '.'}/lightning_logs yet: check ckpt_path")
        return Start()
    run = Run.around(path)
    seen = stamp(run.last) if run else None  # before anything is read
    checkpoint = Checkpoint(path)
    checkpoint_files.check_resumable(checkpoint.content, path)
    goes_on = run is not None and lies_in(run, root) and furthest(run, checkpoint) <= checkpoint.iteration
    return Start(checkpoint, run if goes_on else None, seen)


def check_unchanged(begin: Start) -> None:
    """Refuses to resume a run that another process has continued since the start was decided.

    Raises:
        UserError: Its last checkpoint is another file than it was.
    """
    if begin.run is not None and stamp(begin.run.last) != begin.seen:
        raise UserError(f"{begin.run.folder} has moved on: another process has trained it meanwhile; resume again")


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What tells a file from those that replace it; None if there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def lies_in(run: Run, root: str | Path | None) -> bool:
    """Whether training with this root may write to a run's folder."""
    return root is None or Path(root).resolve() in (run.folder.resolve(), *run.folder.resolve().parents)


def furthest(run: Run, checkpoint: Checkpoint) -> int:
    """The last iteration that a run has saved; the checkpoint's if the last one is missing or damaged."""
    if run.last.resolve() == checkpoint.path.resolve():
        return checkpoint.iteration
    return without_tensors(run.last).get("global_step", checkpoint.iteration)
