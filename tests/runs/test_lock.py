"""One process at a time trains a run."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.processes import start, status, wait_until

from gan_lightning.core.errors import UserError
from gan_lightning.runs import lock
from gan_lightning.runs.lock import locked
from gan_lightning.runs.run import Run

HOST = socket.gethostname()


@pytest.fixture
def run(tmp_path) -> Run:
    return Run(tmp_path / "run")


def hold(folder: Path, ready: Path) -> None:
    with locked(Run(folder)):
        ready.write_text("")
        time.sleep(600)


def held_by_another(run: Run) -> Any:
    """A process that holds the lock of a run."""
    ready = run.folder.with_name("ready")
    process = start(hold, run.folder, ready)
    wait_until(ready.exists, process)
    return process


def test_a_second_process_is_refused_in_a_line_that_names_the_first(run):
    process = held_by_another(run)
    with pytest.raises(UserError, match=rf"run is being trained by process {process.pid} on {HOST}: wait"), locked(run):
        pass
    os.kill(process.pid, signal.SIGKILL)
    status(process)
    assert run.lock.exists()
    with locked(run):  # the system frees the lock of a process that was killed
        assert json.loads(run.lock.read_text())["pid"] == os.getpid()
    assert not run.lock.exists()


def refused(folder: Path) -> None:
    with pytest.raises(UserError), locked(Run(folder)):
        pass


def test_a_second_try_in_the_same_process_is_refused_and_does_not_free_the_lock(run):
    with locked(run):
        refused(run.folder)
        assert status(start(refused, run.folder)) == 0, "the lock still holds for others"


def test_the_lock_leaves_nothing_behind(run):
    with locked(run):
        pass
    assert not run.folder.exists()


def written_by(run: Run, seconds_ago: float = 0, **words: Any) -> None:
    """A lock file that another process has left; the disk's clock may be another than this machine's."""
    run.folder.mkdir()
    holder = {"host": "far", "pid": 7, "SLURM_JOB_ID": None, "started": "2026-01-01T00:00:00+00:00"} | words
    run.lock.write_text(json.dumps(holder))
    seen = time.time() - seconds_ago
    os.utime(run.lock, (seen, seen))


def assert_free(run: Run) -> None:
    with locked(run):
        assert json.loads(run.lock.read_text())["host"] == HOST


def no_system_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lock, "fcntl", None)
    monkeypatch.setattr(lock, "SETTLED", 0)


def everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's locks work."""


@pytest.fixture(params=[everywhere, no_system_locks])
def system(request, monkeypatch) -> None:
    change: Callable = request.param
    change(monkeypatch)


@pytest.mark.usefixtures("system")
class TestAnotherMachine:
    """Where the system's locks may not reach it, the lock file decides."""

    def test_one_that_was_seen_just_now_is_alive(self, run):
        written_by(run, seconds_ago=10)
        with pytest.raises(UserError, match=r"by process 7 on far, seen 1\d seconds ago.*if it is dead"), locked(run):
            pass
        assert json.loads(run.lock.read_text())["host"] == "far"

    def test_one_that_was_not_seen_for_two_minutes_is_dead(self, run):
        written_by(run, seconds_ago=130)
        assert_free(run)

    def test_a_slurm_job_that_was_queued_again_need_not_wait(self, run, monkeypatch):
        monkeypatch.setenv("SLURM_JOB_ID", "77")
        written_by(run, SLURM_JOB_ID="77")
        assert_free(run)

    def test_another_slurm_job_must_wait(self, run, monkeypatch):
        monkeypatch.setenv("SLURM_JOB_ID", "78")
        written_by(run, SLURM_JOB_ID="77")
        refused(run.folder)


@pytest.mark.usefixtures("system")
@pytest.mark.parametrize("content", ["", "{", "\0" * 50, "[1]", "[" * 5000])
def test_a_damaged_lock_file_locks_nothing(content, run):
    run.folder.mkdir()
    run.lock.write_text(content)
    assert_free(run)


def test_without_system_locks_the_process_itself_decides(run, monkeypatch):
    no_system_locks(monkeypatch)
    process = start(time.sleep, 600)
    written_by(run, host=HOST, pid=process.pid)
    refused(run.folder)
    process.kill()
    status(process)
    assert_free(run)


def test_the_holder_keeps_its_lock_file_young(run, monkeypatch):
    monkeypatch.setattr(lock, "REFRESH", 0.01)
    with locked(run):
        os.utime(run.lock, (0, 0))
        deadline = time.monotonic() + 60
        while run.lock.stat().st_mtime == 0 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert run.lock.stat().st_mtime > 0


def test_a_lock_that_another_machine_has_taken_over_is_not_removed(run):
    with locked(run):
        run.lock.write_bytes(json.dumps({"host": "far", "pid": 7}).encode())
    assert run.lock.exists()


def test_a_lock_that_cannot_be_written_is_refused_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot hold a run: Not a directory"), locked(Run(tmp_path / "file" / "run")):
        pass
