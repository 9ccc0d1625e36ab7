"""What README and CONTRIBUTING tell a user to run, runs."""

import re
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lightning import cli

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/*.md")]
NOT_HERE = ("pip install",)
"""What `.ci/run` runs."""


@pytest.fixture(autouse=True)
def a_clone(tmp_path, mnist_root, monkeypatch):
    """A folder with what a user has at hand: the configs, MNIST, some pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    shutil.copytree(ROOT / "configs", "configs")
    for name in ("data", "some/folder"):
        shutil.copytree(mnist_root, name)
    Path("my_points.csv").write_text("".join(f"{i % 7},{i * i % 11}\n" for i in range(256)))
    Path("my_images").mkdir()
    for i in range(400):
        Image.fromarray(np.full((50, 60, 3), i % 256, dtype=np.uint8)).save(f"my_images/{i}.png")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    return [line for block in blocks(page, "bash") for line in block.splitlines() if line.strip()]


def run(command: str) -> None:
    """The command as written, but for two iterations."""
    arguments = shlex.split(command)
    assert arguments.pop(0) == "gan", command
    short = ["--trainer.max_steps", "2"] if arguments[0] == "fit" else []
    try:
        cli.main([*arguments, *short])
    except SystemExit as end:
        if end.code or "--print_config" not in command:
            raise


def test_every_command_of_the_readme_runs():
    for command in commands("README.md"):
        if not command.startswith(NOT_HERE):
            run(command)
    (fit_digits,) = [c for c in commands("README.md") if c.startswith("pip install -e . && ")]
    run(fit_digits.removeprefix("pip install -e . && "))
    assert len(list(Path("samples").glob("00*.png"))) == 64


def test_the_script_of_the_readme_runs():
    (script,) = blocks("README.md", "python")
    assert "max_epochs=20" in script
    names = {}
    exec(script.replace("max_epochs=20", "max_steps=2, logger=False"), names)
    assert names["images"].shape == (16, 1, 28, 28)


def test_every_example_of_contributing_runs():
    for block in [*blocks("CONTRIBUTING.md", "python"), *blocks("CONTRIBUTING.md", "yaml")]:
        Path(block.splitlines()[0].removeprefix("# ")).write_text(block)
    for command in commands("CONTRIBUTING.md"):
        if not command.startswith(NOT_HERE):
            if "my_network" in command and "fit" in command:
                shutil.rmtree("lightning_logs", ignore_errors=True)  # so that its run is version_0
            run(command)


def test_every_file_that_the_pages_link_to_exists():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page} links to {target}"


def test_every_promise_is_held_by_a_test_that_exists():
    there = {path.name for path in (ROOT / "tests").rglob("test_*.py")}
    rows = re.findall(r"^\| (?!promise|precision).* \| (`test_.*) \|$", (ROOT / "docs/guarantees.md").read_text(), re.M)
    assert len(rows) > 20
    assert {name for row in rows for name in re.findall(r"`(.*?)`", row)} <= there
