"""Intervals counted in iterations."""


def due(step: int, every: int) -> bool:
    """Whether an interval ends at this iteration (counted from 1); an interval of 0 means never."""
    return every > 0 and step % every == 0
