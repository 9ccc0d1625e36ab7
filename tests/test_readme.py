"""What the pages tell a user to run, runs, in a folder that holds nothing of the package."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from gan_lightning import cli
from gan_lightning.commands.configs import names

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md")]
RUN = [
    "README.md",
    "CONTRIBUTING.md",
    "docs/training.md",
    "docs/evaluating.md",
    "docs/editing.md",
    "docs/translation.md",
    "docs/lightning_cli.md",
]
"""Pages whose code blocks run, in their order. (tests/runs/test_clusters.py runs docs/clusters.md.)"""

FIRST_RUN = ["docs/training.md", "docs/evaluating.md", "docs/editing.md"]
"""Pages for somebody who has trained on digits before."""

SHORT = ["--trainer.max_steps", "2"]


@pytest.fixture(autouse=True)
def working_folder(in_tmp_path, mnist_root, monkeypatch):
    """A folder with what a user has: MNIST, some pictures, some points. The configs are those of the package."""
    for name in [name for name in sys.modules if name.startswith("my_")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("data", "some/folder"):
        shutil.copytree(mnist_root, name)
    Path("my_points.csv").write_text("".join(f"{i % 7},{i * i % 11}\n" for i in range(256)))
    Path("my_images").mkdir()
    for i in range(640):
        Image.new("RGB", (60, 50), (i % 256, i // 3, 40)).save(f"my_images/{i}.png")
    for name in ("my_horses", "my_zebras"):
        shutil.copytree("my_images", name, ignore=shutil.ignore_patterns("???.png"))
    shutil.copytree("my_images", "my_pairs", ignore=shutil.ignore_patterns("???.png"))


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), flags=re.MULTILINE | re.DOTALL)


def commands(page: str) -> list[str]:
    """The commands of a page but for installations, which `.ci/run` tries."""
    lines = [line for block in blocks(page, "bash") for line in block.splitlines() if line.strip()]
    return [line for line in lines if not line.startswith("pip install")]


def files(page: str) -> dict[str, str]:
    """The blocks of a page that begin with the name of a file, by that name."""
    named = [block for language in ("python", "yaml") for block in blocks(page, language) if block.startswith("# ")]
    return {block.splitlines()[0].removeprefix("# "): block for block in named}


def run(command: str) -> None:
    """The command as written, but for two iterations."""
    program, *arguments = shlex.split(command)
    if "fit" in arguments:
        arguments += SHORT
    if "--judge.every_n_steps" in arguments:
        arguments += ["--judge.every_n_steps", "2"]
    if program == "python":
        subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
        return
    assert program == "gan", command
    try:
        cli.main(arguments)
    except SystemExit as end:
        if end.code:
            pytest.fail(f"{command} ended with status {end.code}")


def execute(script: str) -> dict:
    """A script as written, but for two iterations."""
    short = re.sub(
        r'max_epochs=\d+|max_steps=\d+|(max_steps": )\d+', lambda m: f"{m[1]}2" if m[1] else "max_steps=2", script
    )
    scope = {"__name__": "script"}
    exec(short, scope)
    return scope


@pytest.mark.parametrize("page", [RUN[0], *(pytest.param(page, marks=pytest.mark.long) for page in RUN[1:])])
def test_every_command_of_a_page_runs(page):
    if page in FIRST_RUN:
        cli.main(["fit", "--config", "digits", *SHORT])
    for name, text in files(page).items():
        Path(name).write_text(text)
    for command in commands(page):
        run(command)


def test_the_first_command_of_the_readme_trains():
    (first,) = [line for block in blocks("README.md", "bash") for line in block.splitlines() if "-e . &&" in line]
    run(first.removeprefix("pip install -e . && "))
    assert Path("lightning_logs/version_0/checkpoints/last.ckpt").is_file()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", RUN)
def test_every_script_of_a_page_runs(page):
    if page in FIRST_RUN:
        cli.main(["fit", "--config", "digits", *SHORT])
    for script in blocks(page, "python"):
        scope = execute(script)
        if "images" in scope:
            assert scope["images"].shape == (16, 1, 28, 28)
            assert scope["images"].abs().max() <= 1


def test_every_config_that_a_page_names_is_in_the_package():
    for page in PAGES:
        text = page.read_text()
        for name in re.findall(r"--config[ =]([\w/.]+)", text):
            known = name.removeprefix("configs/").removesuffix(".yaml") in names()
            assert (
                known
                or name in ("FILE", "NAME")
                or f"# {name}\n" in text
                or name.startswith("lightning_logs/")
                or (f" {name}\n" in text)
            ), f"{page} names {name}"
        for name in re.findall(r"configs/([\w/]+)\.yaml", text):
            assert name in names(), f"{page} names {name}"


def test_every_file_that_the_pages_link_to_exists():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page} links to {target}"


def anchor(heading: str) -> str:
    """The part of an address that leads to a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).strip().replace(" ", "-")


def test_every_heading_that_the_pages_link_to_exists():
    for page in PAGES:
        for target, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text()):
            path = page.parent / target if target else page
            headings = re.findall(r"^#+ (.*)$", path.read_text(), flags=re.MULTILINE)
            assert heading in map(anchor, headings), f"{page} links to {target}#{heading}"


def test_every_promise_is_held_by_a_test_that_exists():
    there = {path.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")}
    rows = re.findall(
        r"^\| (?!promise|precision).* \| (`[\w/]*test_.*) \|$", (ROOT / "docs/guarantees.md").read_text(), re.M
    )
    assert len(rows) > 20
    assert {name for row in rows for name in re.findall(r"`(.*?)`", row)} <= there
