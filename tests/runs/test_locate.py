"""Which checkpoint `last` means, and what is offered in place of a damaged one."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from helpers.commands import RUN, SMALL, TINY, gan, mistake
from helpers.tiny import fit, tiny_gan

from gan_lightning.callbacks import KeepCheckpoints
from gan_lightning.core.errors import UserError
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.locate import check_unchanged, find_checkpoint, start
from gan_lightning.runs.run import Run


def train(root: Path, version: int, steps: int = 1) -> Run:
    folder = root / "lightning_logs" / f"version_{version}"
    fit(tiny_gan(), max_steps=steps, callbacks=[KeepCheckpoints()], enable_checkpointing=True, default_root_dir=folder)
    return Run(folder)


def touch(path: Path, seconds: float) -> None:
    moment = time.time() + seconds
    os.utime(path, (moment, moment))


def flip_a_bit_of_a_weight(path: Path) -> None:
    """Damages a file in a place that torch would not notice."""
    state = torch.load(path, weights_only=True)["state_dict"]
    weight = max(state.values(), key=torch.numel).numpy().tobytes()
    content = path.read_bytes()
    assert weight in content
    path.unlink()
    path.write_bytes(content.replace(weight, weight[:-1] + bytes([weight[-1] ^ 1])))
    torch.load(path, weights_only=True)


def cut(path: Path) -> None:
    content = path.read_bytes()
    path.unlink()  # best.ckpt may be the same file
    path.write_bytes(content[: len(content) // 2])


def empty(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"")


# ---- the newest ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["last", "best"])
def test_a_run_that_is_touched_or_copied_later_is_not_the_last(name, tmp_path):
    old, new = train(tmp_path, 0), train(tmp_path, 1)
    touch(old.checkpoint(name), 1000)
    shutil.copytree(old.folder, old.folder.with_name("version_2"))
    assert find_checkpoint(name, tmp_path) == new.checkpoint(name)
    assert find_checkpoint(tmp_path) == new.last


@pytest.mark.parametrize("copy", [shutil.copy, shutil.copy2])
def test_of_a_run_and_its_copy_the_original_is_the_last(copy, tmp_path):
    run = train(tmp_path, 0)
    touch(run.last, -5)
    for name in ("a_version_0", "version_0_copy"):
        shutil.copytree(run.folder, run.folder.with_name(name), copy_function=copy)
    assert find_checkpoint("last", tmp_path) == run.last


@pytest.mark.parametrize("said", [None, float("nan"), "yesterday", True])
def test_checkpoints_that_do_not_say_when_they_were_written_go_by_the_time_of_the_file(said, tmp_path):
    old, new = train(tmp_path, 0), train(tmp_path, 1)
    for run in (old, new):
        content = torch.load(run.last, weights_only=True)
        torch.save(content | {"written": said}, run.last)
    touch(old.last, 1000)
    assert find_checkpoint("last", tmp_path) == old.last


# ---- damage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [cut, empty, flip_a_bit_of_a_weight, Path.unlink])
def test_a_damaged_checkpoint_names_the_newest_whole_one_of_its_run(damage: Callable, tmp_path):
    other, run = train(tmp_path, 1, steps=4), train(tmp_path, 0, steps=3)
    shutil.copyfile(run.last, run.checkpoint("healthy"))
    for name in ("last", "best"):
        damage(run.checkpoint(name))
    healthy = run.checkpoint("healthy")
    with pytest.raises(UserError, match=rf"; the newest whole checkpoint is {healthy}, iteration 3: --ckpt_path"):
        Checkpoint(run.last)
    healthy.unlink()
    with pytest.raises(UserError, match=rf"; the newest whole checkpoint is {other.last}, iteration 4: --ckpt_path"):
        Checkpoint(run.last)
    for name in ("last", "best"):
        damage(other.checkpoint(name))
    with pytest.raises(UserError) as caught:
        Checkpoint(run.last)
    assert "the newest whole" not in str(caught.value)


def test_the_offered_checkpoint_resumes_the_run_and_heals_it(in_tmp_path, capsys):
    gan("fit", *SMALL, *TINY)
    cut(RUN / "checkpoints/last.ckpt")
    said = mistake(capsys, "fit", *SMALL, *TINY, "--ckpt_path", "last")
    offered = said.split("--ckpt_path ")[-1]
    assert offered == str(RUN / "checkpoints/best.ckpt")
    gan("fit", *SMALL, *TINY, "--ckpt_path", offered, "--trainer.max_steps", "5")
    gan("fit", *SMALL, *TINY, "--ckpt_path", "last", "--trainer.max_steps", "6")
    assert Checkpoint(RUN / "checkpoints/last.ckpt").iteration == 6
    assert [path.name for path in RUN.parent.iterdir()] == ["version_0"]


def test_a_run_that_has_moved_on_since_it_was_read_is_refused(tmp_path):
    run = train(tmp_path, 0)
    begin = start("last", tmp_path)
    check_unchanged(begin)
    content = run.last.read_bytes()
    run.last.unlink()
    run.last.write_bytes(content)
    with pytest.raises(UserError, match="version_0 has moved on: another process has trained it"):
        check_unchanged(begin)
