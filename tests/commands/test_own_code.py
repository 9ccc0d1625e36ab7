"""Nothing in the folder where `gan` is started runs, but for modules that the user names."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.commands import gan, mistake
from PIL import Image

from gan_lightning.commands import own_code

PLANT = '''
"""Before a module is looked for, puts one of that name into the working directory."""

import os
import sys

FOLDER = os.getcwd()


class Plant:
    def find_spec(self, fullname, path=None, target=None):
        ours = "gan_lightning" in sys.modules and "." not in fullname and fullname != "gan_lightning"
        if ours and os.getcwd() == FOLDER and not os.path.exists(f"{fullname}.py"):
            with open(f"{fullname}.py", "w") as file:
                file.write(f"open({FOLDER!r} + '/ran.txt', 'a').write({fullname!r} + chr(10))")


sys.meta_path.insert(0, Plant())
'''

SCRIPT = "import sys\nfrom gan_lightning.cli import main\n\nif __name__ == '__main__':\n    main()\n"

TINY = ["--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]", "--trainer.max_steps", "2"]
LAZY = ["--data", "ImageFolder", "--data.root", "pictures", "--data.image_size", "8", "--data.memory_gib", "0"]
TWO = ["--data.batch_size", "4", "--trainer.devices", "2", "--trainer.accelerator", "cpu"]
LAST = "lightning_logs/version_0/checkpoints/last.ckpt"

MODULE = ["-m", "gan_lightning"]


@pytest.fixture(scope="module")
def downloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with some pictures and a checkpoint. When a command runs in it, it holds every module looked for."""
    folder = tmp_path_factory.mktemp("downloaded")
    (folder / "pictures").mkdir()
    for i in range(48):
        Image.fromarray(np.full((8, 8, 3), i * 5, dtype=np.uint8)).save(folder / f"pictures/{i}.png")
    site = folder.with_name(f"{folder.name}-site")
    site.mkdir()
    (site / "sitecustomize.py").write_text(PLANT)
    (site / "gan").write_text(SCRIPT)
    run(folder, *MODULE, "fit", *LAZY, *TINY, *TWO)
    checkpoint = torch.load(folder / LAST, weights_only=True)
    checkpoint["callbacks"]["ConfigWriter"]["settings"]["judge"]["extractor"] = "Inception"
    torch.save(checkpoint, folder / "inception.ckpt")
    return folder


def run(folder: Path, *words: str) -> str:
    """What a command prints in a folder, in a process of its own."""
    site = folder.with_name(f"{folder.name}-site")
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    words = tuple(str(site / "gan") if word == "gan" else word for word in words)
    done = subprocess.run([sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout + done.stderr


def test_training_with_two_processes_and_workers_imports_nothing_from_the_working_directory(downloaded: Path):
    assert (downloaded / LAST).exists()
    planted = {path.stem for path in downloaded.glob("*.py")}
    assert {"argcomplete", "torch", "rich", "PIL"} <= planted
    assert not (downloaded / "ran.txt").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["gan", "predict", LAST, "--samples.count", "1"], "wrote 1 image and grid.png"),
        (["gan", "test", LAST, "--judge.extractor", "CLIP"], "judge.extractor CLIP needs"),
        *(
            pytest.param(words, says, marks=pytest.mark.long)
            for words, says in [
                (["gan", "predict", "--help"], "--samples.count"),
                (["gan", "test", "inception.ckpt"], "needs torch-fidelity"),
                (
                    [*MODULE, "test", "inception.ckpt", "--judge.extractor", "MNIST"],
                    "judge.extractor knows grey images of 28x28",
                ),
            ]
        ),
        ([*MODULE, "configs"], "digits"),
    ],
)
def test_no_command_imports_from_a_folder_that_was_downloaded(downloaded: Path, words: list[str], says: str):
    if "-m" in words:  # Python itself looks for its own modules there first, before this package has a say
        for path in downloaded.glob("*.py"):
            path.unlink()
    assert says in run(downloaded, *words)
    assert not (downloaded / "ran.txt").exists()


OWN = '''
from gan_lightning.objectives import Hinge
from my_helpers import slope


class Mine(Hinge):
    """Imports a module beside it, and later another one."""

    def discriminator(self, real, fake):
        from my_late_helpers import late

        return late(slope * super().discriminator(real, fake))
'''


@pytest.fixture
def own(in_tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("my_mine.py").write_text(OWN)
    Path("my_helpers.py").write_text("slope = 1\n\n\ndef asks():\n    import my_unnamed\n")
    Path("my_late_helpers.py").write_text("def late(x):\n    return x\n")
    Path("my_unnamed.py").write_text("")
    for name in ("my_mine", "my_helpers", "my_late_helpers", "my_unnamed"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_a_module_that_is_named_may_import_what_lies_beside_it_whenever_it_likes(own):
    gan("fit", "--data", "Digits", "--model.objective", "my_mine.Mine", *TINY)
    assert Path(LAST).exists()
    assert {"my_mine", "my_helpers", "my_late_helpers"} <= {*sys.modules}


def test_a_module_that_nobody_has_named_is_not_there(own):
    gan("fit", "--data", "Digits", "--model.objective", "my_mine.Mine", *TINY)
    with pytest.raises(ImportError):
        import my_unnamed  # noqa: F401  # pyright: ignore[reportMissingImports]
    sys.modules["my_helpers"].asks()


def test_a_checkpoint_cannot_import_what_only_it_names(own, capsys):
    gan("fit", "--data", "Digits", *TINY)
    content = torch.load(LAST, weights_only=True)
    content["hyper_parameters"]["generator"]["class_path"] = "my_unnamed.Net"
    torch.save(content, "theirs.ckpt")
    assert "names my_unnamed.Net, which is not part of gan_lightning" in mistake(capsys, "predict", "theirs.ckpt")
    assert "my_unnamed" not in sys.modules


def test_a_process_that_is_started_later_finds_the_same_modules(own, tmp_path_factory: pytest.TempPathFactory):
    own_code.import_own("my_helpers")
    code = "import gan_lightning.cli, my_helpers; print(my_helpers.slope)"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert subprocess.check_output([sys.executable, "-c", code], cwd=elsewhere, text=True).strip() == "1"
