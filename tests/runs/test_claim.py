"""Each new run has a folder of its own."""

from pathlib import Path
from threading import Barrier

import pytest
from helpers.commands import SMALL, TINY, gan, mistake
from helpers.processes import START, start, status

from gan_lightning.runs.claim import claim_folder, discard, discard_empty


def claim_five(logs: Path, said: Path, all_ready: Barrier) -> None:
    all_ready.wait()
    said.write_text(" ".join(claim_folder(logs).name for _ in range(5)))


def test_processes_that_claim_folders_at_the_same_moment_get_different_ones(tmp_path):
    files, all_ready = [tmp_path / f"{i}.txt" for i in range(4)], START.Barrier(4)
    group = [start(claim_five, tmp_path / "logs", file, all_ready) for file in files]
    assert [status(process) for process in group] == [0] * 4
    names = [name for file in files for name in file.read_text().split()]
    assert sorted(names) == sorted(f"version_{i}" for i in range(20))


def test_a_new_run_is_numbered_above_all_others_whatever_lies_there(tmp_path):
    assert claim_folder(tmp_path / "logs").name == "version_0"
    for name in ("version_3", "version_x", "notes"):
        (tmp_path / "logs" / name).mkdir()
    (tmp_path / "logs" / "version_7").write_text("a file")
    assert claim_folder(tmp_path / "logs").name == "version_8"


def test_only_claimed_folders_are_deleted(tmp_path):
    mine, empty, theirs = claim_folder(tmp_path), claim_folder(tmp_path), tmp_path / "version_9"
    theirs.mkdir()
    (mine / "file").write_text("")
    discard(theirs)
    discard_empty()
    assert sorted(tmp_path.iterdir()) == sorted([mine, theirs])
    discard(mine)
    assert [*tmp_path.iterdir()] == [theirs]
    assert not empty.exists()


@pytest.mark.parametrize(
    "wrong", [["--trainer.accelerator", "tpu"], ["--trainer.gradient_clip_val", "1"], ["--data.batch_size", "4000"]]
)
def test_a_training_that_is_refused_leaves_no_folder(wrong, in_tmp_path, capsys):
    mistake(capsys, "fit", *SMALL, *TINY, *wrong)
    assert not [*Path().glob("lightning_logs/*")]


def test_a_file_in_place_of_the_folder_of_runs_is_refused_in_one_line(in_tmp_path, capsys):
    Path("lightning_logs").write_text("")
    assert "lightning_logs cannot hold a run: it is a file; move it away" in mistake(capsys, "fit", *SMALL, *TINY)


def test_a_full_or_read_only_disk_is_refused_in_one_line(in_tmp_path, capsys, monkeypatch):
    def refuse(*_) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("gan_lightning.runs.claim.os.mkdir", refuse)
    assert "lightning_logs cannot hold a run: Read-only file system" in mistake(capsys, "fit", *SMALL, *TINY)


@pytest.mark.parametrize("name", ["two words", "größe 大小", "$(date) '\"", "x" * 255])
def test_a_root_may_have_any_name(name, in_tmp_path, capsys):
    gan("fit", *SMALL, *TINY, "--trainer.default_root_dir", name)
    last = f"{name}/lightning_logs/version_0/checkpoints/last.ckpt"
    assert Path(last).is_file()
    gan("fit", *SMALL, *TINY, "--trainer.default_root_dir", name, "--ckpt_path", "last", "--trainer.max_steps", "5")
    assert f"resuming from {last}, iteration 4" in capsys.readouterr().out


def test_a_root_with_too_long_a_name_is_refused_in_one_line(in_tmp_path, capsys):
    said = mistake(capsys, "fit", *SMALL, *TINY, "--trainer.default_root_dir", "x" * 256)
    assert "which cannot hold a run: File name too long" in said
