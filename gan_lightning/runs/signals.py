"""Signals that ask training to stop: noticed at once, obeyed between two iterations by all processes together."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NoReturn

from lightning.pytorch import Trainer

from gan_lightning.core.distributed import follows, largest, several
from gan_lightning.core.intervals import due

SIGNALS = ("SIGINT", "SIGTERM", "SIGUSR1", "SIGHUP")
"""Ctrl-C, a machine that is about to stop, a batch system whose time is nearly over, a terminal that was closed."""

TOGETHER = 10
"""Iterations after which several processes ask each other."""


class Stopped(SystemExit):
    """Training was stopped by a signal and has been saved; the status is 128 plus the signal's number."""


class Signals:
    """Takes the place of the handlers of these signals between `catch` and `release`."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self.before: dict[signal.Signals, Any] = {}

    def catch(self) -> None:
        """To be called when training starts: Lightning has set handlers by then, which send messages themselves."""
        self.received = None
        if threading.current_thread() is threading.main_thread():  # Python's rule
            numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
            heard = [n for n in numbers if n.name != "SIGHUP" or signal.getsignal(n) != signal.SIG_IGN]  # nohup
            self.before = {number: signal.signal(number, self.notice) for number in heard}

    def release(self) -> None:
        """To be called before Lightning puts back what was there before its own handlers."""
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
            # not print: the signal may have interrupted one
            os.write(2, b"\nstopping after this iteration; Ctrl-C again does not wait for it\n")

    def agreed(self, trainer: Trainer) -> signal.Signals | None:
        """The signal for which all processes stop now, if there is one. All must ask, in the same iteration."""
        if not several():
            return self.received
        if not due(trainer.global_step, TOGETHER):
            return None
        number = largest(self.received or 0, trainer.strategy.root_device)
        self.received = signal.Signals(number) if number else None
        return self.received

    def stop(self) -> NoReturn:
        """Ends training. (Where another process of this machine started this one, that one has the status.)"""
        assert self.received is not None
        raise Stopped(0 if follows() else 128 + self.received)


@contextmanager
def at_once_while_starting(processes: int) -> Iterator[None]:
    """Lets Ctrl-C end a process at once until training starts, if there are several.

    While they wait for each other, Python would not hear of it, and where one has ended the others would wait for ever.
    """
    if processes == 1 or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def mute() -> None:
    """Writes to a terminal that is gone would fail."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        if os.isatty(output):
            os.dup2(nowhere, output)
    os.close(nowhere)
