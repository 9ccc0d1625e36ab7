"""The modern residual networks of R3GAN.

Huang, Gokaslan, Kuleshov and Tompkin, "The GAN is dead; long live the GAN! A modern baseline GAN", 2024, Section 4.
https://arxiv.org/abs/2501.05441
"""

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.networks.contract import Discriminator, DiscriminatorOutput, Generator, ImageShape
from gan_lightning.networks.layers import (
    Head,
    Latent,
    MinibatchStddev,
    channels_last,
    check_classes,
    check_sizes,
    halvings,
    smallest,
)

GAIN = (2 / (1 + 0.2**2)) ** 0.5
"""The gain of LeakyReLU(0.2) that preserves the variance of activations."""


class Residual(nn.Module):
    """x + project(mix(expand(x))): 1x1, grouped 3x3, 1x1 convolutions, LeakyReLU(0.2) between them, no normalisation.

    Fix-up initialisation replaces normalisation: the last layer starts at zero, the others at L^(-1/4) of He's scale,
    where L is the number of blocks of the network (Zhang, Dauphin and Ma, "Fixup initialization", 2019, Section 3.
    https://arxiv.org/abs/1901.09321).

    Args:
        width: Channels.
        expansion: Factor by which the channels are widened inside.
        group: Channels per group.
        blocks: L.
    """

    def __init__(self, width: int, expansion: int, group: int, blocks: int) -> None:
        super().__init__()
        inner = width * expansion
        self.expand = nn.Conv2d(width, inner, 1)
        self.mix = nn.Conv2d(inner, inner, 3, padding=1, groups=inner // group)
        self.project = nn.Conv2d(inner, width, 1, bias=False)
        he(self.expand, GAIN * blocks**-0.25)
        he(self.mix, GAIN * blocks**-0.25)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor) -> Tensor:
        h = F.leaky_relu(self.expand(x), 0.2)
        return x + self.project(F.leaky_relu(self.mix(h), 0.2))


