"""The loader on real idx files that the tests write, and on the real thing where it is at hand."""

from pathlib import Path

import pytest
import torch
import torchvision
from helpers.tiny import write_idx

from gan_lightning.core.errors import UserError
from gan_lightning.data import CIFAR10, MNIST, Digits, FashionMNIST
from gan_lightning.data import cifar10 as cifar_file

REAL = Path(__file__).parents[3] / "shared" / "data"


def loaded(data):
    data.prepare_data()
    data.setup("fit")
    return data.source.tensors


@pytest.mark.parametrize("kind", [MNIST, FashionMNIST])
def test_idx_files_become_the_bytes_that_they_hold(kind, mnist_root):
    raw = (mnist_root / kind.__name__ / "raw" / "train-images-idx3-ubyte").read_bytes()
    pixels, labels = loaded(kind(root=str(mnist_root)))
    assert pixels.shape == (512, 1, 28, 28)
    assert pixels.numpy().tobytes() == raw[16:]
    assert labels.tolist() == [i % 10 for i in range(512)]
    assert labels.dtype == torch.int64


def test_a_failed_download_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])
    with pytest.raises(UserError) as caught:
        MNIST(root=str(tmp_path)).prepare_data()
    message = str(caught.value)
    for word in ("train-images-idx3-ubyte.gz", "MNIST/raw", "data.root", "--config digits"):
        assert word in message
    assert "\n" not in message


def test_a_damaged_file_says_what_to_do(mnist_root):
    file = mnist_root / "MNIST" / "raw" / "train-images-idx3-ubyte"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(UserError, match="delete what is damaged"):
        loaded(MNIST(root=str(mnist_root)))


@pytest.mark.skipif(not REAL.exists(), reason="the full MNIST is not at hand in ../shared/data")
def test_the_real_mnist_has_sixty_thousand_digits():
    pixels, labels = loaded(MNIST(root=str(REAL)))
    assert pixels.shape == (60_000, 1, 28, 28)
    assert labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]


def test_digits_need_no_file_and_fill_the_range():
    pixels, labels = loaded(Digits())
    assert pixels.shape == (1797, 1, 28, 28)
    assert (pixels.min(), pixels.max()) == (0, 255)
    assert labels.bincount().min() >= 174


def test_cifar_comes_as_channels_first_bytes(tmp_path, monkeypatch):
    class Files:
        data = torch.arange(2 * 32 * 32 * 3).remainder(256).byte().view(2, 32, 32, 3).numpy()
        targets = (3, 8)

    monkeypatch.setattr(cifar_file, "open_dataset", lambda *args, **options: Files)
    pixels, labels = loaded(CIFAR10(root=str(tmp_path)))
    assert pixels.shape == (2, 3, 32, 32)
    assert pixels[1, :, 4, 5].tolist() == Files.data[1, 4, 5].tolist()
    assert labels.tolist() == [3, 8]


def test_a_failed_download_of_cifar_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(torchvision.datasets.CIFAR10, "url", "http://127.0.0.1:9/cifar-10-python.tar.gz")
    with pytest.raises(UserError, match=r"cifar-10-python\.tar\.gz into .* by hand"):
        CIFAR10(root=str(tmp_path)).prepare_data()


def test_written_idx_files_are_what_torchvision_reads(tmp_path):
    write_idx(tmp_path / "x", torch.arange(24).view(2, 3, 4))
    read = torchvision.datasets.mnist.read_image_file(str(tmp_path / "x"))
    assert torch.equal(read, torch.arange(24).view(2, 3, 4).byte())
