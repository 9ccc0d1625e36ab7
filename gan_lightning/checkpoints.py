"""Reading checkpoint files without executing anything that they carry."""

import pickle
from pathlib import Path
from typing import Any

import torch
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