class Tent(nn.Module):
    """Doubles or halves height and width with the filter [1, 3, 3, 1] / 8 along each axis, and zeros beyond the edges.

    As in the authors' code, which has the filter from Karras et al., "Analyzing and improving the image quality of
    StyleGAN", 2020. https://arxiv.org/abs/1912.04958

    Args:
        doubles: Double, with four times the filter, so that the level inside the image is kept; else halve.
    """

    kernel: Tensor

    def __init__(self, doubles: bool) -> None:
        super().__init__()
        self.doubles = doubles
        side = torch.tensor([1.0, 3.0, 3.0, 1.0]) / (4 if doubles else 8)
        self.register_buffer("kernel", torch.outer(side, side), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        kernel = self.kernel.to(x.dtype).expand(x.shape[1], 1, 4, 4)
        resample = F.conv_transpose2d if self.doubles else F.conv2d
        return resample(x, kernel, stride=2, padding=1, groups=x.shape[1])


class R3GANGenerator(Generator):
    """A learned small image per channel, weighted by the latent, then residual blocks and bilinear doubling.

    There is no normalisation and no tanh at the end; samples are clipped to [-1, 1] where they are drawn. Height
    and width must be even. Images of 28x28 start from 7x7, images of 64x64 from 4x4. With the defaults it has 0.33
    million parameters for MNIST.

    Huang et al., "The GAN is dead; long live the GAN! A modern baseline GAN", 2024.
    https://arxiv.org/abs/2501.05441

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        latent_dim: Length of a latent vector.
        width: Channels at full size; each halving doubles them. In the paper 768 for CIFAR-10, 384 for FFHQ-64 and 96
            for FFHQ-256.
        max_width: Maximum number of channels; 768 in the paper.
        blocks: Residual blocks per size.
        expansion: Factor by which a block widens the channels inside.
        group: Channels per group of the grouped convolutions.
        classes: Number of classes; a learned class embedding is appended to the latent. 0 for no labels.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int = 64,
        width: int = 32,
        max_width: int = 128,
        blocks: int = 2,
        expansion: int = 2,
        group: int = 16,
        classes: int = 0,
    ) -> None:
        super().__init__()
        check_classes(classes)
        self.image_shape, self.latent_dim, self.classes = image_shape, latent_dim, classes
        count = halvings(image_shape, "R3GANGenerator")
        widths = ladder(width, max_width, count, blocks, expansion, group)[::-1]
        self.latent = Latent(latent_dim, classes)
        self.weights = nn.Linear(self.latent.width, widths[0], bias=False)
        self.basis = nn.Parameter(torch.randn(widths[0], *smallest(image_shape, count)))
        he(self.weights, 1.0)
        if self.latent.embedding is not None:
            he(self.latent.embedding, 1.0)
        self.stages = nn.ModuleList(residual_stage(w, expansion, group, blocks, len(widths)) for w in widths)
        self.changes = nn.ModuleList(change(i, o) for i, o in pairwise(widths))
        self.up = Tent(doubles=True)
        self.end = nn.Conv2d(widths[-1], image_shape[0], 1, bias=False)
        he(self.end, 1.0)
        channels_last(self)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        x = self.basis * self.weights(self.latent(z, y))[:, :, None, None]
        first, *others = self.stages
        x = first(x)
        for change, residuals in zip(self.changes, others, strict=True):
            x = residuals(self.up(change(x)))
        return self.end(x)


class R3GANDiscriminator(Discriminator):
    """Residual blocks, bilinear halving, a learned weighting of the last small image, one logit; mirrors the generator.

    Huang et al., "The GAN is dead; long live the GAN! A modern baseline GAN", 2024.
    https://arxiv.org/abs/2501.05441

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        width: Channels at full size; each halving doubles them.
        max_width: Maximum number of channels.
        blocks: Residual blocks per size.
        expansion: Factor by which a block widens the channels inside.
        group: Channels per group of the grouped convolutions.
        minibatch_stddev: Show the last layer how much images differ, in groups of this size (Karras et al., 2018); 0
            turns it off, as in the R3GAN paper.
        packing: Number of images judged together (PacGAN; Lin et al., 2018).
        classes: Number of classes; the logit is the product of a linear map of the features with a learned vector of
            the class. 0 for no labels.
        auxiliary_classifier: Predict the class beside the logit instead (Odena et al., 2017).
    """

    def __init__(
        self,
        image_shape: ImageShape,
        width: int = 32,
        max_width: int = 128,
        blocks: int = 2,
        expansion: int = 2,
        group: int = 16,
        minibatch_stddev: int = 0,
        packing: int = 1,
        classes: int = 0,
        auxiliary_classifier: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(packing=packing)
        check_classes(classes, auxiliary_classifier, packing)
        self.image_shape, self.packing, self.classes = image_shape, packing, classes
        count = halvings(image_shape, "R3GANDiscriminator")
        widths = ladder(width, max_width, count, blocks, expansion, group)
        self.start = nn.Conv2d(packing * image_shape[0], widths[0], 1, bias=False)
        he(self.start, 1.0)
        self.stages = nn.ModuleList(residual_stage(w, expansion, group, blocks, len(widths)) for w in widths)
        self.changes = nn.ModuleList(change(i, o) for i, o in pairwise(widths))
        self.down = Tent(doubles=False)
        self.stddev = MinibatchStddev(minibatch_stddev) if minibatch_stddev else nn.Identity()
        self.features_dim = widths[-1] + bool(minibatch_stddev)
        self.basis = nn.Parameter(torch.randn(self.features_dim, *smallest(image_shape, count)))
        nn.init.normal_(self.basis, std=self.basis[0].numel() ** -0.5)
        self.head = (
            Head(self.features_dim, classes, True) if auxiliary_classifier else Projection(self.features_dim, classes)
        )
        he(self.head.logit, 1.0)
        channels_last(self)

    def features(self, x: Tensor) -> Tensor:
        first, *others = self.stages
        x = first(self.start(x))
        for change, residuals in zip(self.changes, others, strict=True):
            x = residuals(change(self.down(x)))
        return (self.stddev(x) * self.basis).sum((2, 3))

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return self.head(self.features(x), y)


class Projection(nn.Module):
    """The logit of features f (N, F): w'f, or (W f)'v_y with a learned v_y for each class, both without biases.

    The second is the term of Miyato and Koyama, "cGANs with projection discriminator", 2018, Equation 3, that depends
    on the class (https://arxiv.org/abs/1802.05637).

    Args:
        width: F.
        classes: Number of classes; 0 for none.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.logit = nn.Linear(width, width if classes else 1, bias=False)
        self.embedding = nn.Embedding(classes, width) if classes else None
        if self.embedding is not None:
            he(self.embedding, width**-0.5)

    def forward(self, features: Tensor, y: Tensor | None) -> DiscriminatorOutput:
        out = self.logit(features)
        if self.embedding is None:
            return DiscriminatorOutput(out.squeeze(1))
        assert y is not None, "a discriminator with classes needs labels"
        return DiscriminatorOutput((out * self.embedding(y)).sum(1))


def ladder(width: int, max_width: int, count: int, blocks: int, expansion: int, group: int) -> list[int]:
    """The channels of each stage, from the full size to the smallest."""
    check_sizes(width=width, max_width=max_width, blocks=blocks, expansion=expansion, group=group)
    widths = [min(max_width, width * 2**i) for i in range(count + 1)]
    for w in widths:
        if w * expansion % group:
            raise UserError(
                f"{w} channels times expansion {expansion} do not split into groups of {group}: choose width and "
                f"max_width so that they do"
            )
    return widths


def residual_stage(width: int, expansion: int, group: int, blocks: int, stages: int) -> nn.Sequential:
    return nn.Sequential(*(Residual(width, expansion, group, blocks * stages) for _ in range(blocks)))


def change(into: int, out: int) -> nn.Module:
    """A 1x1 convolution from one stage's channels to the next one's, where they differ."""
    if into == out:
        return nn.Identity()
    layer = nn.Conv2d(into, out, 1, bias=False)
    he(layer, 1.0)
    return layer


def he(layer: nn.Module, gain: float) -> None:
    """Draws normal weights of variance gain^2 over the number of inputs; sets biases to zero.

    An embedding has as many inputs as classes, of which one is on.

    He et al., "Delving deep into rectifiers", 2015, Equation 10. https://arxiv.org/abs/1502.01852
    """
    assert isinstance(layer, (nn.Linear, nn.Conv2d, nn.Embedding))
    inputs = len(layer.weight) if isinstance(layer, nn.Embedding) else layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=gain * inputs**-0.5)
    if not isinstance(layer, nn.Embedding) and layer.bias is not None:
        nn.init.zeros_(layer.bias)
