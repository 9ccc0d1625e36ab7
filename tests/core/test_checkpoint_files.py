"""Files from strangers."""

import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.processes import gan, start, status, wait_until
from helpers.tiny import SHAPE, Blobs, fit, tiny_gan
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer
from lightning.pytorch.callbacks import ModelCheckpoint

from gan_lightning import GAN
from gan_lightning.core import checkpoint_files
from gan_lightning.core.errors import UserError
from gan_lightning.models.sampling import seed_loader
from gan_lightning.networks import MLPDiscriminator, MLPGenerator


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


def plant(folder: Path) -> Path:
    """A real checkpoint with a bomb in it."""
    path = folder / "evil.ckpt"
    fit(tiny_gan(), max_steps=1).save_checkpoint(path, weights_only=False)
    checkpoint = torch.load(path, weights_only=True)
    torch.save({**checkpoint, "callbacks": {"x": Bomb(folder / "boom")}}, path)
    return path


def trainer(**options: Any) -> Trainer:
    return Trainer(logger=False, enable_progress_bar=False, accelerator="cpu", enable_checkpointing=False, **options)


ENTRIES: dict[str, Callable[[Path], Any]] = {
    "read": checkpoint_files.read,
    "load_from_checkpoint": GAN.load_from_checkpoint,
    "ImageData.load_from_checkpoint": Blobs.load_from_checkpoint,
    "Trainer.fit": lambda path: trainer(max_steps=2).fit(tiny_gan(), Blobs(), ckpt_path=path),
    "Trainer.fit, trusting": lambda path: trainer(max_steps=2).fit(
        tiny_gan(), Blobs(), ckpt_path=path, weights_only=False
    ),
    "Trainer.validate": lambda path: trainer().validate(tiny_gan(), Blobs(), ckpt_path=path),
    "Trainer.test": lambda path: trainer().test(tiny_gan(), Blobs(), ckpt_path=path),
    "Trainer.predict": lambda path: trainer().predict(tiny_gan(), seed_loader(), ckpt_path=path),
}


@pytest.mark.parametrize("forced", [False, True])
@pytest.mark.parametrize("entry", ENTRIES)
def test_a_checkpoint_that_would_execute_code_is_refused_and_executes_nothing(entry, forced, tmp_path, monkeypatch):
    if forced:
        monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "1")
    path = plant(tmp_path)
    with pytest.raises((UserError, MisconfigurationException)) as caught:  # validate and test have no step to run yet
        ENTRIES[entry](path)
    if entry not in ("Trainer.validate", "Trainer.test", "ImageData.load_from_checkpoint"):
        assert "could execute code" in str(caught.value)
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("command", ["fit --data Digits", "predict", "validate", "test"])
def test_no_command_executes_what_a_checkpoint_carries(command, tmp_path, monkeypatch):
    path = plant(tmp_path)
    monkeypatch.chdir(tmp_path)
    code = status(start(gan, *command.split(), "--ckpt_path", str(path)))
    output = (tmp_path / "output.txt").read_text()
    assert code == 2
    assert "could execute code" in output.splitlines()[-1]
    assert "Traceback" not in output
    assert not (tmp_path / "boom").exists()


def test_a_checkpoint_at_an_address_is_refused_by_the_trainer_too():
    with pytest.raises(UserError, match="is a URL"):
        trainer(max_steps=2).fit(tiny_gan(), Blobs(), ckpt_path="http://127.0.0.1:9/evil.ckpt")


def test_a_checkpoint_cannot_name_a_class_that_is_not_loaded(tmp_path):
    bomb = {"class_path": "os.system", "init_args": {"command": f"touch {tmp_path}/boom"}}
    words = {"generator": bomb, "discriminator": bomb}
    torch.save({"state_dict": {}, "hyper_parameters": words}, tmp_path / "evil.ckpt")
    with pytest.raises(UserError, match=r"names os\.system"):
        GAN.load_from_checkpoint(tmp_path / "evil.ckpt")
    assert not (tmp_path / "boom").exists()


