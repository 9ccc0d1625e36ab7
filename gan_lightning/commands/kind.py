"""What is trained: a GAN, another of the models that share its networks and data, or what judges them."""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from itertools import zip_longest
from pathlib import Path
from typing import Any

import yaml

from gan_lightning.errors import UserError
from gan_lightning.feature_learner import FeatureLearner
from gan_lightning.gan import GAN
from gan_lightning.learner import Learner
from gan_lightning.vae import VAE
from gan_lightning.vae_gan import VAEGAN

KINDS: dict[str, type[Learner]] = {kind.__name__: kind for kind in (GAN, VAE, VAEGAN, FeatureLearner)}

ADAM = {"class_path": "torch.optim.Adam", "init_args": {"lr": 2e-4, "betas": [0.5, 0.999]}}
DEFAULTS: dict[type[Learner], dict[str, Any]] = {
    GAN: {
        "model.generator": {"class_path": "MLPGenerator"},
        "model.discriminator": {"class_path": "MLPDiscriminator"},
        "model.objective": {"class_path": "NonSaturating"},
        "model.generator_optimizer": ADAM,
        "model.discriminator_optimizer": ADAM,
    },
    VAE: {
        "model.generator": {"class_path": "MLPGenerator"},
        "model.encoder": {"class_path": "MLPDiscriminator"},
        "model.likelihood": {"class_path": "Bernoulli"},
        "model.autoencoder_optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-3}},
    },
    VAEGAN: {
        "model.generator": {"class_path": "MLPGenerator"},
        "model.encoder": {"class_path": "MLPDiscriminator"},
        "model.discriminator": {"class_path": "MLPDiscriminator"},
        "model.objective": {"class_path": "NonSaturating"},
        **{f"model.{player}_optimizer": ADAM for player in ("generator", "encoder", "discriminator")},
    },
    FeatureLearner: {
        "model.network": {"class_path": "FeatureNetwork"},
        "model.network_optimizer": {"class_path": "torch.optim.Adam", "init_args": {"lr": 1e-3}},
    },
}
"""What `gan fit` trains if nothing else is said: the defaults of each class, in the words of a config."""


def kind_of(arguments: Sequence[str]) -> type[Learner]:
    """The model that the arguments of `gan fit` ask for, which decides what options there are.

    `--kind` and the key `kind` of --config files override each other in order.

    Raises:
        UserError: There is no such model.
    """
    name = "GAN"
    for key, value in pairs(arguments):
        name = str(value if key == "--kind" else in_config(value, name))
    if name not in KINDS:
        near = [kind for kind in KINDS if kind == name.upper()] or get_close_matches(name, KINDS, n=1, cutoff=0.5)
        raise UserError(
            f"kind is {name}" + (f"; did you mean {near[0]}?" if near else f"; there are {', '.join(KINDS)}")
        )
    return KINDS[name]


def pairs(arguments: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The options --kind and --config and their values, in order."""
    for word, following in zip_longest(arguments, arguments[1:], fillvalue=""):
        key, equals, value = word.partition("=")
        if key in ("--kind", "--config"):
            yield key, value if equals else following


def in_config(config: str, otherwise: str) -> Any:
    """The kind in a config; what is wrong with a config, the parser says."""
    try:
        words = yaml.safe_load(Path(config).read_text())
    except (OSError, ValueError, yaml.YAMLError):
        return otherwise
    return words.get("kind", otherwise) if isinstance(words, dict) else otherwise
