"""The lock of a run, which keeps a second process from training it at the same time."""

import errno
import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from gan_lightning.core.errors import UserError
from gan_lightning.runs.run import Run

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

REFRESH = 20.0
"""Seconds between two signs of life."""

SILENCE = 120.0
"""Seconds without a sign of life after which a process on another machine counts as dead."""

SETTLED = 0.5
"""Seconds after which one of two processes that take a lock at the same moment has won, where no system decides."""

NO_LOCKS = (errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL)
"""The errors of a file system without locks."""

held: set[tuple[int, int]] = set()
"""Device and number of the lock files that this process holds. (The system refuses locks to other processes only.)"""


@contextmanager
def locked(run: Run) -> Iterator[None]:
    """Holds the lock of a run: the file `.lock` in its folder, which names the process that trains it.

    The system locks the file (POSIX, also over NFS) until the process ends, however it ends. Where that does not reach
    another machine, a process that has not touched the file for two minutes counts as dead, and so does one of an
    earlier start of the same SLURM job.

    Raises:
        UserError: Another process trains the run, or the folder is not writable.
    """
    new = not run.folder.exists()
    try:
        run.folder.mkdir(parents=True, exist_ok=True)
        file = take(run)
    except OSError as error:
        raise UserError(f"{run.folder} cannot hold a run: {error.strerror}; choose another folder") from error
    done = threading.Event()
    refreshing = threading.Thread(target=refresh, args=(run, done), daemon=True)
    refreshing.start()
    try:
        yield
    finally:
        done.set()
        refreshing.join()
        release(run, file)
        if new:
            with suppress(OSError):
                run.folder.rmdir()  # if nothing was written


def take(run: Run) -> int:
    """Returns the descriptor of the run's lock file, which is locked and names this process."""
    while True:
        check_other_threads(run)
        file = os.open(run.lock, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            mine = lock(file)
            if same_file(file, run.lock):
                check_holder(run, file, mine)
                sign(run, file, mine)
                held.add(inode(os.fstat(file)))
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # its holder has just removed it


def check_other_threads(run: Run) -> None:
    """Refuses a lock that this process holds already. (It must not open the file: closing it again would unlock it.)"""
    with suppress(FileNotFoundError):
        if inode(os.stat(run.lock)) in held:
            raise UserError(holder_named(run, this_process(), 0))


def lock(file: int) -> bool | None:
    """Locks a file. Returns whether the system allows it; None if it cannot tell."""
    if fcntl is None:
        return None
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            return None
        if error.errno in (errno.EACCES, errno.EAGAIN):
            return False
        raise
    return True


def check_holder(run: Run, file: int, mine: bool | None) -> None:
    """Refuses to take the lock from a process that lives."""
    holder = read_holder(file)
    for _ in range(10):
        if holder or mine is not False:
            break
        time.sleep(0.1)  # it may be about to write its name
        holder = read_holder(file)
    here = mine is not None and holder.get("host") in (None, socket.gethostname())
    age = 0.0 if here else seconds_since(run.lock)
    if not is_dead(holder, age, mine):
        raise UserError(holder_named(run, holder, age))


def sign(run: Run, file: int, mine: bool | None) -> None:
    """Writes into a lock file that this process holds it."""
    me = this_process()
    words = json.dumps(me).encode()
    os.lseek(file, 0, os.SEEK_SET)
    os.write(file, words)
    os.ftruncate(file, len(words))
    os.utime(run.lock)
    if not mine:
        time.sleep(SETTLED)  # another process may do the same at this moment; the last one wins
        if (holder := read_holder(file)) != me:
            raise UserError(holder_named(run, holder, 0))


def is_dead(holder: dict[str, Any], age: float, mine: bool | None) -> bool:
    """Returns whether the process that a lock file names no longer trains.

    Args:
        holder: The content of the file; empty if it names none.
        age: Seconds since its last sign of life.
        mine: Whether the system has given the lock to this process; None if it cannot tell.
    """
    here, silent = this_process(), age > SILENCE
    if not holder:  # a new file, if the system can tell nothing
        return mine is not False
    if holder.get("host") == here["host"]:
        return not lives(holder.get("pid"), silent) if mine is None else mine
    same_job = here["SLURM_JOB_ID"] is not None and holder.get("SLURM_JOB_ID") == here["SLURM_JOB_ID"]
    return same_job or silent


def lives(pid: Any, silent: bool) -> bool:
    """Returns whether a process of this machine lives, where the system has no locks that would say so."""
    if os.name == "nt" or not isinstance(pid, int) or pid <= 0 or silent:
        return not silent
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # the process of another user
        return True
    return True


def holder_named(run: Run, holder: dict[str, Any], age: float) -> str:
    host, pid = holder.get("host"), holder.get("pid")
    if not isinstance(host, str) or not isinstance(pid, int):
        return f"{run.folder} is being trained by another process: wait until it ends, or stop it, then resume again"
    said = f"{run.folder} is being trained by process {pid} on {host}"
    if host == socket.gethostname():
        return f"{said}: wait until it ends, or stop it (kill {pid}), then resume again"
    return (
        f"{said}, seen {max(age, 0):.0f} seconds ago: wait until it ends, or stop it; if it is dead, resume again when "
        f"it has not been seen for {SILENCE:.0f} seconds"
    )


def this_process() -> dict[str, Any]:
    started = datetime.now().astimezone().isoformat(timespec="seconds")
    job = os.environ.get("SLURM_JOB_ID")
    return {"host": socket.gethostname(), "pid": os.getpid(), "SLURM_JOB_ID": job, "started": started}


def read_holder(file: int) -> dict[str, Any]:
    """Returns what a lock file says; nothing if it is damaged."""
    os.lseek(file, 0, os.SEEK_SET)
    try:
        content = json.loads(os.read(file, 10_000))
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def seconds_since(path: Path) -> float:
    """Returns the age of a file by the clock of its disk, which may be another machine's."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".clock-") as now:
        os.utime(now.name)
        return os.stat(now.name).st_mtime - os.stat(path).st_mtime


def refresh(run: Run, done: threading.Event) -> None:
    """Touches a lock file every few seconds until done."""
    while not done.wait(REFRESH):
        with suppress(OSError):
            os.utime(run.lock)


def release(run: Run, file: int) -> None:
    """Removes the lock file, if it is still this process's, and unlocks it."""
    holder, me = read_holder(file), this_process()
    if same_file(file, run.lock) and all(holder.get(key) == me[key] for key in ("host", "pid")):
        if fcntl is None:
            os.truncate(file, 0)  # Windows removes no open file
        with suppress(OSError):
            run.lock.unlink()
    held.discard(inode(os.fstat(file)))
    os.close(file)


def inode(found: os.stat_result) -> tuple[int, int]:
    return found.st_dev, found.st_ino


def same_file(file: int, path: Path) -> bool:
    """Returns whether a path still leads to an open file."""
    try:
        return inode(os.stat(path)) == inode(os.fstat(file))
    except FileNotFoundError:
        return False
