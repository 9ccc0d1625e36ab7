"""Generative adversarial networks with PyTorch Lightning.

Names are imported when they are first used, so that `gan --help` need not wait for torch. (At the beginning of `python
-m gan_lightning`, the working directory comes first on `sys.path`: until __main__.py takes it away, this module imports
only what Python has loaded already.)
"""

from importlib import import_module

TYPE_CHECKING = False

if TYPE_CHECKING:  # for editors; whatever lies in models/ is found without being listed
    from gan_lightning.commands.experiment import from_config as from_config
    from gan_lightning.models.cycle_translator import CycleTranslator as CycleTranslator
    from gan_lightning.models.feature_learner import FeatureLearner as FeatureLearner
    from gan_lightning.models.gan import GAN as GAN
    from gan_lightning.models.translator import Translator as Translator
    from gan_lightning.models.vae import VAE as VAE
    from gan_lightning.models.vae_gan import VAEGAN as VAEGAN


def __getattr__(name: str):
    """A module, a model by its name, or `from_config`."""
    from importlib.util import find_spec

    if name == "from_config":
        return import_module(f"{__name__}.commands.experiment").from_config
    if not name.startswith("_"):
        if find_spec(f"{__name__}.{name}"):
            return import_module(f"{__name__}.{name}")
        if hasattr(models := import_module(f"{__name__}.models"), name):
            return getattr(models, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
