"""A network from image to image of residual blocks at a quarter of the size."""

import torch
from torch import Tensor, nn

from gan_lightning.networks.contract import ImageShape, ImageToImage, Reach, padded_to_multiple
from gan_lightning.networks.layers import Squash, check_sizes
from gan_lightning.networks.unet import instance_norm

SMALLEST_REFLECTED = 8
"""The least height and width that can be reflected at its edges in all layers."""

FIRST_HALVING, LAST_HALVING, FIRST_BLOCK = 5, 9, 12
"""Where in the layers the two strided convolutions are, and the first residual block."""


FLAT = 1e-3
"""The range of pixels below which an image is of one colour: an eighth of the step of 8 bits."""


class ResNetTranslator(ImageToImage):
    """Two halvings, residual blocks, two doublings; reflection padding, instance normalisation, ReLU; tanh.

    Images of other heights and widths are padded by their edges, and cropped. An image of one colour teaches nothing.

    Johnson et al., "Perceptual losses for real-time style transfer and super-resolution", 2016, as used by Zhu et al.,
    "Unpaired image-to-image translation using cycle-consistent adversarial networks", 2017, Appendix 7.2 (there, width
    is 64, with nine blocks). https://arxiv.org/abs/1703.10593

    Args:
        image_shape: Channels, height, width of the images to make. The command line takes them from the data.
        input_channels: Channels of the images to start from. If null, as many as those to make.
        width: Channels at full size; the blocks have four times as many.
        blocks: Number of residual blocks.
    """

    def __init__(
        self, image_shape: ImageShape, input_channels: int | None = None, width: int = 32, blocks: int = 6
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.input_channels = image_shape[0] if input_channels is None else input_channels
        check_sizes(input_channels=self.input_channels, width=width, blocks=blocks)
        self.reach = Reach(margin=4 * (2 * blocks + 4), overlap=64, multiple=4)
        self.middle = FIRST_BLOCK + blocks // 2
        self.mapped = sorted({FIRST_HALVING, LAST_HALVING, FIRST_BLOCK, self.middle})
        self.map_channels = [self.input_channels, 2 * width, *[4 * width] * (len(self.mapped) - 1)]
        self.layers = nn.Sequential(
            *normalised_convolution(self.input_channels, width, 7),
            *normalised_convolution(width, 2 * width, 3, stride=2),
            *normalised_convolution(2 * width, 4 * width, 3, stride=2),
            *(Reflecting(4 * width) for _ in range(blocks)),
            *doubling_convolution(4 * width, 2 * width),
            *doubling_convolution(2 * width, width),
            *(nn.ReflectionPad2d(3), nn.Conv2d(width, image_shape[0], 7), Squash()),
        )

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        made = self.layers(padded_to_multiple(x, 4, SMALLEST_REFLECTED))[:, :, :height, :width]
        return without_slope_of_flat(made, x)

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        """The pixels, what both halving convolutions make of them, the first residual block, and the one in the middle.

        Park et al., "Contrastive learning for unpaired image-to-image translation", 2020, Appendix C.1.
        """
        maps = [padded_to_multiple(x, 4, SMALLEST_REFLECTED)]
        x = maps[0]
        for number, layer in enumerate(self.layers[: self.middle + 1]):
            x = layer(x)
            if number in self.mapped:
                maps.append(without_slope_of_flat(x, maps[0]))
        return maps


class Reflecting(nn.Module):
    """x + norm(conv(relu(norm(conv(x))))), with reflected edges."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, last = normalised_convolution(width, width, 3), normalised_convolution(width, width, 3)[:-1]
        self.layers = nn.Sequential(*first, *last)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def without_slope_of_flat(y: Tensor, x: Tensor) -> Tensor:
    """Returns what is made of images, cut off from the graph for images of one colour.

    With reflected edges, all layers are then constant, and each normalisation multiplies slopes by 316: they overflow.

    Args:
        y: What is made (N, ...).
        x: Of which images (N, C, H, W).
    """
    if not torch.is_grad_enabled():
        return y
    flat = (x.amax((2, 3)) - x.amin((2, 3)) < FLAT).all(1)
    return torch.where(flat.view(-1, 1, 1, 1), y.detach(), y)


def normalised_convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> list[nn.Module]:
    """Returns reflection padding, a convolution, instance normalisation and ReLU."""
    convolution = nn.Conv2d(inputs, outputs, size, stride)
    return [nn.ReflectionPad2d(size // 2), convolution, *instance_norm(outputs, True), nn.ReLU()]


def doubling_convolution(inputs: int, outputs: int) -> list[nn.Module]:
    """Returns a transposed convolution that doubles height and width, instance normalisation and ReLU."""
    convolution = nn.ConvTranspose2d(inputs, outputs, 3, 2, 1, output_padding=1)
    return [convolution, *instance_norm(outputs, True), nn.ReLU()]
