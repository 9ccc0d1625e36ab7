"""A folder or a zip file as a source of image files, listed without reading one."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from lightning_utilities.core.rank_zero import rank_zero_warn

from gan_lightning.core.errors import UserError, printable
from gan_lightning.data.folder_files import FilesInFolder
from gan_lightning.data.image_files import ENDINGS, ImageFile, ending
from gan_lightning.data.zip_files import FilesInZip

OVERVIEWS = ("grid.png", "traversal.png")
"""Overviews that `gan predict` writes beside the samples."""

ZIP = ".zip"


class ImageSource(Protocol):
    """Image files in the order of their names.

    Attributes:
        root: The folder or the zip file.
        names: The path of each file in there, with "/" between folders.
        sizes: The bytes of each, (N,) int64.
        unread: The paths of pictures in formats that are not read.
    """

    root: Path
    names: Sequence[str]
    sizes: np.ndarray
    unread: Sequence[str]

    def file(self, index: int) -> ImageFile:
        """Returns one of the files, to read it."""
        ...

    def stamp(self) -> bytes:
        """Returns what changes when a file does, or comes, or goes."""
        ...


def image_source(root: str | Path, key: str = "data.root") -> ImageSource:
    """Lists the images below a folder or in a zip file. Warns of pictures in formats that are not read.

    Args:
        root: The folder or the zip file.
        key: The option that names it.

    Raises:
        UserError: There are none, or the folder or the zip file cannot be read.
    """
    root = Path(root)
    if root.is_dir():
        source: ImageSource = FilesInFolder(root)
    elif root.is_file() and root.suffix.lower() == ZIP:
        source = FilesInZip(root)
    else:
        what = "a file" if root.is_file() else "no regular file" if root.exists() else "not there"
        raise UserError(f"{key} is {root}, which is {what}: name a folder or a .zip file of images")
    unread = f"{len(source.unread):,} {'/'.join(sorted({*map(ending, source.unread)}))} files, which are not read"
    if source.unread and source.names:
        rank_zero_warn(f"left out {unread}, first {printable(source.unread[0])}: convert them to JPEG or PNG")
    elif source.unread:
        raise UserError(f"no image found in {root} or below it but {unread}: convert them to JPEG or PNG")
    if not source.names:
        raise UserError(f"no image found in {root} or below it (looked for {' '.join(sorted(ENDINGS))}): check {key}")
    return source


def classes_of(names: Sequence[str]) -> tuple[list[str], list[int]]:
    """The classes of image files, by the folders that they are in.

    A folder that holds all of them is looked through. If every image is then in a folder, these are the classes, in
    order of name; one class, or images outside folders, are no classes.

    Args:
        names: The path of each file, with "/" between folders.

    Returns:
        The names of the classes, and each file's number among them, 0 if there are none.
    """
    depth = shared_folders(names)
    folders = [parts[depth] if len(parts) > depth + 1 else None for parts in (name.split("/") for name in names)]
    classes = sorted({folder for folder in folders if folder is not None})
    if len(classes) < 2 or None in folders:
        return [], [0] * len(names)
    number = {name: index for index, name in enumerate(classes)}
    return classes, [number[folder] for folder in folders if folder is not None]


def shared_folders(names: Sequence[str]) -> int:
    """The number of folders, each in the one before, that hold all files. (Of the first and the last name in order.)"""
    first, last = (name.split("/")[:-1] for name in (min(names), max(names)))
    return next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
