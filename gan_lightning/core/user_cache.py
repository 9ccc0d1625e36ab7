"""The user's cache folder: files that can be made again at any time. Imports no torch."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_dir

PLACE = "GAN_LIGHTNING_CACHE"
"""The environment variable that names another folder."""

CACHED, LOCK, HALF = ".cached", ".lock", ".part"
"""The endings of files in the folder: whole, locks while one is made, not yet whole."""


def cache_folder() -> Path:
    """The folder of all cached files: on Linux ~/.cache/gan-lightning, elsewhere where the system keeps such files."""
    return Path(os.environ.get(PLACE) or user_cache_dir("gan-lightning", appauthor=False)).expanduser()


def cached_files() -> dict[Path, os.stat_result]:
    """The files in the cache, those that were not used for longest first. Files of others are none of them."""

    def found() -> Iterator[tuple[Path, os.stat_result]]:
        for path in cache_folder().glob("*"):
            if path.suffix in (CACHED, LOCK, HALF):
                with suppress(OSError):
                    yield path, path.stat()

    return dict(sorted(found(), key=lambda entry: entry[1].st_mtime_ns))


def make_room(needed: int, limit: int) -> None:
    """Removes files, those that were not used for longest first, until this many bytes fit into the limit, too."""
    files = cached_files()
    room = limit - needed - sum(status.st_size for status in files.values())
    for path, status in files.items():
        if room >= 0:
            return
        with suppress(OSError):
            path.unlink()
            room += status.st_size


def empty_cache() -> int:
    """Removes all files in the cache. Returns how many bytes that frees."""
    freed = 0
    for path, status in cached_files().items():
        with suppress(OSError):
            path.unlink()
            freed += status.st_size
    return freed


def mark_used(path: Path) -> None:
    with suppress(OSError):
        os.utime(path)
