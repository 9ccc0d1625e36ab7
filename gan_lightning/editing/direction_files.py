"""Directions in files that hold only numbers and names."""

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from gan_lightning.core.errors import UserError
from gan_lightning.core.whole_files import replacing
from gan_lightning.editing.directions import Directions

DIMENSIONS = {"vectors": 2, "strengths": 1}
"""The arrays of a file, and how many dimensions they have."""


def write_directions(path: str | Path, found: Directions) -> None:
    """Writes directions into a .safetensors file; the same directions give the same bytes."""
    tensors = {name: getattr(found, name).detach().float().cpu().contiguous() for name in DIMENSIONS}
    with replacing(Path(path)) as file:
        file.write(save(tensors, {"names": json.dumps(found.names)}))


def read_directions(path: str | Path, latent_dim: int) -> Directions:
    """Reads directions from a file. Nothing in it is executed.

    Args:
        path: A file that `gan directions` wrote.
        latent_dim: Length of a latent of the model that they are for.

    Raises:
        UserError: There is no such file, or it holds no directions for this model.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no file {path}: name a directions.safetensors, as gan directions writes")
    try:
        with safe_open(path, "pt") as file:
            names = json.loads((file.metadata() or {})["names"])
            vectors, strengths = (file.get_tensor(name) for name in DIMENSIONS)
    except (SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise UserError(f"{path} holds no directions: name a file that gan directions wrote") from error
    shapes = vectors.dim() == 2 and strengths.shape == (len(vectors),) == (len(names),) and len(vectors) > 0
    floats = vectors.dtype == strengths.dtype == torch.float32 and bool(vectors.isfinite().all())
    if not (shapes and floats and all(isinstance(name, str) for name in names)):
        raise UserError(f"{path} holds no directions: name a file that gan directions wrote")
    if vectors.shape[1] != latent_dim:
        raise UserError(
            f"{path} holds directions of {vectors.shape[1]} numbers, and this model takes {latent_dim}: find them with "
            "gan directions and the same checkpoint"
        )
    return Directions(vectors, strengths, names)
