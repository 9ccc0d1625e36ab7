"""The `gan cache` command. Imports no torch."""

import sys
from collections.abc import Sequence

from gan_lightning.core.user_cache import PLACE, cache_folder, cached_files, empty_cache

CACHE_USAGE = f"""\
usage: gan cache [--empty]

Says where decoded images of your folders and zip files are kept for the next start, and how large they are. With
--empty, removes them. data.cache_gib limits them; the environment variable {PLACE} moves them.
"""


def cache(arguments: Sequence[str]) -> None:
    """Runs `gan cache`; on a mistake, prints one line and exits with status 2."""
    if {"-h", "--help"} & {*arguments}:
        print(CACHE_USAGE, end="")
    elif [*arguments] == ["--empty"]:
        print(f"{cache_folder()}: removed {amount(empty_cache())}")
    elif arguments:
        print(f"gan cache: there is no option {arguments[0]}; the only one is --empty", file=sys.stderr)
        sys.exit(2)
    else:
        size = sum(status.st_size for status in cached_files().values())
        print(f"{cache_folder()}: {amount(size)}; gan cache --empty removes them")


def amount(size: int) -> str:
    return f"{size / 2**30:,.2f} GiB of decoded images"