def damaged(path: Path, kind: str) -> None:
    torch.save({"state_dict": {"a": torch.zeros(1000)}, "hyper_parameters": {}}, path)
    content = path.read_bytes()
    path.write_bytes({"truncated": content[: len(content) // 2], "empty": b"", "text": b"hello\n" * 9}[kind])


@pytest.mark.parametrize("kind", ["truncated", "empty", "text"])
def test_a_damaged_file_is_named_in_one_line(kind, tmp_path):
    damaged(tmp_path / "a.ckpt", kind)
    with pytest.raises(UserError, match=r"a\.ckpt .*damaged") as caught:
        checkpoint_files.read(tmp_path / "a.ckpt")
    assert "\n" not in str(caught.value)


def test_a_file_of_something_else_is_refused(tmp_path):
    torch.save({"weights": torch.zeros(2)}, tmp_path / "a.pt")
    with pytest.raises(UserError, match="not a complete checkpoint of gan_lightning"):
        checkpoint_files.read(tmp_path / "a.pt")


@pytest.mark.parametrize(
    ("key", "value"),
    [("state_dict", [1]), ("optimizer_states", None), ("loops", {}), ("global_step", "4"), ("callbacks", None)],
)
def test_a_checkpoint_that_lacks_something_is_refused_in_one_line(key, value, tmp_path):
    path = tmp_path / "a.ckpt"
    fit(tiny_gan(), max_steps=1).save_checkpoint(path, weights_only=False)
    torch.save({**torch.load(path, weights_only=True), key: value}, path)
    with pytest.raises(UserError, match=r"not a complete checkpoint of gan_lightning: no \w+"):
        fit(tiny_gan(), max_steps=2, ckpt_path=path)


def test_a_state_that_could_not_be_read_again_is_not_written(tmp_path):
    checkpoint_files.write(GOOD, tmp_path / "a.ckpt")
    with pytest.raises(UserError, match=r"could not be read again \(pathlib\S*Path\): let callbacks"):
        checkpoint_files.write({**GOOD, "callbacks": {"mine": tmp_path}}, tmp_path / "a.ckpt")
    assert [p.name for p in tmp_path.iterdir()] == ["a.ckpt"]
    assert torch.equal(checkpoint_files.read(tmp_path / "a.ckpt")["state_dict"]["weight"], torch.ones(3))


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    torch.save({"state_dict": {}, "hyper_parameters": {"learning_rate": 0.1}}, tmp_path / "a.ckpt")
    with pytest.raises(UserError, match="a model other than GAN"):
        GAN.load_from_checkpoint(tmp_path / "a.ckpt")


def test_weights_of_other_networks_are_refused_with_the_first_that_differs():
    with pytest.raises(UserError, match=r"weight is \(2, 3\) in the file and \(2, 4\) in the model"):
        checkpoint_files.check_fits({"weight": torch.zeros(2, 3)}, torch.nn.Linear(4, 2, bias=False), "a.ckpt")


@pytest.mark.parametrize(("path", "message"), [("nowhere.ckpt", "no checkpoint"), ("http://x.org/a.ckpt", "URL")])
def test_what_is_no_file_is_refused(path, message):
    with pytest.raises(UserError, match=message):
        checkpoint_files.read(path)


# ---- writing ------------------------------------------------------------------------------------------------------

GOOD = {"state_dict": {"weight": torch.ones(3)}, "hyper_parameters": {}}


def write_much(path: Path) -> None:
    checkpoint_files.write({**GOOD, "state_dict": {"weight": torch.zeros(10**8)}}, path)


def write_little(path: Path) -> None:
    """Writes on a disk with room for little."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, -1))
    try:
        checkpoint_files.write({**GOOD, "state_dict": {"weight": torch.zeros(10**6)}}, path)
    except UserError as error:
        path.with_suffix(".txt").write_text(str(error))


def test_a_kill_while_a_checkpoint_is_written_leaves_the_previous_one_whole(tmp_path):
    path = tmp_path / "a.ckpt"
    checkpoint_files.write(GOOD, path)
    part = tmp_path / ".a.ckpt.part"
    process = start(write_much, path)
    wait_until(lambda: part.exists() and part.stat().st_size > 10**6, process)
    process.kill()
    assert status(process) == 128 + signal.SIGKILL
    assert part.exists(), "it was in the middle"
    assert torch.equal(checkpoint_files.read(path)["state_dict"]["weight"], torch.ones(3))
    checkpoint_files.write(GOOD, path)
    assert [p.name for p in tmp_path.iterdir()] == ["a.ckpt"], "the next one clears up"


def test_a_full_disk_says_so_and_keeps_the_previous_checkpoint(tmp_path):
    path = tmp_path / "a.ckpt"
    checkpoint_files.write(GOOD, path)
    assert status(start(write_little, path)) == 0
    message = path.with_suffix(".txt").read_text()
    assert message.startswith(f"{path} cannot be written: File too large; the previous checkpoints are kept")
    assert torch.equal(checkpoint_files.read(path)["state_dict"]["weight"], torch.ones(3))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.ckpt", "a.txt"]


def test_a_bug_of_ours_in_a_checkpoint_is_not_taken_for_a_full_disk(tmp_path):
    with pytest.raises(Exception, match="pickle"):
        checkpoint_files.write({**GOOD, "x": lambda: None}, tmp_path / "a.ckpt")


def test_lightnings_own_checkpoints_are_written_the_same_way(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(checkpoint_files, "write", lambda content, path: written.append(Path(path).name))
    keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=2, save_top_k=-1)
    fit(tiny_gan(), max_steps=4, callbacks=[keep], enable_checkpointing=True, default_root_dir=tmp_path)
    assert written == ["step=2.ckpt", "step=4.ckpt"]


def test_any_model_of_this_package_is_found_though_only_the_base_is_imported(tmp_path):
    gan = GAN(MLPGenerator(SHAPE, hidden=[4]), MLPDiscriminator(SHAPE, hidden=[4]))
    fit(gan, max_steps=1).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    code = "from gan_lightning.models.generative import GenerativeModel\n"
    code += "print(type(GenerativeModel.load_from_checkpoint('a.ckpt')).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "GAN\n", done.stderr
