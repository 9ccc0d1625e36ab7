"""Checkpoint files: read without executing anything that they carry, written whole or not at all."""

import os
import pickle
import re
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO, TorchCheckpointIO
from lightning.pytorch.strategies import Strategy
from torch import nn

from gan_lightning.core.errors import UserError


def read(path: str | Path, map_location: Any = "cpu") -> dict[str, Any]:
    """The content of a checkpoint: tensors and plain values, nothing else.

    Args:
        path: A file on this machine; never an address.
        map_location: The device for the tensors, as for `torch.load`.

    Raises:
        UserError: There is no such file, it is damaged, it is no checkpoint, or it holds code.
    """
    check_local(path)
    if not Path(path).is_file():
        raise UserError(f"there is no checkpoint {path}: check ckpt_path")
    checkpoint = read_tensors(path, map_location)
    check_form(checkpoint, {"state_dict": dict, "hyper_parameters": dict}, path)
    if not all(isinstance(tensor, torch.Tensor) for tensor in checkpoint["state_dict"].values()):
        raise UserError(f"{path} is not a checkpoint of gan_lightning: its state_dict holds more than tensors")
    return checkpoint


def read_tensors(path: str | Path, map_location: Any = "cpu") -> Any:
    """What a file that torch wrote holds, if that is tensors and plain values only.

    Raises:
        UserError: It is damaged, or it holds code.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other formats of pickles
            return torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} is not loaded: it is damaged, or holds more than tensors and plain values{named_in(error)}, "
            "which could execute code"
        ) from error
    except Exception as error:  # on foreign bytes the unpickler fails in every way there is
        raise UserError(f"{path} is damaged or is not a checkpoint") from error


def check_local(path: str | Path) -> None:
    """Refuses what is not on this machine.

    Raises:
        UserError: The path is an address.
    """
    if "://" in str(path):
        raise UserError(f"{path} is an address: download the checkpoint first, then name the file")


RESUMABLE_FORM = {"optimizer_states": list, "lr_schedulers": list, "loops": dict, "callbacks": dict, "global_step": int}
"""What a checkpoint holds from which training can go on."""


def check_resumable(checkpoint: dict[str, Any], path: str | Path) -> None:
    """Refuses a checkpoint that holds a model, but not the state of its training.

    Raises:
        UserError: Something is missing, or is something else.
    """
    check_form(checkpoint, RESUMABLE_FORM, path, "; training cannot go on from it, but samples can be made")
    check_form(checkpoint["loops"], {"fit_loop": dict}, path)


def check_form(content: Any, form: dict[str, type], path: str | Path, advice: str = "") -> None:
    for key, kind in form.items():
        if not isinstance(content, dict) or not isinstance(content.get(key), kind):
            raise UserError(
                f"{path} is not a checkpoint of gan_lightning with all that belongs to it: no {key}{advice}"
            )


def named_in(error: pickle.UnpicklingError) -> str:
    """What the file wanted to have called."""
    name = re.search(r"GLOBAL (\S+)", str(error))
    return f" ({name[1]})" if name else ""


def check_fits(state: dict[str, torch.Tensor], model: nn.Module, path: str | Path) -> None:
    """Refuses weights of other networks than the model's.

    Raises:
        UserError: A tensor is missing, of another shape, or one too many; the message names the first.
    """
    theirs = {name: tuple(tensor.shape) for name, tensor in state.items()}
    ours = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for name in [*ours, *theirs]:
        if ours.get(name) != theirs.get(name):
            raise UserError(
                f"{path} holds another model than the one asked for: {name} is {theirs.get(name, 'not there')} in the "
                f"file and {ours.get(name, 'not there')} in the model; its run's config.yaml has what it was made with"
            )


def write(content: dict[str, Any], path: str | Path) -> None:
    """Writes a checkpoint beside the file of this name, forces it onto the disk, then takes its place.

    Whatever happens meanwhile, the file of this name is whole: the old one or the new one.

    Raises:
        UserError: The disk is full, or the folder cannot be written to; the old file is still there.
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
            f"{path} cannot be written: {cause.strerror}; the checkpoints that were there are kept, "
            "make room and go on from them"
        ) from error


def check_readable(path: Path) -> None:
    """Looks at what is in a file without reading its tensors.

    Raises:
        UserError: It holds something that `read` would refuse, as a callback's state may.
    """
    try:
        torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except pickle.UnpicklingError as error:
        path.unlink()
        raise UserError(
            f"this checkpoint could not be read again{named_in(error)}: let callbacks and hyper-parameters hold plain "
            "values (numbers, text, lists, tensors) only"
        ) from error


def sync_folder(folder: Path) -> None:
    """Forces a folder's entries onto the disk, where the system can."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class SafeFiles(CheckpointIO):
    """How Lightning reads and writes checkpoints under this package: `read` and `write`."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        write(checkpoint, path)

    def load_checkpoint(self, path: Any, map_location: Any = "cpu", weights_only: bool | None = None) -> dict[str, Any]:
        return read(path, map_location)

    def remove_checkpoint(self, path: Any) -> None:
        Path(path).unlink(missing_ok=True)


def use_safe_files(strategy: Strategy) -> None:
    """Takes Lightning's own file handling out of use; one that the user chose stays."""
    if type(strategy.checkpoint_io) is TorchCheckpointIO:
        strategy.checkpoint_io = SafeFiles()
