"""Fixtures that many tests share."""

import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

if "PYTEST_XDIST_WORKER" in os.environ:  # as many workers as cores: one thread each, and for what they start
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from helpers.tiny import write_idx
from PIL import Image
from torchvision.models.vgg import cfgs, make_layers

from gan_lightning.commands import own_code
from gan_lightning.core import user_cache

CACHES = count()


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder for each test alone, which is not there yet."""
    folder = tmp_path_factory.getbasetemp() / "caches" / f"{next(CACHES)}"
    monkeypatch.setenv(user_cache.PLACE, str(folder))
    return folder


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory; modules of a user's own that a command finds there are forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(own_code.FOUND, raising=False)
    return tmp_path


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch computes with one thread. (Another number of threads rounds sums in another order.)"""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def vgg_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random weights of VGG-19's convolutions, named as torchvision names them."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "vgg19.pth"
    state = {f"features.{name}": tensor for name, tensor in make_layers(cfgs["E"]).state_dict().items()}
    torch.save(state | {"classifier.0.bias": torch.ones(2)}, path)
    return path


@pytest.fixture
def mnist_root(tmp_path: Path) -> Path:
    """A folder with real idx files, 512 images for MNIST and for FashionMNIST, and with pictures of ten classes."""
    generator = torch.Generator().manual_seed(0)
    for name in ("MNIST", "FashionMNIST"):
        for part in ("train", "t10k"):
            raw = tmp_path / "idx" / name / "raw"
            write_idx(raw / f"{part}-images-idx3-ubyte", torch.randint(256, (512, 28, 28), generator=generator))
            write_idx(raw / f"{part}-labels-idx1-ubyte", torch.arange(512) % 10)
    for i, pixels in enumerate(torch.randint(256, (400, 4, 4, 3), generator=generator).byte().numpy()):
        folder = tmp_path / "idx" / f"class {i % 10}"
        folder.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(folder / f"{i}.bmp")
    return tmp_path / "idx"
