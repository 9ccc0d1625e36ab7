"""What tuning has changed of a generator, in a small file; the checkpoint stays as it is."""

import hashlib
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.core.whole_files import replacing

TUNED_FROM = "tuned from"
"""The key of a file's metadata that holds the digest of the generator that it changes."""


def write_tuning(path: str | Path, generator: nn.Module, tuned: nn.Module) -> None:
    """Writes what has changed into a file, as `tuning_file` returns it."""
    with replacing(Path(path)) as file:
        file.write(tuning_file(generator, tuned))


def tuning_file(generator: nn.Module, tuned: nn.Module) -> bytes:
    """Returns the differences of all weights, in 16 bits, as a .safetensors file.

    Args:
        generator: As it was.
        tuned: A tuned copy of it.
    """
    before, after = generator.state_dict(), tuned.state_dict()
    changes = {name: (after[name] - before[name]).half().cpu() for name in before if differs(before[name], after[name])}
    return save({name: change.contiguous() for name, change in changes.items()}, {TUNED_FROM: digest(before)})


def differs(before: Tensor, after: Tensor) -> bool:
    return before.is_floating_point() and not torch.equal(before, after)


def digest(state: dict[str, Tensor]) -> str:
    """The first twelve hexadecimal digits of the SHA-256 of all weights."""
    found = hashlib.sha256()
    for name in sorted(state):
        found.update(name.encode())
        found.update(state[name].detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()[:12]


@torch.no_grad()
def apply_tuning(generator: nn.Module, path: str | Path) -> None:
    """Changes a generator as a file of `write_tuning` says.

    Raises:
        UserError: There is no such file, it holds something else, or it was written for another generator.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no file {path}: tuned takes the tuned.safetensors that gan invert --tune writes")
    try:
        with safe_open(path, "pt") as file:
            origin = (file.metadata() or {})[TUNED_FROM]
            changes = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
    except (SafetensorError, KeyError) as error:
        raise UserError(f"{path} holds no tuning: name the tuned.safetensors that gan invert --tune writes") from error
    state = generator.state_dict()
    fits = all(name in state and state[name].shape == change.shape for name, change in changes.items())
    if origin != digest(state) or not fits:
        raise UserError(f"{path} was tuned from another generator: give the checkpoint that gan invert was given")
    if not all(change.isfinite().all() for change in changes.values()):
        raise UserError(f"{path} holds numbers that are not finite: tune again")
    for name, change in changes.items():
        state[name] += change.to(state[name])
