"""A checkpoint file, read once, and its properties."""

import math
import re
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

import torch

from gan_lightning.core import checkpoint_files
from gan_lightning.core.archives import check_archive
from gan_lightning.core.errors import UserError
from gan_lightning.core.nesting import looked_up
from gan_lightning.runs.run import Run

SETTINGS = "ConfigWriter"
"""State key of the callback that stores a run's settings in its checkpoints."""

WRITTEN = "written"
"""Key of the time at which a checkpoint was written, in seconds since 1970."""

PICKLED = re.compile(rb"(?:X\x07\0\0\0|\x8c\x07)" + WRITTEN.encode() + rb"(?:q.|r.{4}|\x94)?G(.{8})", re.DOTALL)
"""This key and a float after it, as `pickle` writes them."""


class Checkpoint:
    """A checkpoint file and its content.

    Args:
        path: A local file. Nothing in it is executed.

    Raises:
        UserError: The file is missing, damaged, not a checkpoint, or holds code. Where the run, or another one beside
            it, has a whole checkpoint, the message names the newest.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.content = checkpoint_files.read(path)
        except UserError as error:
            raise UserError(f"{error}{offer(self.path)}") from error

    @property
    def iteration(self) -> int:
        checkpoint_files.check_form(self.content, {"global_step": int}, self.path)
        return self.content["global_step"]

    @property
    def run(self) -> Run | None:
        """The run that the file belongs to; None if it is not in a run's folder."""
        return Run.around(self.path)

    @property
    def settings(self) -> dict[str, Any]:
        """The options of the `gan fit` that wrote it; empty if a script wrote it."""
        words = looked_up(self.content, "callbacks", SETTINGS, "settings")
        return words if isinstance(words, dict) else {}

    @property
    def arguments(self) -> dict[str, Any]:
        """The model's arguments, in plain values."""
        return self.content["hyper_parameters"]


def without_tensors(path: Path) -> dict[str, Any]:
    """Reads a checkpoint without its tensors, which stay on the disk; nothing if it is damaged or missing."""
    try:
        check_archive(path, checksums=False)
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception:  # on foreign bytes the unpickler may raise anything
        return {}
    return content if isinstance(content, dict) else {}


def written_at(path: Path) -> float | None:
    """Returns when a checkpoint says that it was written, in seconds since 1970; None if it does not say.

    The number is searched for among the bytes, as unpickling a checkpoint takes about thirty times as long.
    """
    try:
        with zipfile.ZipFile(path) as file:
            (part,) = (p for p in file.infolist() if p.filename.endswith("/data.pkl"))
            found = None if part.compress_type else PICKLED.search(file.read(part))
    except (OSError, ValueError, EOFError, NotImplementedError, zipfile.BadZipFile):
        return None
    moment = struct.unpack(">d", found[1])[0] if found else math.nan
    return moment if math.isfinite(moment) else None


def newest_first(files: list[Path]) -> list[Path]:
    """Orders checkpoints by when they say they were written, and those that do not say by the time of the file.

    Of a file and its copies, the original comes first, if that can be told.
    """

    def age(path: Path) -> tuple[float, float, int]:
        changed, said = path.stat().st_mtime, written_at(path)
        return -(changed if said is None else said), changed, len(str(path))

    return sorted(sorted(files, reverse=True), key=age)  # last before best


def offer(path: Path) -> str:
    """Returns the end of a message about a damaged checkpoint: which other one is whole; empty if none is."""
    for other in others(path):
        try:
            iteration = checkpoint_files.read(other)["global_step"]
        except (UserError, KeyError):
            continue
        return f"; the newest whole checkpoint is {other}, iteration {iteration:,}: --ckpt_path {quote(str(other))}"
    return ""


def others(path: Path) -> Iterator[Path]:
    """Yields the other checkpoints of the run, then those of the runs beside it; the newest first."""
    run = Run.around(path)
    if run is None:
        return
    yield from newest_first([file for file in run.checkpoints() if file.name != path.name])
    beside = (Run(folder) for folder in run.folder.parent.iterdir() if folder.name != run.folder.name)
    yield from newest_first([file for other in beside for file in other.checkpoints()])
