"""Latents in files, such as those of images that were found again."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.whole_files import replacing
from gan_lightning.data.arrays import open_array, read_header, read_values
from gan_lightning.data.image_files import open_regular

LARGEST_ARRAY = 2**30
"""Of an array of latents. A million latents of 128 numbers have half as many."""

ARRAYS = {"z": "f", "y": "i", "names": "U"}
"""The arrays in a file, and the kind of NumPy's types for each."""


class Latents(NamedTuple):
    """Latents of images.

    Args:
        z: (N, latent_dim) float32.
        y: Labels (N,) int64; None for a model without labels.
        names: What each is called, such as the name of the image file that it was found for.
    """

    z: Tensor
    y: Tensor | None
    names: list[str]


def write_latents(path: str | Path, latents: Latents) -> None:
    """Writes latents into a .npz file, as `latents_file` returns it."""
    with replacing(Path(path)) as file:
        file.write(latents_file(latents))


def latents_file(latents: Latents) -> bytes:
    """Returns a .npz file: `z` float32 (N, latent_dim), `y` int64 (N,) if there are labels, and `names`.

    The same latents give the same bytes.
    """
    arrays = {"z": latents.z.detach().cpu().float().numpy(), "names": np.array(latents.names, dtype=np.str_)}
    if latents.y is not None:
        arrays["y"] = latents.y.cpu().long().numpy()
    with io.BytesIO() as file:
        np.savez(file, **arrays)  # type: ignore[arg-type]
        return file.getvalue()


def read_latents(path: str | Path) -> Latents:
    """Reads latents from a .npz file. Nothing in it is executed, and no more memory is taken than it has numbers.

    Raises:
        UserError: There is no such file, or it holds no latents.
    """
    path = Path(path)
    if not path.is_file():
        raise UserError(f"there is no file {path}: name a .npz file of latents, as gan invert writes")
    try:
        with open_regular(path) as stream, zipfile.ZipFile(stream) as archive:
            held = {name.removesuffix(".npy") for name in archive.namelist()}
        arrays = {name: latent_array(path, name) for name in ARRAYS if name in held}
    except UserError:
        raise
    except Exception as error:  # on damaged files, zipfile and NumPy raise many kinds
        raise UserError(f"{path} holds no latents: name a .npz file, as gan invert writes") from error
    return checked(path, held, arrays)


def latent_array(path: Path, name: str) -> np.ndarray:
    """Reads one array of a .npz file."""
    with open_array(path, name) as (stream, available):
        header = read_header(stream)
        if (
            header.dtype.kind != ARRAYS[name]
            or np.prod(header.shape, dtype=float) * header.dtype.itemsize > LARGEST_ARRAY
        ):
            raise UserError(f"{path} holds {name} as {header.dtype} {header.shape}, which are no latents")
        return read_values(stream, header, available)


def checked(path: Path, held: set[str], arrays: Mapping[str, np.ndarray]) -> Latents:
    """Returns the arrays of a file as latents.

    Raises:
        UserError: They are none, such as images, or contradict each other.
    """
    if "z" not in arrays:
        other = next((name for name in ("images", "points") if name in held), "no array z")
        raise UserError(f"{path} holds {other}, not latents: gan invert finds the latents of images")
    z, y = arrays["z"], arrays.get("y")
    names = arrays.get("names", np.array([str(i) for i in range(len(z))] if z.ndim else []))
    if z.ndim != 2 or not np.isfinite(z).all():
        raise UserError(f"{path} holds z {z.shape}: latents are (N, latent_dim), all of them finite numbers")
    if names.shape != (len(z),) or (y is not None and y.shape != (len(z),)):
        raise UserError(f"{path} holds {len(z)} latents, and not one label or name for each of them")
    labels = None if y is None else torch.from_numpy(y.astype(np.int64))
    return Latents(torch.from_numpy(z.astype(np.float32)), labels, names.tolist())


def check_latents(latents: Latents, latent_dim: int, classes: int, path: str | Path) -> None:
    """Refuses latents of another model.

    Args:
        latents: The latents.
        latent_dim: Length of a latent of the model.
        classes: Number of its classes; 0 for one without labels.
        path: The file that they come from.

    Raises:
        UserError: The model cannot make images of them.
    """
    z, y, _ = latents
    if z.shape[1] != latent_dim:
        raise UserError(f"{path} holds latents of {z.shape[1]} numbers, and this model takes {latent_dim}: find them "
                        "with gan invert and the same checkpoint")  # fmt: skip
    if (y is not None) != (classes > 0):
        held = "without labels" if y is None else "with labels"
        raise UserError(f"{path} holds latents {held}, and this model has {classes or 'no'} classes: find them with "
                        "gan invert and the same checkpoint")  # fmt: skip
    if y is not None and len(y) and not 0 <= int(y.min()) <= int(y.max()) < classes:
        raise UserError(f"{path} holds labels from {int(y.min())} to {int(y.max())}: this model's classes are 0 to "
                        f"{classes - 1}")  # fmt: skip
