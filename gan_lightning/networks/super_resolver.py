"""A network that enlarges images."""

from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.core.resampling import bicubic
from gan_lightning.networks.contract import ImageShape, ImageToImage, Reach
from gan_lightning.networks.layers import check_sizes

FACTORS = (1, 2, 3, 4)


class SuperResolver(ImageToImage):
    """Enlarges images: the bicubic image, and what residual blocks at the input's size add to it by sub-pixels.

    The blocks have no normalisation, as Lim et al., "Enhanced deep residual networks for single image
    super-resolution", 2017, Section 3.1. https://arxiv.org/abs/1707.02921. Each place of the last convolution holds the
    factor x factor pixels that are there in the large image: Shi et al., "Real-time single image and video
    super-resolution using an efficient sub-pixel convolutional neural network", 2016, Section 3.2.
    https://arxiv.org/abs/1609.05158. What is learnt is the difference to an enlarged image: Kim et al., "Accurate image
    super-resolution using very deep convolutional networks", 2016. https://arxiv.org/abs/1511.04587. It begins at zero.

    Args:
        image_shape: Channels, height, width of the large images. The command line takes them from the data.
        factor: How many times larger: 2, 3 or 4, that of the degradation Smaller; or 1, to clean images of their size.
        width: Channels of the blocks.
        blocks: Number of blocks of two convolutions.
    """

    def __init__(self, image_shape: ImageShape, factor: int = 4, width: int = 32, blocks: int = 4) -> None:
        super().__init__()
        check_sizes(width=width, blocks=blocks)
        if factor not in FACTORS:
            raise UserError(f"factor of SuperResolver is {factor}; there are {', '.join(map(str, FACTORS))}")
        channels = image_shape[0]
        self.image_shape, self.input_channels, self.factor = image_shape, channels, factor
        self.start = nn.Conv2d(channels, width, 3, padding=1)
        self.blocks = nn.Sequential(*(Added(width) for _ in range(blocks)))
        self.middle = nn.Conv2d(width, width, 3, padding=1)
        self.end = nn.Conv2d(width, channels * factor**2, 3, padding=1)
        self.join = nn.PixelShuffle(factor)
        self.reach = Reach(2 * blocks + 3)
        nn.init.zeros_(self.end.weight)
        nn.init.zeros_(self.end.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        start = self.start(x)
        details = self.end(start + self.middle(self.blocks(start)))
        height, width = x.shape[2:]
        return bicubic(x, height * self.factor, width * self.factor) + self.join(details)


class Added(nn.Module):
    """x + conv(relu(conv(x))), as Lim et al. (2017), Figure 2c."""

    def __init__(self, width: int) -> None:
        super().__init__()
        first, second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        self.layers = nn.Sequential(first, nn.ReLU(), second)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)
