"""Checkpoint files: read without executing anything that they carry, written whole or not at all."""

import os
import pickle
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import CheckpointIO, TorchCheckpointIO
from lightning.pytorch.strategies import Strategy
from torch import nn

from gan_lightning.errors import UserError


def read(path: str | Path, map_location: Any = "cpu") -> dict[str, Any]:
    """The content of a checkpoint: tensors and plain values, nothing else.

    Args:
        path: A file on this machine; never an address.
        map_location: The device for the tensors, as for `torch.load`.

    Raises:
        UserError: There is no such file, it is damaged, it is no checkpoint, or it holds code.
    """
    if "://" in str(path):
        raise UserError(f"{path} is an address: download the checkpoint first, then name the file")
    if not Path(path).is_file():
        raise UserError(f"there is no checkpoint {path}: check ckpt_path")
    try:
        checkpoint = torch.load(path, map_location=map_location, weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} is not loaded: it is damaged, or holds "
            "more than tensors and plain values, which could execute code"
        ) from error
    except Exception as error:  # on foreign bytes the unpickler fails in every way there is
        raise UserError(f"{path} is damaged or is not a checkpoint") from error
    if not isinstance(checkpoint, dict) or not {"state_dict", "hyper_parameters"} <= checkpoint.keys():
        raise UserError(f"{path} is not a checkpoint of gan_lightning: it has no state_dict or no hyper_parameters")
    return checkpoint


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
                f"{path} holds other networks than those asked for: {name} is {theirs.get(name, 'not there')} in the "
                f"file and {ours.get(name, 'not there')} in the model; name the networks it was trained with"
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
        os.replace(part, path)
        sync_folder(path.parent)
    except (OSError, RuntimeError) as error:
        cause = error if isinstance(error, OSError) else error.__context__  # torch's error hides the disk's
        if not isinstance(cause, OSError):
            raise
        with suppress(OSError):
            part.unlink(missing_ok=True)
        kept = f"; the previous {path.name} is kept, make room and go on from it" if path.is_file() else ""
        raise UserError(f"{path} cannot be written: {cause.strerror}{kept}") from error


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
