"""Data sets that torchvision downloads and verifies, with one error message for every failure."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import torchvision

from gan_lightning.core.errors import UserError

DataSet = TypeVar("DataSet", bound=torchvision.datasets.VisionDataset)


def open_dataset(
    make: Callable[..., DataSet], root: str, where: str, files: str, download: bool, train: bool = True
) -> DataSet:
    """Returns `make(root, train=train, download=download)`, or fails with one line that says what to do.

    Args:
        make: A class of `torchvision.datasets`.
        root: The folder for data sets.
        where: The folder below `root` that holds the files of this data set.
        files: The names of the files, for the error message.
        train: Whether to open the training images or the test images.
        download: Whether to download missing files. torchvision compares them with known checksums.

    Raises:
        UserError: The files are missing and could not be downloaded, or cannot be read.
    """
    name, folder = make.__name__, Path(root, where)
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        return make(root, train=train, download=download)
    except Exception as error:  # torchvision lets the errors of urllib, zlib, tarfile, pickle and numpy through
        for path in missing:  # torchvision makes folders before it downloads
            with suppress(OSError):
                path.rmdir()
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{name} could not be {'downloaded' if download else 'read'} ({reason}). Put {files} into {root}/{where} "
            f"by hand (delete what is damaged there), or set data.root to the folder that holds {where}, or train on "
            "digits that need no download: gan fit --config digits"
        ) from error
