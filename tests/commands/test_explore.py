"""`gan explore` as a user meets it, but for the page itself."""

import pytest
import torch
from helpers.commands import SMALL, TINY, gan, mistake

from gan_lightning.commands import explore
from gan_lightning.core.errors import UserError
from gan_lightning.data import Digits, ImageFolder
from gan_lightning.page.training_images import TrainingImages


@pytest.fixture
def trained(in_tmp_path, capsys) -> None:
    gan("fit", *SMALL, *TINY)
    capsys.readouterr()


def test_a_mistake_ends_with_one_line_that_helps(trained, capsys, monkeypatch):
    ring = ["--data", "Ring", "--data.batch_size", "8", "--trainer.max_steps", "2", "--grid.every_n_steps", "0"]
    gan("fit", *ring, "--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]")
    capsys.readouterr()
    monkeypatch.setattr(explore, "find_spec", lambda name: None)
    assert 'pip install "gan-lightning[explore]"' in mistake(capsys, "explore", "last")
    monkeypatch.setattr(explore, "find_spec", lambda name: name)
    for arguments, words in [
        (["nowhere.ckpt"], "nowhere.ckpt"),
        ([], "ckpt_path"),
        (["last", "--port", "0"], "makes points of the plane, not images"),
        (["lightning_logs/version_0", "--port", "70000"], "port is 70000"),
        (["lightning_logs/version_0", "--host", "203.0.113.7"], "choose another --host"),
        (["lightning_logs/version_0", "--device", "abacus"], "device is abacus"),
        (["lightning_logs/version_0", "--directions", "nowhere"], "there is no file nowhere"),
        (["lightning_logs/version_0", "--tuned", "nowhere"], "there is no file nowhere: tuned takes"),
        (["lightning_logs/version_0", "--data", "nowhere"], "nowhere"),
        (["lightning_logs/version_0", "--data", "CIFAR10"], "(3, 32, 32)"),
    ]:
        assert words in mistake(capsys, "explore", *arguments)


def test_training_images_are_there_if_they_are_at_hand(capsys):
    assert explore.training_images(None, (1, 8, 8), False) is None
    assert explore.training_images(ImageFolder("nowhere"), (3, 64, 64), False) is None
    with pytest.raises(UserError, match="cannot be read: the terminal") as caught:
        TrainingImages(ImageFolder("nowhere")).nearest(torch.zeros(3, 64, 64), 1)
    assert "nowhere" not in str(caught.value)
    assert "nowhere" in capsys.readouterr().err
    data = Digits()
    found = explore.training_images(data, data.image_shape, False)
    assert found is not None
    x = data.as_floats(next(found.blocks())[3])
    near = found.nearest(x, 2)
    assert near.distances[0] == 0
