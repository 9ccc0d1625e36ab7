"""Generative adversarial networks with PyTorch Lightning.

Names are imported when they are first used, so that `gan --help` need not wait for torch.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for editors; whatever lies in models/ is found without being listed
    from gan_lightning.models.feature_learner import FeatureLearner as FeatureLearner
    from gan_lightning.models.gan import GAN as GAN
    from gan_lightning.models.vae import VAE as VAE
    from gan_lightning.models.vae_gan import VAEGAN as VAEGAN


def __getattr__(name: str) -> Any:
    """A model by its name, or a module."""
    if not name.startswith("_"):
        if find_spec(f"{__name__}.{name}"):
            return import_module(f"{__name__}.{name}")
        if hasattr(models := import_module(f"{__name__}.models"), name):
            return getattr(models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
