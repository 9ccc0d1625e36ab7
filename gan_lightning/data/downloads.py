"""Data sets that torchvision downloads and checks: one message for all that can go wrong."""

from collections.abc import Callable
from typing import TypeVar

import torchvision

from gan_lightning.core.errors import UserError

DataSet = TypeVar("DataSet", bound=torchvision.datasets.VisionDataset)


def open_dataset(
    make: Callable[..., DataSet], root: str, where: str, files: str, download: bool, train: bool = True
) -> DataSet:
    """`make(root, train=train, download=download)`, or one line that says what to do.

    Args:
        make: A class of `torchvision.datasets`.
        root: The folder that holds its folder.
        where: The folder, below root, in which it looks for its files.
        files: Their names, for the message.
        train: Whether the images to train on are meant, or those for tests.
        download: Whether to download what is missing. torchvision compares what it downloads with known checksums.

    Raises:
        UserError: The files are not there and could not be downloaded, or cannot be read.
    """
    name = make.__name__
    try:
        return make(root, train=train, download=download)
    except Exception as error:  # torchvision lets the errors of urllib, zlib, tarfile, pickle and numpy through
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"{name} could not be {'downloaded' if download else 'read'} ({reason}). Put {files} into {root}/{where} "
            f"by hand (delete what is damaged there), or set data.root to the folder that holds {where}, or train on "
            "digits that need no download: gan fit --config configs/digits.yaml"
        ) from error
