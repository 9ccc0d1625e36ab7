"""Tiny players, tiny data, a quiet trainer, and ways to compare what comes of it."""

import struct
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.plugins.precision import MixedPrecision
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from gan_lightning import GAN
from gan_lightning.data import ImageData, Ring
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


class Ends(Callback):
    """Ends a training after an iteration, whatever its planned length."""

    def __init__(self, iteration: int) -> None:
        self.iteration = iteration

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        trainer.should_stop = trainer.global_step >= self.iteration


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


def equal(a: Any, b: Any) -> bool:
    """Equal bit for bit, in every leaf."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return type(a) is type(b) and a == b


def state(path: Path) -> dict[str, Any]:
    """Everything that a checkpoint holds of a training, but its times: players, average, optimizers, curves."""
    checkpoint = torch.load(path, weights_only=True)
    for key in ("cpu", "wall"):
        checkpoint["callbacks"].get("Cost", {}).pop(key, None)
    return {k: checkpoint[k] for k in checkpoint if k not in ("loops", "pytorch-lightning_version", "written")}


def half(scale: float = 2.0**10, **options: Any) -> dict[str, Any]:
    """16-mixed with a gradient scaler, on the CPU, where Lightning would choose bf16."""
    scaler = torch.amp.GradScaler("cpu", init_scale=scale, **options)
    return {"plugins": [MixedPrecision("16-mixed", "cpu", scaler)]}


def moved(gan, player: str, **options) -> float:
    """How far a player goes in one iteration."""
    before = weights(getattr(gan, player))
    fit(gan, max_steps=1, **options)
    names = [name for name, _ in getattr(gan, player).named_parameters()]
    after = weights(getattr(gan, player))
    return float(torch.cat([(after[n] - before[n]).flatten() for n in names]).norm())


POINT = (2, 1, 1)


def ring() -> Ring:
    return Ring(count=64, batch_size=8)


def toy_gan(**options: Any) -> GAN:
    """A tiny game on points."""
    torch.manual_seed(0)
    classes = options.pop("classes", 0)
    generator = MLPGenerator(POINT, 2, hidden=[8], batch_norm=False, classes=classes)
    return GAN(generator, MLPDiscriminator(POINT, hidden=[8], classes=classes, **options), seed=3)
