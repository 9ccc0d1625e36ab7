"""Signals that stop a command: recorded at once, obeyed between two iterations or batches."""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from lightning.pytorch import Trainer

from gan_lightning.core.distributed import follows, largest, several
from gan_lightning.core.intervals import due

SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP")
"""Ctrl-C, a shutdown of the machine, the time limit of a batch system, a closed terminal."""

TOGETHER = 10
"""Iterations between exchanges of received signals, where there are several processes."""


class Stopped(SystemExit):
    """A signal stopped training, which has been saved; the exit status is 128 plus the signal's number."""


class Signals:
    """Handles these signals between `catch` and `release`.

    Args:
        unit: What is finished first, as the user reads it.
    """

    def __init__(self, unit: str = "iteration") -> None:
        self.unit = unit
        self.received: signal.Signals | None = None
        self.before: dict[signal.Signals, Any] = {}

    def catch(self) -> None:
        """Installs the handlers. Call it when training starts, to replace Lightning's own, which send messages."""
        self.received = None
        if threading.current_thread() is threading.main_thread():  # Python sets handlers only there
            numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
            heard = [n for n in numbers if n.name != "SIGHUP" or signal.getsignal(n) != signal.SIG_IGN]  # nohup
            self.before = {number: signal.signal(number, self.notice) for number in heard}

    def release(self) -> None:
        """Restores the previous handlers. Call it before Lightning restores those that its own replaced."""
        for number, handler in self.before.items():
            signal.signal(number, handler)
        self.before = {}

    def notice(self, number: int, frame: FrameType | None) -> None:
        again = self.received == number == signal.SIGINT
        self.received = signal.Signals(number)
        if again:
            raise KeyboardInterrupt
        if self.received.name == "SIGHUP":
            mute()
        if number == signal.SIGINT and not follows():
            with suppress(OSError):  # not print: the signal may have interrupted a print
                os.write(2, f"\nstopping after this {self.unit}; press Ctrl-C again to stop at once\n".encode())

    def agreed(self, trainer: Trainer) -> signal.Signals | None:
        """The signal on which all processes stop now, if any. All must call it in the same iteration."""
        if not several():
            return self.received
        if not due(trainer.global_step, TOGETHER):
            return None
        number = largest(self.received or 0, trainer.strategy.root_device)
        self.received = signal.Signals(number) if number else None
        return self.received

    def obey(self, done: str) -> None:
        """Ends the command if a signal has been received.

        Args:
            done: What it has done, in words.
        """
        if self.received:
            if not follows():
                print(f"\n{self.received.name}: stopped after {done}", file=sys.stderr)
            self.stop()

    def stop(self) -> NoReturn:
        """Ends the command. (If another process on this machine started this one, only that one reports the status.)"""
        assert self.received is not None
        raise Stopped(0 if follows() else 128 + self.received)


@contextmanager
def at_once_while_starting(processes: int, clean_up: Callable[[], None]) -> Iterator[None]:
    """Lets Ctrl-C end a command at once until training starts and `Signals` takes over.

    An exception would not do. Between several processes, Python does not raise it while they wait for each other. In
    one, it may leave the lock of TensorBoard's writer closed, for which the exit then waits forever.

    Args:
        processes: The number of processes of this training.
        clean_up: Removes what a training that has not begun leaves behind.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(number: int, frame: FrameType | None) -> None:
        clean_up()
        with suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(128 + number)

    before = signal.signal(signal.SIGINT, end if processes == 1 else signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def mute() -> None:
    """Discards output to a closed terminal, where writing would fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        if os.isatty(output):
            os.dup2(nowhere, output)
    os.close(nowhere)
