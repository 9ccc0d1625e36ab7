"""When something happens that happens every so many iterations."""


def due(step: int, every: int) -> bool:
    """Whether it happens after this iteration (counted from 1); an interval of 0 means never."""
    return every > 0 and step % every == 0
