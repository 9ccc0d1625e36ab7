"""Generative adversarial networks with PyTorch Lightning.

The names below are imported when they are first used, so that `gan --help` need not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan_lightning import callbacks as callbacks
    from gan_lightning import data as data
    from gan_lightning import networks as networks
    from gan_lightning import objectives as objectives
    from gan_lightning import penalties as penalties
    from gan_lightning.gan import GAN as GAN

__all__ = ["GAN", "callbacks", "data", "networks", "objectives", "penalties"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return import_module("gan_lightning.gan").GAN if name == "GAN" else import_module(f"gan_lightning.{name}")
