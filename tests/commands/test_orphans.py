"""A process that another one started does not outlive it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.commands import SMALL, TINY

TWO = ["--trainer.devices", "2", "--trainer.accelerator", "cpu", "--trainer.max_steps", "100000"]
PATIENCE = 180
"""Seconds after which a process that goes on alone is killed."""


def children(process: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def is_running(process: int) -> bool:
    """Whether a process exists and is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="lists processes in /proc, as Linux has it")
@pytest.mark.parametrize("seconds", [0.0, 4.0])
def test_a_process_ends_when_the_one_that_started_it_is_killed(seconds: float, in_tmp_path: Path):
    words = [sys.executable, "-m", "gan_lightning", "fit", *SMALL, *TINY, *TWO]
    first = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (started := children(first.pid)) and first.poll() is None:
        time.sleep(0.05)
    time.sleep(seconds)  # whatever the second process does by then
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    ended = PATIENCE * 10
    while any(map(is_running, started)) and ended:  # for ever, if it does not notice
        time.sleep(0.1)
        ended -= 1
    for process in filter(is_running, started):
        os.kill(process, signal.SIGKILL)
    assert ended, "the second process goes on alone"
