"""The network that a file describes takes memory only if the file holds its weights."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import fit, tiny_gan
from torch import nn

from gan_lightning import GAN
from gan_lightning.core.blueprint import built
from gan_lightning.core.discovery import subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.networks import Discriminator, Generator


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    fit(tiny_gan(), max_steps=1).save_checkpoint(tmp_path / "theirs.ckpt", weights_only=False)
    return tmp_path / "theirs.ckpt"


def changed(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    content = torch.load(path, weights_only=True)
    change(content)
    torch.save(content, path)
    return path


def generator_words(content: dict[str, Any]) -> dict[str, Any]:
    return content["hyper_parameters"]["generator"]["init_args"]


def resumed(path: Path) -> None:
    fit(tiny_gan(), ckpt_path=path)


LOADERS: list[Callable] = [GAN.load_from_checkpoint, GenerativeModel.sampler_from_checkpoint]


@pytest.mark.parametrize("load", LOADERS, ids=["model", "sampler"])
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hidden": [60_000, 60_000]}, "describes a network with more bytes than its weights explain"),
        ({"latent_dim": 10**12}, "describes a network with more bytes than its weights explain"),
        ({"latent_dim": 4}, "does not fit this model: generator"),
        ({"latent_dim": 10**30}, "describes a network that cannot be built"),
        ({"hidden": [1] * 300_000}, "describes a network with more tensors than its weights explain"),
        ({"hidden": "many"}, "describes a network that cannot be built"),
        ({"width": 3}, "describes a network that cannot be built (got an unexpected"),
    ],
)
def test_a_network_larger_than_the_weights_in_its_file_is_never_built(load, options, words, saved, monkeypatch):
    changed(saved, lambda content: generator_words(content).update(options))
    devices = []
    monkeypatch.setattr(nn.Linear, "reset_parameters", lambda self: devices.append(self.weight.device.type))
    with pytest.raises(UserError) as caught:
        load(saved)
    assert words in str(caught.value)
    assert {*devices} <= {"meta"}


@pytest.mark.parametrize("load", LOADERS, ids=["model", "sampler"])
def test_a_checkpoint_of_a_newer_version_says_which(load, saved):
    def by_another(content: dict[str, Any]) -> None:
        generator_words(content)["width"] = 3
        content["gan-lightning_version"] = "99.0"

    with pytest.raises(UserError, match=r"gan-lightning 99\.0 wrote it, and this is \d"):
        load(changed(saved, by_another))


@pytest.mark.parametrize(
    "load", [*LOADERS, lambda path: fit(tiny_gan(), ckpt_path=path)], ids=["model", "sampler", "fit"]
)
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(load, value, saved):
    def spoil(content: dict[str, Any]) -> None:
        content["state_dict"]["generator.layers.0.0.weight"][0, 0] = value

    with pytest.raises(UserError, match=r"weights that are not finite \(generator"):
        load(changed(saved, spoil))


@pytest.mark.parametrize("base", [Generator, Discriminator])
def test_every_network_of_the_package_has_its_shapes_without_memory(base):
    for cls in subclasses(base):
        if cls.__module__.startswith("gan_lightning.") and not inspect.isabstract(cls):
            real: nn.Module = cls((3, 32, 32))
            state = real.state_dict()
            assert built(lambda cls=cls: cls((3, 32, 32)), state, "a file").state_dict().keys() == state.keys()
