"""Layers and checks that several families of networks share."""

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from gan_lightning.core.errors import UserError
from gan_lightning.core.precision import promoted
from gan_lightning.networks.contract import DiscriminatorOutput, ImageShape

EMBEDDING = 64
"""Length of the class embedding that is appended to a latent."""


class Latent(nn.Module):
    """The input of a generator: z (N, latent_dim), followed by a learned class embedding if there are classes.

    Mirza and Osindero, "Conditional generative adversarial nets", 2014. https://arxiv.org/abs/1411.1784

    Args:
        latent_dim: Length of a latent vector.
        classes: Number of classes; 0 for none.
    """

    def __init__(self, latent_dim: int, classes: int) -> None:
        super().__init__()
        check_sizes(latent_dim=latent_dim)
        self.embedding = nn.Embedding(classes, EMBEDDING) if classes else None
        self.width = latent_dim + (EMBEDDING if classes else 0)

    def forward(self, z: Tensor, y: Tensor | None) -> Tensor:
        if self.embedding is None:
            return z
        assert y is not None, "a generator with classes needs labels"
        return torch.cat([z, self.embedding(y).to(z.dtype)], dim=1)


class Head(nn.Module):
    """The last layer of a discriminator: features (N, F) to its output.

    Without classes it is one linear layer, w'f + b. With classes it adds v_y'f, where v_y is learned for each class:
    Miyato and Koyama, "cGANs with projection discriminator", 2018, Equation 3. https://arxiv.org/abs/1802.05637.
    As an auxiliary classifier it outputs class scores beside w'f + b instead: Odena et al., "Conditional image
    synthesis with auxiliary classifier GANs", 2017. https://arxiv.org/abs/1610.09585

    Args:
        width: F.
        classes: Number of classes; 0 for none.
        auxiliary_classifier: Output class scores instead of projecting the class.
        spectral: Divide each weight matrix by its spectral norm.
    """

    def __init__(
        self, width: int, classes: int = 0, auxiliary_classifier: bool = False, spectral: bool = False
    ) -> None:
        super().__init__()
        self.auxiliary_classifier = auxiliary_classifier
        self.logit = normalised(nn.Linear(width, 1 + classes if auxiliary_classifier else 1), spectral)
        self.embedding = None
        if classes and not auxiliary_classifier:
            embedding = nn.Embedding(classes, width)
            nn.init.normal_(embedding.weight, std=width**-0.5)  # otherwise D would start out biased between classes
            self.embedding = normalised(embedding, spectral)

    def forward(self, features: Tensor, y: Tensor | None) -> DiscriminatorOutput:
        out = self.logit(features)
        if self.auxiliary_classifier:
            return DiscriminatorOutput(out[:, 0], out[:, 1:])
        logits = out.squeeze(1)
        if self.embedding is None:
            return DiscriminatorOutput(logits)
        assert y is not None, "a discriminator with classes needs labels"
        return DiscriminatorOutput(logits + (self.embedding(y) * features).sum(1))


def normalised(layer: nn.Module, spectral: bool) -> nn.Module:
    """Applies spectral normalisation to a layer if asked: its weight is divided by its largest singular value.

    Miyato et al., "Spectral normalization for generative adversarial networks", 2018, Equation 8 and Algorithm 1.
    https://arxiv.org/abs/1802.05957
    """
    return spectral_norm(layer) if spectral else layer


class Squash(nn.Tanh):
    """tanh in at least 32 bits: in 16 bits it is 1, without gradient, from 3.6 on."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name
        return super().forward(promoted(input))


class MinibatchStddev(nn.Module):
    """Appends a channel that says how much neighbouring images of a group differ, so that D can see a collapse.

    For each group, it is the standard deviation of every feature at every position, averaged to one number.

    Karras et al., "Progressive growing of GANs for improved quality, stability, and variation", 2018, Section 3.
    https://arxiv.org/abs/1710.10196

    Args:
        group: Images per group; the batch size must be a multiple of it.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        check_sizes(minibatch_stddev=group)
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        n = len(x)
        if n % self.group:
            raise UserError(
                f"{n} images do not split into groups of {self.group}: set data.batch_size to a multiple of "
                "model.discriminator.minibatch_stddev times model.discriminator_steps (times accumulation and packing)"
            )
        groups = x.reshape(n // self.group, self.group, -1)
        deviation = (groups.var(1, unbiased=False) + 1e-8).sqrt().mean(1)  # one number per group
        extra = deviation.repeat_interleave(self.group).view(n, 1, *[1] * (x.dim() - 2))
        return torch.cat([x, extra.expand(n, 1, *x.shape[2:])], dim=1)


class SelfAttention(nn.Module):
    """Attention between all positions: x + gamma * attention(x), where gamma is learned and starts at zero.

    Zhang et al., "Self-attention generative adversarial networks", 2019, Section 3. https://arxiv.org/abs/1805.08318

    Args:
        width: Channels.
        spectral: Divide each weight matrix by its spectral norm.
    """

    def __init__(self, width: int, spectral: bool) -> None:
        super().__init__()
        inner = max(1, width // 8)
        self.query, self.key = (normalised(nn.Conv2d(width, inner, 1, bias=False), spectral) for _ in range(2))
        self.value = normalised(nn.Conv2d(width, width, 1, bias=False), spectral)
        self.gamma = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (layer(x).flatten(2) for layer in (self.query, self.key, self.value))
        weights = torch.softmax(query.transpose(1, 2) @ key, dim=-1)  # (N, positions, positions)
        return x + self.gamma * (value @ weights.transpose(1, 2)).view_as(x)


def channels_last(network: nn.Module) -> None:
    """Stores the channels of a pixel together, which makes convolutions faster on CPUs and tensor cores."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def halvings(image_shape: ImageShape, network: str, base: int = 4) -> int:
    """The number of times an image can be halved to a height and width of at least `base`, but at least once.

    Raises:
        UserError: Height or width is odd.
    """
    _, height, width = image_shape
    count = 0
    while height % 2 == width % 2 == 0 and (count == 0 or min(height, width) // 2 >= base):
        height, width, count = height // 2, width // 2, count + 1
    if not count:
        near = [max(4, round(side / 4) * 4) for side in image_shape[1:]]
        raise UserError(
            f"{network} doubles or halves images step by step, which {height}x{width} does not allow: use even "
            f"numbers, best multiples of 8 (ImageFolder: data.image_size [{near[0]}, {near[1]}]), or MLPGenerator and "
            "MLPDiscriminator, which take any size"
        )
    return count


def smallest(image_shape: ImageShape, count: int) -> tuple[int, int]:
    """Height and width after `count` halvings."""
    return image_shape[1] >> count, image_shape[2] >> count


def check_sizes(**sizes: int) -> None:
    """Refuses network sizes below 1."""
    for name, value in sizes.items():
        if value < 1:
            raise UserError(f"{name} is {value}; it must be at least 1")


def check_classes(classes: int, auxiliary_classifier: bool = False, packing: int = 1) -> None:
    """Refuses label options that contradict each other.

    Raises:
        UserError: Says what to set instead.
    """
    if classes < 0:
        raise UserError(f"classes is {classes}; it must be 0 (no labels) or the number of classes")
    if auxiliary_classifier and not classes:
        raise UserError("auxiliary_classifier is true, but there are no classes to predict: set classes, too")
    if classes and packing > 1:
        raise UserError(f"packing is {packing}, but a pack of images has no single class: set classes 0 or packing 1")
