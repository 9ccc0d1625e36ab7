"""What a plain `pip install` puts on a user's disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gan_lightning.commands import configs

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder with the package as its wheel has it."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", str(folder / "site"), str(wheel)], check=True)
    return folder / "site"


def run(installed: Path, folder: Path, *arguments: str) -> str:
    """What the installed command prints in a folder that holds nothing else."""
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-P" if sys.version_info >= (3, 11) else "-s", "-m", "gan_lightning", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_holds_all_configs_and_the_feature_network(installed):
    package = installed / "gan_lightning"
    theirs = {path.relative_to(package).as_posix() for path in package.rglob("*.*")}
    ours = {f"configs/{name}.yaml" for name in configs.names()}
    assert ours | {"networks/mnist.safetensors", "networks/colour.safetensors", "py.typed"} <= theirs
    assert len(ours) > 15


def test_a_config_of_the_package_trains_in_an_empty_folder(installed, tmp_path):
    text = run(
        installed, tmp_path, "fit", "--config", "digits", "--config", "overlays/hinge", "--trainer.max_steps", "1"
    )
    assert "gan predict" in text
    assert (tmp_path / "lightning_logs/version_0/checkpoints/last.ckpt").is_file()


def test_configs_are_listed_with_a_line_each_and_copied_out(installed, tmp_path):
    lines = run(installed, tmp_path, "configs").splitlines()
    for name in configs.names():
        (line,) = (line for line in lines if line.startswith(f"{name} "))
        assert len(line.split()) > 3, "and says what it is"
    run(installed, tmp_path, "configs", "mnist")
    assert (tmp_path / "mnist.yaml").read_bytes() == (ROOT / "configs/mnist.yaml").read_bytes()


def test_a_reader_that_has_seen_enough_is_no_error():
    shell = f"{sys.executable} -m gan_lightning configs | head -n 1"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True)
    assert done.stdout.startswith(f"{min(path.stem for path in configs.folder().glob('*.yaml'))} ")
    assert done.stderr == ""


def test_a_file_of_the_working_directory_wins_over_a_config_of_the_package(in_tmp_path):
    assert configs.located("mnist") == configs.located("configs/mnist.yaml") == str(configs.folder() / "mnist.yaml")
    Path("mnist").write_text("seed: 1\n")
    assert configs.located("mnist") == "mnist"
    assert configs.located("no_such") == "no_such"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing"], "there is no config nothing: gan configs lists them all"),
        (["mnist", "there.yaml"], "there.yaml exists"),
        (["mnist", "no/where.yaml"], "there is no folder no for where.yaml"),
    ],
)
def test_a_config_that_cannot_be_copied_is_said_in_one_line(arguments, words, in_tmp_path, capsys):
    Path("there.yaml").write_text("")
    with pytest.raises(SystemExit) as caught:
        configs.configs(arguments)
    assert caught.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert words in line
