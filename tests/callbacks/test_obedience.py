"""Sampling and evaluating stop between two batches."""

import os
import signal
from pathlib import Path

import pytest
from helpers.commands import RUN, SMALL, TINY
from helpers.commands import gan as command
from helpers.processes import gan, start, status, wait_until

LAST = str(RUN / "checkpoints/last.ckpt")
MANY = ["--samples.count", "100000", "--samples.batch_size", "8"]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_sampling_stops_after_the_batch_in_which_a_signal_comes(name: str, in_tmp_path: Path):
    command("fit", *SMALL, *TINY)
    process = start(gan, "predict", LAST, *MANY)
    wait_until(lambda: Path("samples/00010.png").exists(), process)
    assert process.pid
    os.kill(process.pid, getattr(signal, name))
    assert status(process) == 128 + getattr(signal, name)
    assert f"{name}: stopped after " in Path("output.txt").read_text()
    assert "of 12,500 batches" in Path("output.txt").read_text()
    assert len([*Path("samples").glob("*.png")]) % 8 == 0
