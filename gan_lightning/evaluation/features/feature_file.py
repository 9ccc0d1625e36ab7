"""Extractors that look through feature networks of this package."""

from pathlib import Path

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.weight_files import digest_of
from gan_lightning.evaluation.features.extractor import Extracted, Extractor
from gan_lightning.networks.feature_files import PINNED, read_features


class Learnt(Extractor):
    """A feature network of this package from a file that `gan fit --config extractor` wrote.

    Args:
        path: A .safetensors file. Nothing in it is executed.
        any_size: Take images of other heights and widths, too, than the network was trained on, and grey ones as
            colour images of three equal channels.

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
        self.network, self.about = read_features(path)
        self.name, self.digest = self.about["name"], digest_of(path)
        self.stands_on = {digest_of(file): name for name, file in PINNED.items()}.get(self.digest, str(path))

    def to(self, device: torch.device) -> "Learnt":
        self.network.to(device)
        return self

    @torch.no_grad()
    def extract(self, x: Tensor) -> Extracted:
        shape = self.network.image_shape
        if self.any_size and x.shape[1] == 1:
            x = x.expand(-1, shape[0], -1, -1)
        if tuple(x.shape[1:]) != shape and not (self.any_size and x.shape[1] == shape[0]):
            raise UserError(
                f"judge.extractor knows {in_words(shape)} ({self.name}), but these are {in_words(tuple(x.shape[1:]))}: "
                "choose another, or train one on such images with gan fit --config extractor"
            )
        weight = next(self.network.parameters())
        with torch.autocast(weight.device.type, enabled=False):
            features = self.network(x.to(weight))
            knows = self.network.classes and not self.any_size  # of images of other kinds, its classes say nothing
            probabilities = self.network.scores(features).softmax(1).cpu() if knows else None
        return Extracted(features.cpu(), probabilities)


def in_words(shape: tuple[int, ...]) -> str:
    """Says what images (C, H, W) are: "grey images of 28x28"."""
    channels, height, width = shape
    kind = {1: "grey images", 3: "colour images"}.get(channels, f"images with {channels} channels")
    return f"{kind} of {height}x{width}"


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
