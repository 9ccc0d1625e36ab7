"""Real processes for tests: started from one that has imported the package already, so that each costs little."""

import io
import multiprocessing
import os
import pickle
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, NamedTuple

START = multiprocessing.get_context("forkserver")
START.set_forkserver_preload(
    ["gan_lightning.commands.run", "torch.distributed", "tensorboard", "helpers.tiny", "helpers.variants"]
)
PATIENCE = 900
"""Seconds after which a test gives a process up. (No test waits for a time, nor asserts one.)"""


def start(work: Callable, *arguments: Any, **environment: str) -> ForkServerProcess:
    """A process that does this work in the present folder and environment, with these variables in addition."""
    variables = {**os.environ, **environment}
    process = START.Process(target=begin, args=(work, arguments, variables, os.getcwd()), daemon=True)
    process.start()
    return process


def begin(work: Callable, arguments: tuple, environment: dict[str, str], folder: str) -> None:
    import torch

    os.chdir(folder)
    os.environ.update(environment)
    os.setpgrp()
    torch.set_num_threads(1)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may have been started by nohup
    work(*arguments)


def status(process: ForkServerProcess, patience: float = PATIENCE) -> int:
    """The exit status, as a shell would see it."""
    process.join(patience)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError("the process hangs")
    return process.exitcode if process.exitcode >= 0 else 128 - process.exitcode


def together(work: Callable, *arguments: Any, processes: int = 2, patience: float = PATIENCE) -> list[Any]:
    """What each of several processes that can send each other messages (gloo) returns for this work."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{rank}.pickle" for rank in range(processes)]
        port = str(free_port())
        group = [
            start(report, work, arguments, file, **torchrun(rank, processes, port)) for rank, file in enumerate(files)
        ]
        statuses = [status(process, patience) for process in group]
        results = [
            pickle.loads(f.read_bytes()) if f.exists() else f"status {s}" for f, s in zip(files, statuses, strict=True)
        ]
    failures = "\n".join(result for result in results if isinstance(result, str))
    assert not failures, f"a process failed:\n{failures}"
    return [value for (value,) in results]


def report(work: Callable, arguments: tuple, file: Path) -> None:
    try:
        result: Any = (work(*arguments),)
    except BaseException:
        result = traceback.format_exc()
    file.write_bytes(pickle.dumps(result))


def start_two(work: Callable, *arguments: Any) -> list[ForkServerProcess]:
    """Two processes that do the same work, as torchrun would start them."""
    port = str(free_port())
    return [start(work, *arguments, **torchrun(rank, 2, port)) for rank in range(2)]


def torchrun(rank: int, processes: int, port: str, nodes: int = 1) -> dict[str, str]:
    """The variables that torchrun sets for a process."""
    local = processes // nodes
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(processes),
        "LOCAL_RANK": str(rank % local),
        "LOCAL_WORLD_SIZE": str(local),
        "GROUP_RANK": str(rank // local),
        "TORCHELASTIC_RUN_ID": "test",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": port,
    }


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Finished(NamedTuple):
    """How a command ended, and what it printed."""

    status: int
    output: str
    errors: str


def elsewhere(*arguments: str) -> Finished:
    """Runs the `gan` command in a process that has imported the package, and nothing of a test."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output.txt"), Path(folder, "errors.txt")
        ended = status(start(partial(gan, *arguments, output=str(output), errors=str(errors))))
        return Finished(ended, output.read_text(), errors.read_text())


def gan(*arguments: str, output: str = "output.txt", errors: str = "") -> None:
    """The `gan` command; what it prints goes into a file, or into two."""
    from gan_lightning import cli

    with open(output, "a") as file, open(errors or output, "a") as other:
        os.dup2(file.fileno(), 1)
        os.dup2(other.fileno(), 2)
    sys.stdout, sys.stderr = (io.TextIOWrapper(os.fdopen(fd, "wb", 0), write_through=True) for fd in (1, 2))
    cli.main(list(arguments))


def wait_until(condition: Callable[[], bool], process: ForkServerProcess) -> None:
    """Waits for something that a process does."""
    for _ in range(PATIENCE * 200):
        if condition() or process.exitcode is not None:
            return
        time.sleep(0.005)
    raise TimeoutError("it never happened")


def as_they_come(conditions: dict[str, Callable[[], bool]]) -> Iterator[str]:
    """The names of these conditions, each as soon as it holds."""
    waiting = dict(conditions)
    for _ in range(PATIENCE * 200):
        for name in [name for name, holds in waiting.items() if holds()]:
            del waiting[name]
            yield name
        if not waiting:
            return
        time.sleep(0.005)
    raise TimeoutError(f"{', '.join(waiting)} never happened")
