"""Generative adversarial networks with PyTorch Lightning.

The names below are imported when they are first used, so that `gan --help` need not wait for torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gan_lightning import callbacks as callbacks
    from gan_lightning import data as data
    from gan_lightning import likelihoods as likelihoods
    from gan_lightning import networks as networks
    from gan_lightning import objectives as objectives
    from gan_lightning import penalties as penalties
    from gan_lightning.feature_learner import FeatureLearner as FeatureLearner
    from gan_lightning.gan import GAN as GAN
    from gan_lightning.vae import VAE as VAE
    from gan_lightning.vae_gan import VAEGAN as VAEGAN

__all__ = [
    "GAN",
    "VAE",
    "VAEGAN",
    "FeatureLearner",
    "callbacks",
    "data",
    "likelihoods",
    "networks",
    "objectives",
    "penalties",
]

MODELS = {"FeatureLearner": "feature_learner", "GAN": "gan", "VAE": "vae", "VAEGAN": "vae_gan"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"gan_lightning.{MODELS.get(name, name)}")
    return getattr(module, name) if name in MODELS else module
