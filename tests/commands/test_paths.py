"""Paths are read the same wherever they are written."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from helpers.commands import SMALL, TINY, gan

from gan_lightning.commands.paths import expanded
from gan_lightning.core.errors import UserError


def test_the_home_and_variables_are_replaced(in_tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("RUNS", "runs")
    assert expanded("~/a", "data.root") == "/home/me/a"
    assert expanded("${RUNS}/$RUNS", "data.root") == "runs/runs"
    assert expanded("a b/ü", "data.root") == "a b/ü"


def test_a_variable_that_is_not_set_is_named(in_tmp_path):
    with pytest.raises(UserError, match=r"data.root is \$NOWHERE/a, but there is no environment variable NOWHERE"):
        expanded("$NOWHERE/a", "data.root")


def test_a_path_that_exists_stays_as_it_is(in_tmp_path):
    Path("~").mkdir()
    Path("$HOME").mkdir()
    assert expanded("~", "data.root") == "~"
    assert expanded("$HOME", "data.root") == "$HOME"


def test_a_run_in_the_home_is_found_again_if_a_config_names_it_so(in_tmp_path, monkeypatch, capsys):
    home = in_tmp_path / "me"
    monkeypatch.setenv("HOME", str(home))
    Path("my.yaml").write_text(yaml.safe_dump({"trainer": {"default_root_dir": "~/runs"}}))
    gan("fit", "my.yaml", *SMALL, *TINY)
    assert (home / "runs/lightning_logs/version_0/checkpoints/last.ckpt").exists()
    gan("fit", "my.yaml", *SMALL, *TINY, "--ckpt_path", "last", "--trainer.max_steps", "6")
    assert "resuming from" in capsys.readouterr().out
    gan("predict", "~/runs", "--samples.folder=~/samples", "--samples.count", "1")
    assert (home / "samples/grid.png").exists()


def test_a_working_directory_that_was_deleted_is_said_in_one_line(tmp_path):
    """By a new process: libraries that it loads fail there in their own words."""
    shell = f"mkdir gone && cd gone && rmdir ../gone && {sys.executable} -m gan_lightning fit --config digits"
    done = subprocess.run(shell, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines()[-1] == "gan fit: the working directory is gone: change to another folder"
