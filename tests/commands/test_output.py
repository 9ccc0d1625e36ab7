"""No terminal, pipe or encoding stops a command or loses what it writes."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.commands import RUN, SMALL, TINY, gan
from helpers.processes import PATIENCE

from gan_lightning.commands.output import surviving

GAN = [sys.executable, "-m", "gan_lightning"]
FIT = [*GAN, "fit", *SMALL, *TINY]


def shell(command: str, *words: str, **environment: str) -> int:
    """The exit status of a line in which $GAN stands for these words."""
    line = command.replace("$GAN", " ".join(f"'{word}'" for word in words))
    return subprocess.run(["bash", "-o", "pipefail", "-c", line], env={**os.environ, **environment}).returncode


def test_output_to_a_closed_pipe_is_discarded():
    read, write = os.pipe()
    output = surviving(None, write)
    os.close(read)
    print("nobody reads this", file=output, flush=True)
    print("nor this", file=output, flush=True)
    os.close(write)


def test_letters_that_a_terminal_does_not_know_become_question_marks(tmp_path: Path):
    with open(tmp_path / "output", "w", encoding="cp932") as file:
        output = surviving(file, file.fileno())
        print("Fréchet …", file=output, flush=True)
    assert (tmp_path / "output").read_text(encoding="cp932") == "Fr?chet …\n"


PIPE, CLOSED = "$GAN 2>&1 | head -n 1 > /dev/null", "$GAN >&- 2>&- <&-"


@pytest.mark.parametrize("line", [PIPE, CLOSED], ids=["closed pipe", "closed"])
def test_a_training_goes_on_without_anybody_who_reads(line: str, in_tmp_path: Path):
    assert shell(line, *FIT, PYTHONIOENCODING="ascii") == 0
    assert (RUN / "training.gif").is_file()
    head, *rows = (RUN / "metrics.csv").read_text().splitlines()
    assert head.startswith("step,")
    assert [row.split(",")[0] for row in rows] == ["2", "4"]


def test_a_report_is_written_without_anybody_who_reads(in_tmp_path: Path):
    gan("fit", *SMALL, *TINY)
    test = [*GAN, "test", "last", "--judge.samples", "40"]
    assert shell(PIPE, *test, PYTHONIOENCODING="ascii") == 0
    assert "Fréchet" in (RUN / "test-last/report.md").read_text(encoding="utf-8")


def test_a_closed_terminal_saves_and_ends_with_129(in_tmp_path: Path):
    process, terminal = pty.fork()
    if process == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may have been started by nohup
        os.execv(sys.executable, [*FIT, "--trainer.max_steps", "100000"])
    for _ in range(PATIENCE * 10):
        with contextlib.suppress(OSError):
            os.read(terminal, 1000)
        if (RUN / "metrics.csv").exists() and (RUN / "checkpoints/last.ckpt").exists():
            break
        time.sleep(0.1)
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == 129
    assert "1" in (RUN / "metrics.csv").read_text()
