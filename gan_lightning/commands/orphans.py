"""Ends a process whose parent is gone: one of several that train together cannot go on, and would wait forever."""

import os
import threading
import time

LOOK_EVERY = 1.0
"""Seconds between two looks at the parent."""


def end_with_parent() -> None:
    """Ends this process as soon as the one that started it has ended. It looks in the background.

    Only processes that Lightning starts need it: those of torchrun and SLURM are ended by these.
    """
    if int(os.environ.get("LOCAL_RANK", "0")) > 0:
        threading.Thread(target=watch, args=(os.getppid(),), daemon=True).start()


def watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os._exit(1)
