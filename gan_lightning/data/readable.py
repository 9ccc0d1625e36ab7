"""Reads many image files, of which some may be broken."""

from collections.abc import Callable, Iterator

from lightning_utilities.core.rank_zero import rank_zero_warn
from tqdm import tqdm

from gan_lightning.core.errors import UserError, printable
from gan_lightning.data.image_files import T, in_threads


def readable_of(read: Callable[[int], T], count: int, skip: bool, where: str) -> Iterator[tuple[int, T]]:
    """Yields the number of each file that can be read, and what was read, in order. Warns of those that were skipped.

    Args:
        read: Reads a file by its number.
        count: Number of files.
        skip: Whether to skip what cannot be read.
        where: Where the files are.

    Raises:
        UserError: One cannot be read, and such are not to be skipped; or none can.
    """
    refused: list[str] = []

    def attempt(number: int) -> tuple[int, T] | UserError:
        try:
            return number, read(number)
        except UserError as error:
            return error

    numbers = tqdm(range(count), desc=f"reading {printable(where)}", unit=" files", disable=None)
    for found in in_threads(attempt, numbers):
        if not isinstance(found, UserError):
            yield found
        elif not skip:
            raise found
        else:
            refused.append(str(found))
    if len(refused) == count:
        raise UserError(f"none of the {count:,} files in {where} can be read; the first: {refused[0]}")
    if refused:
        rank_zero_warn(f"left out {len(refused):,} of {count:,} files; the first: {refused[0]}")
