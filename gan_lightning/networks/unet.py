"""A network from image to image that sees the whole of it, and keeps its details."""

from itertools import pairwise

import torch
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.networks.contract import ImageShape, ImageToImage, Reach, padded_to_multiple
from gan_lightning.networks.layers import Squash, check_sizes

MOST_HALVINGS = 8

SEEN_AROUND = 128
"""Pixels that a tile sees around it. What is further away weighs little: of the gradient of a pixel, where instance
normalisation is by fixed means and variances, below 0.5 % on average (docs/results/translation.md)."""

MAPPED = 4
"""Halvings whose results are features."""


class UNetGenerator(ImageToImage):
    """Halves an image step by step and doubles it again; each size of the way down is shown to the way up; tanh.

    Convolutions are 4x4 with LeakyReLU(0.2) on the way down and ReLU on the way up, with instance normalisation but at
    the first and at the smallest size. Images of other heights and widths are padded by their edges, and cropped.

    Isola et al., "Image-to-image translation with conditional adversarial networks", 2017, Section 6.1 (there, width is
    64, max_width 512, and normalisation is by batches of one). https://arxiv.org/abs/1611.07004

    Args:
        image_shape: Channels, height, width of the images to make. The command line takes them from the data.
        input_channels: Channels of the images to start from. If null, as many as those to make.
        width: Channels after the first halving; each further one doubles them.
        max_width: Maximum number of channels.
        halvings: Number of halvings. If null, as many as the size allows, at most eight.
        dropout: Share of the channels that is dropped in the three smallest layers of the way up, in training; 0.5 in
            the paper.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        input_channels: int | None = None,
        width: int = 32,
        max_width: int = 256,
        halvings: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.input_channels = image_shape[0] if input_channels is None else input_channels
        steps = default_halvings(image_shape) if halvings is None else halvings
        check_sizes(input_channels=self.input_channels, width=width, max_width=max_width, halvings=steps)
        check_halvings(steps, image_shape)
        if not 0 <= dropout < 1:
            raise UserError(f"dropout of UNetGenerator is {dropout}, a share; it must be at least 0 and below 1")
        self.reach = Reach(SEEN_AROUND, overlap=64, multiple=2**steps)
        widths = [self.input_channels, *(min(max_width, width * 2**i) for i in range(steps))]
        self.map_channels = widths[: MAPPED + 1]
        self.down = nn.ModuleList(
            halved(i, o, first=level == 0, last=level == steps - 1) for level, (i, o) in enumerate(pairwise(widths))
        )
        inner = [
            doubled(widths[level + 1] * (1 if level == steps - 1 else 2), widths[level], dropout * (steps - level <= 3))
            for level in range(steps - 1, 0, -1)
        ]
        last = nn.ConvTranspose2d(widths[1] * (1 if steps == 1 else 2), image_shape[0], 4, 2, 1)
        self.up = nn.ModuleList([*inner, nn.Sequential(nn.ReLU(), last, Squash())])

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        x, seen = padded_to_multiple(x, self.reach.multiple), []
        for layer in self.down:
            x = layer(x)
            seen.append(x)
        x = self.up[0](seen.pop())
        for layer in list(self.up)[1:]:
            x = layer(torch.cat([x, seen.pop()], 1))
        return x[:, :, :height, :width]

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        """The pixels, and what the first four halvings make of them."""
        maps = [padded_to_multiple(x, self.reach.multiple)]
        for layer in self.down[:MAPPED]:  # type: ignore[union-attr]
            maps.append(layer(maps[-1]))
        return maps


def default_halvings(image_shape: ImageShape) -> int:
    """Returns how often an image can be halved before a side is one pixel, but not more than eight times."""
    return max(1, min(MOST_HALVINGS, min(image_shape[1:]).bit_length() - 1))


def check_halvings(halvings: int, image_shape: ImageShape) -> None:
    """Refuses halvings for which an image would have to be padded to twice its size."""
    side = min(image_shape[1:])
    if (most := max(1, (side - 1).bit_length())) < halvings:
        raise UserError(
            f"halvings of UNetGenerator is {halvings}; images of {image_shape[1]}x{image_shape[2]} can be halved "
            f"{most} times at most: set model.generator.halvings to {most} or less, or leave it out"
        )


def halved(inputs: int, outputs: int, first: bool, last: bool) -> nn.Sequential:
    """Returns a layer that halves height and width."""
    before = [] if first else [nn.LeakyReLU(0.2)]
    return nn.Sequential(*before, nn.Conv2d(inputs, outputs, 4, 2, 1), *instance_norm(outputs, not first and not last))


def doubled(inputs: int, outputs: int, dropout: float) -> nn.Sequential:
    """Returns a layer that doubles height and width."""
    layers = [nn.ReLU(), nn.ConvTranspose2d(inputs, outputs, 4, 2, 1), *instance_norm(outputs, True)]
    return nn.Sequential(*layers, *([nn.Dropout2d(dropout)] if dropout else []))


def instance_norm(width: int, wanted: bool) -> list[nn.Module]:
    return [nn.InstanceNorm2d(width, affine=True)] if wanted else []
