"""Files from strangers."""

import os
from pathlib import Path

import pytest
import torch

from gan_lightning import GAN, checkpoints
from gan_lightning.errors import UserError


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self):
        return os.system, (f"touch {self.target}",)


@pytest.mark.parametrize("read", [checkpoints.read, GAN.load_from_checkpoint])
def test_a_checkpoint_that_would_execute_code_is_refused_and_executes_nothing(read, tmp_path):
    torch.save({"state_dict": {}, "hyper_parameters": {"x": Bomb(tmp_path / "boom")}}, tmp_path / "evil.ckpt")
    with pytest.raises(UserError, match="execute code"):
        read(tmp_path / "evil.ckpt")
    assert not (tmp_path / "boom").exists()


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
        checkpoints.read(tmp_path / "a.ckpt")
    assert "\n" not in str(caught.value)


def test_a_file_of_something_else_is_refused(tmp_path):
    torch.save({"weights": torch.zeros(2)}, tmp_path / "a.pt")
    with pytest.raises(UserError, match="not a checkpoint of gan_lightning"):
        checkpoints.read(tmp_path / "a.pt")


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    torch.save({"state_dict": {}, "hyper_parameters": {"learning_rate": 0.1}}, tmp_path / "a.ckpt")
    with pytest.raises(UserError, match="another model than GAN"):
        GAN.load_from_checkpoint(tmp_path / "a.ckpt")


def test_weights_of_other_networks_are_refused_with_the_first_that_differs():
    with pytest.raises(UserError, match=r"weight is \(2, 3\) in the file and \(2, 4\) in the model"):
        checkpoints.check_fits({"weight": torch.zeros(2, 3)}, torch.nn.Linear(4, 2, bias=False), "a.ckpt")


@pytest.mark.parametrize(("path", "message"), [("nowhere.ckpt", "no checkpoint"), ("http://x.org/a.ckpt", "address")])
def test_what_is_no_file_is_refused(path, message):
    with pytest.raises(UserError, match=message):
        checkpoints.read(path)
