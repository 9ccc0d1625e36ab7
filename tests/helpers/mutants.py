"""Damage to files: what disks, networks and strangers do to bytes, drawn by hypothesis."""

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EDGES = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
"""Numbers at the ends of their range, as lengths and sizes in headers."""


def flipped(data: bytes, place: int, bit: int) -> bytes:
    place %= max(1, len(data))
    return data[:place] + bytes([data[place] ^ 1 << bit]) + data[place + 1 :] if data else data


def truncated(data: bytes, place: int, _: int) -> bytes:
    return data[: place % (len(data) + 1)]


def spliced(data: bytes, place: int, other: int) -> bytes:
    """The start of the data, followed by another part of it."""
    return data[: place % (len(data) + 1)] + data[other % (len(data) + 1) :]


def overwritten(data: bytes, place: int, choice: int) -> bytes:
    """A number in the data, large or small endian, of one, two or four bytes, becomes an extreme one."""
    number, width = EDGES[choice % len(EDGES)], (1, 2, 4)[choice // len(EDGES) % 3]
    place %= max(1, len(data))
    order = "big" if choice % 2 else "little"
    return data[:place] + (number % 256**width).to_bytes(width, order) + data[place + width :]


def removed(data: bytes, place: int, count: int) -> bytes:
    place %= max(1, len(data))
    return data[:place] + data[place + count % 16 + 1 :]


KINDS = [flipped, truncated, spliced, overwritten, removed]


def apply(data: bytes, changes: list[tuple[int, int, int]]) -> bytes:
    for kind, place, choice in changes:
        data = KINDS[kind](data, place, choice if kind else choice % 8)
    return data


places = st.one_of(st.integers(0, 64), st.integers(0, 2000))  # headers are at the start, and matter most
changes = st.lists(st.tuples(st.integers(0, len(KINDS) - 1), places, st.integers(0, 2000)), min_size=1, max_size=4)


def damaged(files: list[bytes]) -> st.SearchStrategy[bytes]:
    """One of the files, changed in up to four places."""
    return st.builds(apply, st.sampled_from(files), changes)


def trials(count: int, repeatable: bool) -> settings:
    fixtures = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]  # each trial overwrites the file of the last
    return settings(
        max_examples=count, deadline=None, derandomize=repeatable, database=None, suppress_health_check=fixtures
    )


few, many = trials(300, repeatable=True), trials(20_000, repeatable=False)
