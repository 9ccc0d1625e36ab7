"""Feature networks that this package has trained, in files that hold only numbers and plain text."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from gan_lightning.core.blueprint import built
from gan_lightning.core.configurable import describe, rebuild
from gan_lightning.core.discovery import path_of
from gan_lightning.core.errors import UserError
from gan_lightning.core.nesting import check_nesting
from gan_lightning.core.whole_files import replacing
from gan_lightning.networks.contract import ImageFeatures
from gan_lightning.networks.features import FeatureNetwork
from gan_lightning.networks.lenet import LeNetFeatures

KINDS = {path_of(kind): kind for kind in (FeatureNetwork, LeNetFeatures)}
"""The classes that a file can name, by their path. No other class is looked up, whatever is loaded."""

COLOUR = Path(__file__).parent / "colour.safetensors"
"""A `FeatureNetwork` for colour images, which has learnt from CIFAR-10."""

PINNED = {
    "MNIST": Path(__file__).parent / "mnist.safetensors",
    "SecondMNIST": Path(__file__).parent / "mnist_second.safetensors",
    "Colour": COLOUR,
}
"""The feature networks that come with the package."""


class FeatureFile(NamedTuple):
    """The content of a file of features.

    Args:
        network: In evaluation mode; nothing computes gradients of its weights.
        about: What the file says of it: `name`, and how it was trained.
    """

    network: ImageFeatures
    about: Mapping[str, Any]


def read_features(path: Path) -> FeatureFile:
    """Reads a feature network from a file that `gan fit --config extractor` wrote. Nothing in it is executed.

    Raises:
        UserError: It holds no feature network.
    """
    try:
        with safe_open(path, "pt") as file:
            words: Mapping[str, str] = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        network = json.loads(words["network"])
        about: Mapping[str, Any] = json.loads(words["about"])
        check_nesting([network, about], path)
    except (SafetensorError, KeyError, ValueError, RecursionError) as error:
        raise UserError(f"{path} holds no feature network: train one with gan fit --config extractor") from error
    kind = network.get("class_path") if isinstance(network, dict) else network
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(f"{path} holds a {kind}, which is not a feature network of gan_lightning")
    made = built(lambda: cast(ImageFeatures, rebuild(network)), tensors, path)
    return FeatureFile(made.eval().requires_grad_(False), about)


def write_features(network: ImageFeatures, path: Path, about: dict[str, Any]) -> None:
    """Writes a feature network into one file.

    Args:
        network: Its weights are written as they are.
        path: The file; it should end in .safetensors.
        about: Plain values: `name`, and how it was trained.
    """
    words = {"network": json.dumps(describe(network)), "about": json.dumps(about)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(save({name: t.detach().cpu().contiguous() for name, t in network.state_dict().items()}, words))
