"""A light generator for photographs."""

from torch import Tensor, nn

from gan_lightning.networks.contract import Generator, ImageShape
from gan_lightning.networks.layers import Latent, Squash, channels_last, check_classes, check_sizes, halvings, smallest

SKIP = 3
"""A map gates the channels of the one that is doubled this many times."""


class FastGANGenerator(Generator):
    """From a small map to an image by doublings, in which small maps gate the channels of large ones; tanh.

    A block doubles the map and has one convolution, batch normalisation and a gated linear unit. A skip-layer
    excitation lets the small map say how strong each channel of a map three doublings later is; it gives gradients a
    short way to the start. The noise that the paper adds to every map is left out, so that an image is a function of
    its latent. The last map has half the size of the image, and a patch of 2x2 pixels at each place (Shi et al., 2016),
    which is quick on a CPU; below 16x16, it has the full size. Height and width must be even.

    Liu et al., "Towards faster and stabilized GAN training for high-fidelity few-shot image synthesis", 2021,
    Section 3.1. https://arxiv.org/abs/2101.04775

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        latent_dim: Length of a latent vector.
        width: Channels of the last map.
        max_width: Largest number of channels of a map; channels double from the last map to the first.
        classes: Number of classes; a learned class embedding is appended to the latent. 0 for no labels.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int = 128,
        width: int = 16,
        max_width: int = 128,
        classes: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(width=width, max_width=max_width)
        check_classes(classes)
        self.image_shape, self.latent_dim, self.classes = image_shape, latent_dim, classes
        halved = halvings(image_shape, "FastGANGenerator")
        doublings, patch = (halved - 1, 2) if halved > 1 else (halved, 1)
        widths = [min(width * 2**i, max_width) for i in range(doublings, -1, -1)]
        height, wide = smallest(image_shape, halved)
        self.latent = Latent(latent_dim, classes)
        self.start = nn.Sequential(
            nn.Linear(self.latent.width, 2 * widths[0] * height * wide),
            nn.Unflatten(1, (2 * widths[0], height, wide)),
            *gated(widths[0]),
        )
        self.doublings = nn.ModuleList(doubled_map(widths[i], widths[i + 1]) for i in range(doublings))
        reach = min(SKIP, doublings)
        self.excitations = nn.ModuleList(Excitation(widths[i], widths[i + reach]) for i in range(doublings - reach + 1))
        self.end = nn.Sequential(patches(widths[-1], image_shape[0], patch), Squash(), nn.PixelShuffle(patch))
        channels_last(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        maps = [self.start(self.latent(z, y))]
        unexcited = len(self.doublings) - len(self.excitations)
        for i, double in enumerate(self.doublings):
            x = double(maps[-1])
            j = i - unexcited
            maps.append(x if j < 0 else x * self.excitations[j](maps[j]))
        return self.end(maps[-1])


class Excitation(nn.Module):
    """Says how strong each channel of a large map is, from 0 to 1, by a small map: (N, C, h, w) to (N, D, 1, 1).

    Liu et al. (2021), Equation 2.

    Args:
        before: C.
        after: D.
    """

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),
            nn.Conv2d(before, after, 4),
            nn.LeakyReLU(0.1),
            nn.Conv2d(after, after, 1),
            nn.Sigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


def doubled_map(before: int, after: int) -> nn.Sequential:
    """A map (N, before, h, w) to one of (N, after, 2h, 2w)."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2), nn.Conv2d(before, 2 * after, 3, padding=1, bias=False), *gated(after)
    )


def patches(before: int, channels: int, side: int) -> nn.Conv2d:
    """A convolution to the patches of side x side pixels that `nn.PixelShuffle` joins; at first, each has one colour.

    Aitken et al., "Checkerboard artifact free sub-pixel convolution", 2017. https://arxiv.org/abs/1707.02937
    """
    layer = nn.Conv2d(before, channels * side**2, 3, padding=1)
    for tensor in (layer.weight, layer.bias):
        assert tensor is not None
        tensor.data = tensor.data[:: side**2].repeat_interleave(side**2, 0)
    return layer


def gated(channels: int) -> list[nn.Module]:
    """Normalises twice as many channels, and lets half of them gate the other half: a * sigmoid(b)."""
    return [nn.BatchNorm2d(2 * channels), Gate()]


class Gate(nn.Module):
    """Half of the channels times the sigmoid of the other half: GLU(1), whose forward derivatives are fast."""

    def forward(self, x: Tensor) -> Tensor:
        half = x.shape[1] // 2
        return x[:, :half] * x[:, half:].sigmoid()
