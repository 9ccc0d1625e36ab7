"""Claims a folder for each new run, so that runs that start at the same moment do not share one."""

import atexit
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

from gan_lightning.core.errors import UserError

claimed: set[Path] = set()
"""The folders that this process has claimed."""


def claim_folder(logs: Path) -> Path:
    """Creates `version_N` in a folder for a new run, with N one above the highest there.

    The first process of a training does so. (The others learn the folder by `Run.of`.)

    Args:
        logs: The folder of all runs; it need not exist.

    Raises:
        UserError: The folder cannot be created.
    """
    number = next_number(logs)
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
