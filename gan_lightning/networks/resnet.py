"""Residual networks with spectral normalisation.

Miyato et al., "Spectral normalization for generative adversarial networks", 2018, Appendix B.4.
https://arxiv.org/abs/1802.05957. Zhang et al., "Self-attention generative adversarial networks", 2019.
https://arxiv.org/abs/1805.08318
"""

from itertools import pairwise

import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.networks.contract import Discriminator, DiscriminatorOutput, Generator, ImageShape
from gan_lightning.networks.layers import (
    Head,
    MinibatchStddev,
    SelfAttention,
    Squash,
    channels_last,
    check_classes,
    check_sizes,
    halvings,
    normalised,
    smallest,
)


class ClassBatchNorm(nn.Module):
    """Batch normalisation with a gain and a bias per class; ordinary batch normalisation without classes.

    Dumoulin, Shlens and Kudlur, "A learned representation for artistic style", 2017.
    https://arxiv.org/abs/1610.07629

    Args:
        width: Channels.
        classes: Number of classes; 0 for none.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(width, affine=not classes)
        self.gain = self.bias = None
        if classes:
            self.gain, self.bias = nn.Embedding(classes, width), nn.Embedding(classes, width)
            nn.init.ones_(self.gain.weight)
            nn.init.zeros_(self.bias.weight)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        x = self.norm(x)
        if self.gain is None or self.bias is None:
            return x
        assert y is not None, "a generator with classes needs labels"
        return x * self.gain(y)[:, :, None, None] + self.bias(y)[:, :, None, None]


class BlockUp(nn.Module):
    """Doubles height and width: norm, ReLU, double, convolve, norm, ReLU, convolve; the shortcut doubles and convolves.

    Args:
        into: Input channels.
        out: Output channels.
        classes: Number of classes, for batch normalisation.
    """

    def __init__(self, into: int, out: int, classes: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = ClassBatchNorm(into, classes), ClassBatchNorm(out, classes)
        self.conv1, self.conv2 = nn.Conv2d(into, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1)
        self.beside = nn.Conv2d(into, out, 1)
        for layer, gain in ((self.conv1, 2**0.5), (self.conv2, 2**0.5), (self.beside, 1)):
            glorot(layer, gain)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        h = F.interpolate(F.relu(self.norm1(x, y)), scale_factor=2)
        h = self.conv2(F.relu(self.norm2(self.conv1(h), y)))
        return h + F.interpolate(self.beside(x), scale_factor=2)  # a 1x1 convolution before doubling gives the same


class Block(nn.Module):
    """ReLU, convolve, ReLU, convolve, and halve if asked; the shortcut is a 1x1 convolution and halving.

    Args:
        into: Input channels.
        out: Output channels.
        spectral: Divide each weight matrix by its spectral norm.
        halves: Halve height and width.
        first: Whether the input is pixels, which are not rectified.
    """

    def __init__(self, into: int, out: int, spectral: bool, halves: bool, first: bool = False) -> None:
        super().__init__()
        self.halves, self.first = halves, first
        layers = nn.Conv2d(into, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1), nn.Conv2d(into, out, 1)
        for layer, gain in zip(layers, (2**0.5, 2**0.5, 1), strict=True):
            glorot(layer, gain)
        self.conv1, self.conv2, self.beside = (normalised(layer, spectral) for layer in layers)
        if into == out and not halves:
            self.beside = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv2(F.relu(self.conv1(x if self.first else F.relu(x))))
        if self.halves:
            return F.avg_pool2d(h, 2) + self.beside(F.avg_pool2d(x, 2))
        return h + self.beside(x)


class ResNetGenerator(Generator):
    """A dense layer, then residual blocks that double the image; batch normalisation, per class if there are classes.

    Height and width must be even. Images of 28x28 start from 7x7, images of 64x64 from 4x4.

    Miyato et al., "Spectral normalization for generative adversarial networks", 2018, Appendix B.4 (there, width and
    max_width are 256). https://arxiv.org/abs/1802.05957

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        latent_dim: Length of a latent vector.
        width: Channels at full size; each halving doubles them.
        max_width: Maximum number of channels.
        attention: Height of the feature map that gets self-attention (Zhang et al., 2019); 0 for none.
        classes: Number of classes, on which gain and bias of batch normalisation depend. 0 for no labels.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int = 128,
        width: int = 64,
        max_width: int = 256,
        attention: int = 0,
        classes: int = 0,
    ) -> None:
        super().__init__()
        check_sizes(width=width, max_width=max_width, latent_dim=latent_dim)
        check_classes(classes)
        self.image_shape, self.latent_dim, self.classes = image_shape, latent_dim, classes
        count = halvings(image_shape, "ResNetGenerator")
        widths = [min(max_width, width * 2**i) for i in reversed(range(count + 1))]
        heights = [image_shape[1] >> i for i in reversed(range(count))]
        check_attention(attention, heights)
        self.start = nn.Linear(
            latent_dim, widths[0] * smallest(image_shape, count)[0] * smallest(image_shape, count)[1]
        )
        self.base = (widths[0], *smallest(image_shape, count))
        glorot(self.start, 1)
        self.blocks = nn.ModuleList(BlockUp(i, o, classes) for i, o in pairwise(widths))
        self.attention = nn.ModuleList(
            SelfAttention(o, spectral=False) if height == attention else nn.Identity()
            for o, height in zip(widths[1:], heights, strict=True)
        )
        self.norm, self.squash = nn.BatchNorm2d(widths[-1]), Squash()
        self.end = nn.Conv2d(widths[-1], image_shape[0], 3, padding=1)
        glorot(self.end, 1)
        channels_last(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        x = self.start(z).unflatten(1, self.base)
        for block, attention in zip(self.blocks, self.attention, strict=True):
            x = attention(block(x, y))
        return self.squash(self.end(F.relu(self.norm(x))))


class ResNetDiscriminator(Discriminator):
    """Residual blocks with spectral normalisation: several halve the image, the last ones keep its size; one logit.

    Images of at most 32 pixels are halved to 7 pixels or more, and two blocks follow; larger ones are halved to 3 or
    more, and one block follows. These are the paper's numbers of blocks for 32x32, 48x48 and 128x128.

    Miyato et al., "Spectral normalization for generative adversarial networks", 2018, Appendix B.4 (there, width and
    max_width are 128 for 32x32, and 64 and 1,024 for larger images). https://arxiv.org/abs/1802.05957

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        width: Channels of the first block; each halving doubles them.
        max_width: Maximum number of channels.
        attention: Height of the feature map that gets self-attention (Zhang et al., 2019); 0 for none.
        spectral_norm: Divide each weight matrix by its largest singular value.
        minibatch_stddev: Show the last block how much images differ, in groups of this size (Karras et al., 2018); 0 to
            turn it off.
        packing: Number of images judged together (PacGAN; Lin et al., 2018).
        classes: Number of classes; the label is projected onto the features. 0 for no labels.
        auxiliary_classifier: Predict the class beside the logit instead of projecting it (Odena et al., 2017).
    """

    def __init__(
        self,
        image_shape: ImageShape,
        width: int = 64,
        max_width: int = 256,
        attention: int = 0,
        spectral_norm: bool = True,
        minibatch_stddev: int = 0,
        packing: int = 1,
        classes: int = 0,
        auxiliary_classifier: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(width=width, max_width=max_width, packing=packing)
        check_classes(classes, auxiliary_classifier, packing)
        self.image_shape, self.packing, self.classes = image_shape, packing, classes
        small = min(image_shape[1:]) <= 32
        count = halvings(image_shape, "ResNetDiscriminator", base=7 if small else 3)
        widths = [packing * image_shape[0], *(min(max_width, width * 2**i) for i in range(count))]
        heights = [image_shape[1] >> (i + 1) for i in range(count)]
        check_attention(attention, heights)
        layers: list[nn.Module] = []
        for level, ((i, o), height) in enumerate(zip(pairwise(widths), heights, strict=True)):
            layers.append(Block(i, o, spectral_norm, halves=True, first=not level))
            if height == attention:
                layers.append(SelfAttention(o, spectral_norm))
        if minibatch_stddev:
            layers.append(MinibatchStddev(minibatch_stddev))
        layers.append(Block(widths[-1] + bool(minibatch_stddev), widths[-1], spectral_norm, halves=False))
        if small:
            layers.append(Block(widths[-1], widths[-1], spectral_norm, halves=False))
        self.layers = nn.Sequential(*layers)
        self.features_dim = widths[-1]
        self.head = Head(widths[-1], classes, auxiliary_classifier, spectral_norm)
        channels_last(self)

    def features(self, x: Tensor) -> Tensor:
        return F.relu(self.layers(x)).sum((2, 3))

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return self.head(self.features(x), y)


def glorot(layer: nn.Linear | nn.Conv2d, gain: float) -> None:
    """Draws the paper's initial weights: Glorot uniform with this gain, biases of zero."""
    nn.init.xavier_uniform_(layer.weight, gain=gain)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def check_attention(attention: int, heights: list[int]) -> None:
    """Refuses self-attention at a height that no feature map has."""
    if attention and attention not in heights:
        raise UserError(
            f"attention is {attention}, but the feature maps have heights of {', '.join(map(str, heights))}: "
            "choose one of these, or 0 for none"
        )
