"""Claims a folder for each new run, so that runs that start at the same moment do not share one."""

import atexit
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from lightning.pytorch.utilities.rank_zero import rank_zero_only

from gan_lightning.core.errors import UserError

RANKS = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")
"""Variables that hold the rank of a process, in Lightning's order: the first one that is set counts."""

NODE_RANKS = ("NODE_RANK", "GROUP_RANK")
"""The same for the machine, where each machine starts its own processes."""

claimed: set[Path] = set()
"""The folders that this process has claimed."""


def claim_folder(logs: Path) -> Path:
    """Creates `version_N` in a folder for a new run, with N one above the highest there.

    The first process of a training claims the folder. (The others learn it by `Run.of`.)

    Args:
        logs: The folder of all runs; it need not exist.

    Returns:
        The new folder. In another process than the first, a folder that need not exist.

    Raises:
        UserError: The folder cannot be created.
    """
    number = next_number(logs)
    if not leads():
        return logs / f"version_{number}"
    try:
        logs.mkdir(parents=True, exist_ok=True)
        while not made(logs / f"version_{number}"):
            number += 1
    except OSError as error:
        refused = "it is a file" if logs.is_file() else error.strerror
        raise UserError(
            f"{logs} cannot hold a run: {refused}; move it away, or set trainer.default_root_dir to another folder"
        ) from error
    folder = logs / f"version_{number}"
    claimed.add(folder.resolve())
    return folder


def leads() -> bool:
    """Whether this process is the first of its training, as far as is known before the processes meet."""
    ranks = [int(os.environ[name]) for name in RANKS if os.environ.get(name, "").isdigit()][:1]
    nodes = [int(os.environ[name]) for name in NODE_RANKS if os.environ.get(name, "").isdigit()][:1]
    return not any([getattr(rank_zero_only, "rank", 0), *ranks, *nodes])


def next_number(logs: Path) -> int:
    """Returns the number above all existing ones."""
    try:
        names = os.listdir(logs)
    except OSError:
        return 0
    return max((int(n[1]) for n in map(re.compile(r"version_(\d+)").fullmatch, names) if n), default=-1) + 1


def made(folder: Path) -> bool:
    """Creates a folder. If several processes do so at the same moment, one of them succeeds, even on network disks."""
    try:
        os.mkdir(folder)
    except FileExistsError:
        return False
    return True


def discard(folder: Path) -> None:
    """Deletes a folder if this process has claimed it."""
    if folder.resolve() in claimed:
        claimed.discard(folder.resolve())
        shutil.rmtree(folder, ignore_errors=True)


@atexit.register
def discard_empty() -> None:
    """Deletes the claimed folders into which nothing was written."""
    for folder in claimed:
        with suppress(OSError):
            folder.rmdir()
