"""Ends a process whose parent is gone: one of several that train together cannot go on, and would wait forever."""

import os
import threading
import time

LOOK_EVERY = 1.0
"""Seconds between two looks at the parent."""

STARTED_BY = "GAN_STARTED_BY"
"""The environment variable that tells processes which Lightning starts the number of the first one."""


def end_with_parent() -> None:
    """Ends this process as soon as the one that started it has ended. It looks in the background.

    Only processes that Lightning starts need it: those of torchrun and SLURM are ended by these. The parent may be gone
    before this process can ask for its number, so the parent leaves it in the environment.
    """
    if int(os.environ.get("LOCAL_RANK", "0")) > 0:
        parent = int(os.environ.get(STARTED_BY, os.getppid()))
        threading.Thread(target=watch, args=(parent,), daemon=True).start()
    else:
        os.environ[STARTED_BY] = str(os.getpid())


def watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os._exit(1)
