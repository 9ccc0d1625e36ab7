"""The image files below a folder."""

import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

import numpy as np
from lightning_utilities.core.rank_zero import rank_zero_warn

from gan_lightning.core.errors import UserError, printable
from gan_lightning.data.image_files import FileOnDisk, by_folder, is_image_name, is_unread_name

RUN = {"config.yaml", "checkpoints"}
"""What tells the folder of a run, whose pictures are grids."""


class FilesInFolder:
    """The image files below a folder, in the order of their names, those behind links included.

    Hidden files and folders, and the folders of runs, are left out.

    Args:
        root: The folder.

    Raises:
        UserError: A folder cannot be looked into, or the folder is that of a run.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.unread: Sequence[str]
        found, self.unread = find_images(root)
        found.sort(key=lambda file: by_folder(file[0]))
        self.names: Sequence[str] = [name for name, _, _ in found]
        self.sizes = np.array([size for _, size, _ in found], dtype=np.int64)
        self.times = np.array([time for _, _, time in found], dtype=np.int64)

    def file(self, index: int) -> FileOnDisk:
        return FileOnDisk(self.root / self.names[index])

    def stamp(self) -> bytes:
        """Returns a digest of the folder and of each file's name, size and time."""
        names = "\0".join([str(self.root.resolve()), *self.names])
        return blake2b(names.encode("utf-8", "surrogateescape") + self.sizes.tobytes() + self.times.tobytes()).digest()


def find_images(root: Path) -> tuple[list[tuple[str, int, int]], list[str]]:
    """Finds the image files below a folder. Warns of names that are no regular files, and of runs.

    Returns:
        The name of each from there, its bytes, the nanoseconds of its last change; the names of pictures that are not
        read.
    """
    unread: list[str] = []
    files: list[tuple[str, int, int]] = []
    others: list[str] = []
    unreadable: list[OSError] = []
    runs: list[str] = []
    prefix = len(os.path.join(str(root), ""))
    for entry in entries(root, unreadable.append, runs.append):
        name = entry.path[prefix:].replace(os.sep, "/")
        if is_image_name(name):
            if answers(entry.is_file):
                status = entry.stat()
                files.append((name, status.st_size, status.st_mtime_ns))
            else:
                others.append(entry.path)
        elif is_unread_name(name):
            unread.append(name)
    check_folders(unreadable)
    if str(root) in runs:
        raise UserError(f"{root} is the folder of a run, and its pictures are grids: name a folder of images")
    if runs:
        rank_zero_warn(
            f"skipped {len(runs)} that are folders of runs, with grids in them, first {printable(min(runs))}"
        )
    if others:
        rank_zero_warn(f"skipped {len(others)} that are not regular files, first {printable(min(others))}")
    return files, unread


def check_folders(unreadable: list[OSError]) -> None:
    if unreadable:
        first = unreadable[0]
        raise UserError(
            f"cannot look into {len(unreadable)} folder{'s' if len(unreadable) > 1 else ''}, first {first.filename} "
            f"({first.strerror}): make {'them' if len(unreadable) > 1 else 'it'} readable, or move images elsewhere"
        )


def entries(root: Path, failed: Callable[[OSError], None], is_run: Callable[[str], None]) -> Iterator[os.DirEntry[str]]:
    """All that is below a folder, each folder once and none above it: links to folders are followed, after the rest."""
    seen = {identity(above) for above in root.resolve().parents}
    folders, links = [str(root)], deque[str]()
    while folders or links:
        folder = folders.pop() if folders else links.popleft()
        try:
            if identity(folder) in seen:
                continue
            seen.add(identity(folder))
            with os.scandir(folder) as found:
                inside = sorted((entry for entry in found if entry.name[0] != "."), key=lambda entry: entry.name)
        except OSError as error:
            failed(error)
            continue
        if {entry.name for entry in inside} >= RUN:
            is_run(folder)
            continue
        yield from inside
        for entry in inside:
            if answers(entry.is_dir):
                (links if entry.is_symlink() else folders).append(entry.path)


def identity(folder: str | Path) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def answers(question: Callable[[], bool]) -> bool:
    """Whether the answer is yes; a link that leads nowhere is neither a file nor a folder."""
    try:
        return question()
    except OSError:
        return False
