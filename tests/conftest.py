"""What many tests share: tiny players, tiny data, a quiet trainer, real idx files."""

import struct
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.pytorch import Callback, Trainer
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from gan_lightning import GAN
from gan_lightning.data import ImageData
from gan_lightning.networks import MLPDiscriminator, MLPGenerator
from gan_lightning.training.alternating import AlternatingModule

SHAPE = (1, 4, 4)


class Blobs(ImageData):
    """48 images of noise, 4x4, each a class of its own."""

    def __init__(self, batch_size: int = 8, seed: int = 0, images: int = 48) -> None:
        super().__init__(SHAPE, batch_size, seed, classes=images)
        self.images = images

    def load(self) -> TensorDataset:
        pixels = torch.randint(256, (self.images, *SHAPE), generator=torch.Generator().manual_seed(1)).byte()
        return TensorDataset(pixels, torch.arange(self.images))


def tiny_gan(**options: Any) -> GAN:
    """A GAN of a few hundred parameters, the same at every call."""
    torch.manual_seed(0)
    players = {"generator": MLPGenerator(SHAPE, latent_dim=3, hidden=[8])}
    return GAN(**{**players, "discriminator": MLPDiscriminator(SHAPE, hidden=[8]), **options})


def fit(gan: AlternatingModule, data: ImageData | DataLoader | None = None, **options: Any) -> Trainer:
    """Trains without files and bars; six iterations unless told otherwise."""
    quiet: dict[str, Any] = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    quiet |= {"enable_model_summary": False, "accelerator": "cpu", "log_every_n_steps": 2, "max_steps": 6}
    ckpt_path = options.pop("ckpt_path", None)
    trainer = Trainer(**(quiet | options))
    trainer.fit(gan, data or Blobs(), ckpt_path=ckpt_path, weights_only=True)
    return trainer


class Slopes(Callback):
    """The gradient of every update, flat, as the optimizer sees it."""

    def __init__(self) -> None:
        self.seen: list[Tensor] = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
        slopes = [p.grad for group in optimizer.param_groups for p in group["params"]]
        self.seen.append(torch.cat([s.flatten() for s in slopes]).clone())


def weights(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    """Equal bit for bit."""
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def write_idx(path: Path, array: Tensor) -> None:
    """An idx file of unsigned bytes, as MNIST's are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(header + array.byte().numpy().tobytes())


@pytest.fixture
def mnist_root(tmp_path: Path) -> Path:
    """A folder with real idx files: 512 images for MNIST and for FashionMNIST."""
    generator = torch.Generator().manual_seed(0)
    for name in ("MNIST", "FashionMNIST"):
        for part in ("train", "t10k"):
            raw = tmp_path / "idx" / name / "raw"
            write_idx(raw / f"{part}-images-idx3-ubyte", torch.randint(256, (512, 28, 28), generator=generator))
            write_idx(raw / f"{part}-labels-idx1-ubyte", torch.arange(512) % 10)
    return tmp_path / "idx"
