"""Where a training goes on, and into which folder it writes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from gan_lightning import checkpoints
from gan_lightning.callbacks.run_folder import run_folder
from gan_lightning.errors import UserError
from gan_lightning.resuming import changes

NAMES = ("last", "best")


@dataclass
class Start:
    """Where a training starts.

    Args:
        checkpoint: The file from which it goes on; None at the very beginning.
        content: What the file holds.
        before: The run's folder in which the file lies, if it lies in one.
        folder: The folder of that run if it is continued there; None for a new one.
    """

    checkpoint: Path | None = None
    content: dict[str, Any] | None = None
    before: Path | None = None
    folder: Path | None = None

    @property
    def iteration(self) -> int:
        return self.content["global_step"] if self.content else 0


class Settings(Callback):
    """Writes `config.yaml` into the run's folder, and keeps it in checkpoints, so that a change of it is noticed.

    Args:
        words: The options of `gan fit`.
    """

    def __init__(self, words: dict[str, Any]) -> None:
        self.words = words

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        folder = run_folder(trainer)
        if trainer.is_global_zero:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "config.yaml").write_text(yaml.safe_dump(self.words, sort_keys=False))

    def state_dict(self) -> dict[str, Any]:
        return {"words": self.words}


def find(name: str | Path, root: str | Path = ".") -> Path | None:
    """The checkpoint file that is meant by a file's name, a folder, `last` or `best`.

    A folder is that of a run, or one that holds `lightning_logs`, whose newest run is meant.

    Args:
        name: `last` and `best` mean the newest of this name among the runs in `root`.
        root: Holds `lightning_logs`.

    Returns:
        The file; None if there is no `last` or `best` yet.

    Raises:
        UserError: It is an address.
    """
    checkpoints.check_local(name)
    if str(name) in NAMES and not Path(name).exists():
        folders = [Path(root), *Path(root).glob("lightning_logs/*")]
        files = [folder / "checkpoints" / f"{name}.ckpt" for folder in folders]
        return max((f for f in files if f.is_file()), key=lambda f: f.stat().st_mtime_ns, default=None)
    path = Path(name)
    if not path.is_dir():
        return path
    run = path / "checkpoints" / "last.ckpt"
    return run if run.is_file() else find("last", path) or run


def start(ckpt_path: str | None, root: str | Path | None) -> Start:
    """Reads the checkpoint, and decides where to write.

    A run is continued in its own folder. If it has gone further than the checkpoint, or another root is asked for, a
    new folder is begun, so that nothing is lost.

    Args:
        ckpt_path: As the user gave it.
        root: `trainer.default_root_dir`.
    """
    if ckpt_path is None:
        return Start()
    path = find(ckpt_path, root or ".")
    if path is None:
        if ckpt_path == "best":
            raise UserError(f"there is no best.ckpt in {root or '.'}/lightning_logs yet: check ckpt_path")
        return Start()
    content = checkpoints.read(path)
    checkpoints.check_resumable(content, path)
    here = Start(path, content, path.parent.parent if path.parent.name == "checkpoints" else None)
    if here.before and lies_in(here.before, root) and furthest(here.before, here.iteration) <= here.iteration:
        here.folder = here.before
    return here


def lies_in(run: Path, root: str | Path | None) -> bool:
    """Whether a run's folder is where a training with this root may write."""
    return root is None or Path(root).resolve() in (run.resolve(), *run.resolve().parents)


def furthest(run: Path, iteration: int) -> int:
    """The iteration of a run's `last.ckpt`."""
    last = run / "checkpoints" / "last.ckpt"
    return checkpoints.read(last)["global_step"] if last.is_file() else iteration


def announce(started: Start, asked: str | None, words: dict[str, Any], folder: Path) -> None:
    """Says where training goes on, and what is different from before."""
    if started.checkpoint is None:
        if asked is not None:
            print(f"there is no {asked}.ckpt yet: starting from the beginning")
        return
    print(f"going on from {started.checkpoint}, iteration {started.iteration:,}")
    if started.before and folder.resolve() != started.before.resolve():
        print(f"in a new folder: {started.before} is left as it is")
    assert started.content is not None
    before = started.content.get("callbacks", {}).get("Settings", {}).get("words")
    for change in changes(before, words) if before else []:
        print(f"changed: {change}")
