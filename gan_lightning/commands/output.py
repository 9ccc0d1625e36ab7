"""Output that cannot stop a command: to a closed pipe or terminal, a full disk, or one that knows few letters."""

import io
import os
import sys
from typing import Any, TextIO


class Surviving(io.FileIO):
    """A file descriptor whose output is discarded once it can no longer be written."""

    def write(self, data: Any) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
            return len(memoryview(data).cast("B"))


def survive() -> None:
    """Lets standard output and standard error survive whatever happens to the other end.

    Letters that the terminal does not know are written as question marks. A descriptor that was closed from the start
    is opened to nowhere: the next file to be opened would take its number, and get what libraries print.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_RDWR), descriptor)
    sys.stdout, sys.stderr = surviving(sys.stdout, 1), surviving(sys.stderr, 2)


def surviving(stream: TextIO | None, descriptor: int) -> TextIO:
    """The same stream, on a descriptor that survives; None stands for a stream that was closed from the start."""
    if stream is not None:
        stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(Surviving(descriptor, "wb", closefd=False)),
        encoding=getattr(stream, "encoding", "utf-8"),
        errors="replace",
        line_buffering=descriptor == 2 or os.isatty(descriptor),
    )
