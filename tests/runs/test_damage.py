"""Any file of a run may be damaged: the run goes on to the same end, or one line says why not."""

import os
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest
import torch
from helpers.commands import RUN, TINY, gan
from helpers.tiny import equal, state

TRAINING = ["fit", "--data", "Digits", *TINY, "--trainer.log_every_n_steps", "1", "--grid.every_n_steps", "2"]
TRAINING += ["--checkpoint.every_n_steps", "2", "--trainer.accelerator", "cpu"]


@pytest.fixture(scope="module", autouse=True)
def one_thread_for_all_runs() -> Iterator[None]:
    """All runs of this file compute with one thread. (Another number of threads rounds sums in another order.)"""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def halve(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def garble(path: Path) -> None:
    path.write_bytes(Random(0).randbytes(max(100, path.stat().st_size)))


def zero(path: Path) -> None:
    """What some file systems leave of a file that was not flushed before a power failure."""
    path.write_bytes(bytes(path.stat().st_size))


DAMAGES: list[Callable] = [halve, empty, Path.unlink, garble, zero]
CHECKPOINT = "checkpoints/last.ckpt"
FILES = [
    *("metrics.csv", CHECKPOINT, "checkpoints/best.ckpt", "config.yaml", "hparams.yaml", "losses.png"),
    *("training.gif", "grids/step-0000000.png", "grids/step-0000002.png", "grids/step-0000004.png", "*tfevents*"),
]
FEW = [("metrics.csv", garble), ("metrics.csv", Path.unlink), (CHECKPOINT, halve), ("grids/step-0000004.png", empty)]


def resume() -> str:
    """Goes on to iteration 6. Returns the line with which it ends, if it is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a film without a damaged picture
            gan(*TRAINING, "--trainer.max_steps", "6", "--ckpt_path", "last")
    except SystemExit as end:
        return f"status {end.code}"
    return ""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory) -> Path:
    """A run of four iterations."""
    folder = tmp_path_factory.mktemp("stopped")
    gan(*TRAINING, "--trainer.max_steps", "4", "--trainer.default_root_dir", str(folder))
    return folder / RUN


def copied(run: Path) -> None:
    """Copies a run, with two names for its checkpoint as before, into the working directory."""
    shutil.copytree(run, RUN)
    last, best = RUN / CHECKPOINT, RUN / "checkpoints/best.ckpt"
    best.unlink()
    os.link(last, best)


@pytest.fixture(scope="module")
def whole(stopped, tmp_path_factory) -> Path:
    """The same run, resumed without damage."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        copied(stopped)
        assert not resume()
    return folder / RUN


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        pytest.param(n, d, id=f"{n}-{d.__name__}", marks=[] if (n, d) in FEW else pytest.mark.long)
        for n in FILES
        for d in DAMAGES
    ],
)
def test_a_run_with_a_damaged_file_goes_on_to_the_same_end_or_says_why_not(
    name, damage, stopped, whole, in_tmp_path, capsys
):
    """By default a few files and ways to damage them, with `-m long` each file in each way."""
    copied(stopped)
    (path,) = RUN.glob(name)
    if "ckpt" in name:
        other = next(file for file in path.parent.iterdir() if file != path)
        other.unlink()  # they were one file
        shutil.copyfile(path, other)
    damage(path)
    capsys.readouterr()
    refused, said = resume(), capsys.readouterr()
    if name == CHECKPOINT and damage is not Path.unlink:
        assert refused == "status 2"
        assert f"--ckpt_path {RUN}/checkpoints/best.ckpt" in said.err.splitlines()[-1]
        assert "Traceback" not in said.err
    elif name != CHECKPOINT:
        assert not refused, said.err
        assert equal(state(RUN / CHECKPOINT), state(whole / CHECKPOINT))
        for file in (CHECKPOINT, "checkpoints/best.ckpt"):
            assert torch.load(RUN / file, weights_only=True)["global_step"] == 6
        if name == "grids/step-0000004.png":
            assert path.read_bytes() == (whole / name).read_bytes(), "drawn again"


def test_without_its_last_checkpoint_a_run_is_not_touched(stopped, in_tmp_path):
    """`last` then means another run, or a new one."""
    copied(stopped)
    (RUN / CHECKPOINT).unlink()
    before = {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()}
    assert not resume()
    assert {path: path.read_bytes() for path in RUN.rglob("*") if path.is_file()} == before
    assert RUN.with_name("version_1").is_dir()
