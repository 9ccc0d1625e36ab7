"""Feature networks that this package has trained, in files that hold only numbers and plain text."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from gan_lightning.core.blueprint import built
from gan_lightning.core.configurable import describe, rebuild
from gan_lightning.core.discovery import path_of
from gan_lightning.core.errors import UserError
from gan_lightning.core.nesting import check_nesting
from gan_lightning.core.whole_files import replacing
from gan_lightning.evaluation.features.extractor import Extracted, Extractor
from gan_lightning.networks.contract import ImageFeatures
from gan_lightning.networks.features import FeatureNetwork
from gan_lightning.networks.lenet import LeNetFeatures

KINDS = {path_of(kind): kind for kind in (FeatureNetwork, LeNetFeatures)}
"""The classes that a file can name, by their path. No other class is looked up, whatever is loaded."""


class Learnt(Extractor):
    """A feature network of this package from a file that `gan fit --config extractor` wrote.

    Args:
        path: A .safetensors file. Nothing in it is executed.
        any_size: Take images of other heights and widths, too, than the network was trained on.

    Raises:
        UserError: There is no such file, or it holds no feature network.
    """

    def __init__(self, path: str | Path, any_size: bool = False) -> None:
        path, self.any_size = Path(path), any_size
        if not path.is_file():
            raise UserError(
                f"there is no file {path}: judge.extractor takes MNIST, SecondMNIST, StackedMNIST, Colour, "
                "EfficientNetLite0, HED, Inception, DINOv2, CLIP, or the features.safetensors that gan fit --config "
                "extractor makes"
            )
        try:
            with safe_open(path, "pt") as file:
                words: Mapping[str, str] = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
            network = json.loads(words["network"])
            self.about: Mapping[str, Any] = json.loads(words["about"])
            check_nesting([network, self.about], path)
        except (SafetensorError, KeyError, ValueError, RecursionError) as error:
            raise UserError(f"{path} holds no feature network: train one with gan fit --config extractor") from error
        kind = network.get("class_path") if isinstance(network, dict) else network
        if not isinstance(kind, str) or kind not in KINDS:
            raise UserError(f"{path} holds a {kind}, which is not a feature network of gan_lightning")
        self.network = built(lambda: cast(ImageFeatures, rebuild(network)), tensors, path)
        self.network.eval().requires_grad_(False)
        self.name, self.digest = self.about["name"], digest_of(path)

    def to(self, device: torch.device) -> "Learnt":
        self.network.to(device)
        return self

    @torch.no_grad()
    def extract(self, x: Tensor) -> Extracted:
        shape = self.network.image_shape
        if tuple(x.shape[1:]) != shape and not (self.any_size and x.shape[1] == shape[0]):
            raise UserError(
                f"the extractor {self.name} takes images of {shape}, but these are {tuple(x.shape[1:])}: set "
                "judge.extractor to another, or train one with gan fit --config extractor"
            )
        weight = next(self.network.parameters())
        with torch.autocast(weight.device.type, enabled=False):
            features = self.network(x.to(weight))
            knows = self.network.classes and not self.any_size  # of images of other kinds, its classes say nothing
            probabilities = self.network.scores(features).softmax(1).cpu() if knows else None
        return Extracted(features.cpu(), probabilities)


class Channelwise(Extractor):
    """Extracts the features of each channel as a grey image, side by side, with one class for each tuple of classes.

    The probability of a tuple is the product of its channels' probabilities. The first channel's class is the first
    digit of its number, as in `StackedMNIST`.

    Args:
        single: Extracts features of images with one channel, and knows classes.
    """

    def __init__(self, single: Extractor) -> None:
        self.single, self.digest, self.stands_on = single, single.digest, single.stands_on
        self.name = f"{single.name}, channel by channel"

    def to(self, device: torch.device) -> "Channelwise":
        self.single.to(device)
        return self

    def extract(self, x: Tensor) -> Extracted:
        features, probabilities = self.single.extract(x.flatten(0, 1).unsqueeze(1))
        assert probabilities is not None, "choose an extractor that knows classes"
        first, *others = probabilities.unflatten(0, x.shape[:2]).unbind(1)
        for other in others:
            first = (first.unsqueeze(2) * other.unsqueeze(1)).flatten(1)
        return Extracted(features.unflatten(0, x.shape[:2]).flatten(1), first)


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


def digest_of(path: Path) -> str:
    """The first twelve hexadecimal digits of the SHA-256 of a file, which may be larger than the memory."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()[:12]
