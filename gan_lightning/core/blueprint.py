"""Builds a network without memory first, to see whether a file holds the weights of what it describes."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules import module as hooks

from gan_lightning.core.archives import SPARE_BYTES, TIMES_SHARED
from gan_lightning.core.checkpoint_files import check_fits
from gan_lightning.core.errors import UserError

Module = TypeVar("Module", bound=nn.Module)

PARTS = 50
"""Maximum number of modules for each tensor of a file: layers without weights are few."""


def built(make: Callable[[], Module], state: Mapping[str, Tensor], path: object, origin: str = "") -> Module:
    """Builds the network that a file describes, if the file holds its weights, and loads these.

    A file of a kilobyte may describe a network of a terabyte. So the network is built on the meta device first, where
    tensors have shapes but no memory.

    Args:
        make: Builds the network.
        state: The weights.
        path: The file that both come from.
        origin: What to say of the file if the network cannot be built.

    Raises:
        UserError: The weights are those of another network, or not finite; or the network cannot be built.
    """
    try:
        with torch.device("meta"), counted(state, path):
            on_paper = make()
    except UserError:
        raise
    except Exception as error:  # whatever a constructor says to options that it does not expect
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} describes a network that cannot be built ({reason}){origin}") from error
    check_fits(state, on_paper, path)
    network = make()
    network.load_state_dict(state)
    return network


@contextmanager
def counted(state: Mapping[str, Tensor], path: object) -> Iterator[None]:
    """Refuses, while a network is built, more tensors, modules or bytes than its weights explain.

    Raises:
        UserError: There are more.
    """
    room = {
        "tensors": TIMES_SHARED * len(state) + 100,
        "modules": PARTS * (len(state) + 100),
        "bytes": TIMES_SHARED * sum(tensor.nbytes for tensor in state.values()) + SPARE_BYTES,
    }

    def takes(kind: str, amount: int) -> None:
        room[kind] -= amount
        if room[kind] < 0:
            raise UserError(f"{path} describes a network with more {kind} than its weights explain")

    def tensor_made(owner: nn.Module, name: str, tensor: Tensor | None) -> None:
        if name not in owner._buffers and name not in owner._parameters:  # else it is replaced
            takes("tensors", 1)
            takes("bytes", 0 if tensor is None else tensor.nbytes)

    def module_made(owner: nn.Module, name: str, module: Any) -> None:
        takes("modules", 1)

    handles = [
        hooks.register_module_parameter_registration_hook(tensor_made),
        hooks.register_module_buffer_registration_hook(tensor_made),
        hooks.register_module_module_registration_hook(module_made),
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
