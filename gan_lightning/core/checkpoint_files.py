"""Checkpoint files: reading one never executes code, writing one is atomic."""

import os
import pickle
import re
import warnings
from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO, TorchCheckpointIO
from lightning.pytorch.strategies import Strategy
from torch import nn

from gan_lightning.core.archives import check_archive
from gan_lightning.core.errors import UserError


def read(path: str | Path, map_location: Any = "cpu") -> dict[str, Any]:
    """Reads a checkpoint that holds only tensors and plain values.

    Args:
        path: A local file, not a URL.
        map_location: The device for the tensors, as for `torch.load`.

    Raises:
        UserError: The file is missing, damaged, not a checkpoint, holds code, or needs much more memory than it has
            bytes.
    """
    check_local(path)
    if not Path(path).is_file():
        raise UserError(
            f"there is no checkpoint {path}: ckpt_path takes a file, a run's folder, or last for the newest run in "
            "lightning_logs here"
        )
    check_archive(path)
    checkpoint = read_tensors(path, map_location)
    check_form(checkpoint, {"state_dict": dict, "hyper_parameters": dict}, path)
    if not all(isinstance(tensor, torch.Tensor) for tensor in checkpoint["state_dict"].values()):
        raise UserError(f"{path} is not a checkpoint of gan_lightning: its state_dict holds more than tensors")
    return checkpoint


def read_tensors(path: str | Path, map_location: Any = "cpu") -> Any:
    """Reads a file written by `torch.save` that holds only tensors and plain values.

    Raises:
        UserError: The file is damaged or holds code.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of other pickle formats
            return torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} was not loaded: it is damaged, or holds more than tensors and plain values{named_in(error)}, "
            "which could execute code; name a checkpoint that gan fit wrote"
        ) from error
    except Exception as error:  # on foreign bytes the unpickler may raise anything
        raise UserError(f"{path} is damaged or is not a checkpoint: name one that gan fit wrote") from error


def check_local(path: str | Path) -> None:
    """Refuses URLs.

    Raises:
        UserError: The path is a URL.
    """
    if "://" in str(path):
        raise UserError(f"{path} is a URL: download the checkpoint first, then name the file")


VERSION = "gan-lightning_version"
"""The entry with the version of this package that wrote a checkpoint."""

RESUMABLE_FORM = {"optimizer_states": list, "lr_schedulers": list, "loops": dict, "callbacks": dict, "global_step": int}
"""The entries that training needs to resume from a checkpoint, and their types."""


def check_resumable(checkpoint: dict[str, Any], path: str | Path) -> None:
    """Refuses a checkpoint that holds a model but no training state.

    Raises:
        UserError: An entry is missing or has the wrong type.
    """
    check_form(checkpoint, RESUMABLE_FORM, path, "; training cannot resume from it, but it can still generate samples")
    check_form(checkpoint["loops"], {"fit_loop": dict}, path)


def check_form(content: Any, form: dict[str, type], path: str | Path, advice: str = "") -> None:
    for key, kind in form.items():
        if not isinstance(content, dict) or not isinstance(content.get(key), kind):
            raise UserError(f"{path} is not a complete checkpoint of gan_lightning: no {key}{advice}")


def named_in(error: pickle.UnpicklingError) -> str:
    """The name that a pickle wanted to call, in brackets; empty if the error names none."""
    name = re.search(r"GLOBAL (\S+)", str(error))
    return f" ({name[1]})" if name else ""


def check_fits(state: Mapping[str, torch.Tensor], model: nn.Module, path: object) -> None:
    """Refuses weights that do not fit the model, or are not finite.

    Raises:
        UserError: A tensor is missing, unexpected, of another shape or not finite; the message names the first.
    """
    theirs = {name: tuple(tensor.shape) for name, tensor in state.items()}
    ours = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name in [*ours, *theirs]:
        if ours.get(name) != theirs.get(name):
            raise UserError(
                f"{path} does not fit this model: {name} is {theirs.get(name, 'missing')} in the file and "
                f"{ours.get(name, 'missing')} in the model; its run's config.yaml has the options it was trained with"
            )
        if not state[name].isfinite().all():
            raise UserError(f"{path} holds weights that are not finite ({name}): use an earlier checkpoint")


def origin(checkpoint: dict[str, Any]) -> str:
    """The version of this package that wrote a checkpoint, for a message; empty if it is the one that reads it."""
    wrote, reads = checkpoint.get(VERSION), version("gan-lightning")
    return "" if wrote in (None, reads) else f"; gan-lightning {wrote} wrote it, and this is {reads}: update it"


def write(content: dict[str, Any], path: str | Path) -> None:
    """Writes a checkpoint to a temporary file in the same folder, flushes it to disk, then renames it.

    The file of this name is complete at any moment: either the old one or the new one.

    Raises:
        UserError: The disk is full or the folder is not writable; the old file is kept.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        check_readable(part)
        os.replace(part, path)
        sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        cause = error if isinstance(error, OSError) else error.__context__  # torch's error hides the disk's
        if not isinstance(cause, OSError):
            raise
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise UserError(
            f"{path} cannot be written: {cause.strerror}; the previous checkpoints are kept, "
            "make room and resume from them"
        ) from error


def check_readable(path: Path) -> None:
    """Checks that `read` will accept a file, without loading its tensors.

    Raises:
        UserError: It holds something that `read` would refuse, for example in a callback's state.
    """
    try:
        check_archive(path, checksums=False)
        torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except UserError as error:
        path.unlink()
        raise UserError(f"this checkpoint could not be read again: {error}") from error
    except pickle.UnpicklingError as error:
        path.unlink()
        raise UserError(
            f"this checkpoint could not be read again{named_in(error)}: let callbacks and hyper-parameters hold only "
            "plain values (numbers, text, lists, tensors)"
        ) from error


def sync_folder(folder: Path) -> None:
    """Flushes a folder's entries to disk where the system supports it."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class SafeFiles(CheckpointIO):
    """Lets Lightning read and write checkpoints with `read` and `write`."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        write(checkpoint, path)

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None) -> dict[str, Any]:
        return read(path, map_location)

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def use_safe_files(strategy: Strategy) -> None:
    """Replaces Lightning's default checkpoint plugin; a plugin that the user chose stays."""
    if type(strategy.checkpoint_io) is TorchCheckpointIO:
        strategy.checkpoint_io = SafeFiles()
