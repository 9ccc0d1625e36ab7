"""The likelihood log p(x|z) of an image under a decoder's output, in nats."""

from abc import ABC, abstractmethod
from math import log, pi

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import Draw


class Likelihood(Configurable, nn.Module, ABC):
    """log p(x|z). The decoder's output is the picture: the mean of p(x|z), on the scale [-1, 1] of images."""

    def observed(self, x: Tensor, uniform: Draw) -> Tensor:
        """Returns what the model explains of images (N, C, H, W) in [-1, 1]: the images themselves.

        Args:
            x: Images.
            uniform: Draws numbers in [0, 1) of a shape that begins with N.
        """
        return x

    @abstractmethod
    def forward(self, out: Tensor, x: Tensor) -> Tensor:
        """Returns log p(x|z), (N,).

        Args:
            out: The decoder's output for z, (N, C, H, W), in 32 bits at least.
            x: The observed images, (N, C, H, W).
        """


class Bernoulli(Likelihood):
    """Every pixel is black (-1) or white (1); the decoder's output o is the mean, so white has probability (1 + o) / 2.

    Grey images are binarised anew each time they are used: a pixel x is white with probability (1 + x) / 2
    (Salakhutdinov and Murray, "On the quantitative analysis of deep belief networks", 2008, Section 5;
    https://doi.org/10.1145/1390156.1390266). The bound is that of binary images.

    The logit is 2 artanh(o) up to |o| = 0.9999. Beyond that, where tanh runs out of digits and a decoder without tanh
    leaves the scale, a logarithm with the same slope continues it, so that it is always finite and has a gradient.
    """

    def observed(self, x: Tensor, uniform: Draw) -> Tensor:
        return (2 * uniform(*x.shape) < 1 + x).to(x.dtype) * 2 - 1

    def forward(self, out: Tensor, x: Tensor) -> Tensor:
        logits, white = logits_of(out).flatten(1), (1 + x.flatten(1)) / 2
        return -F.binary_cross_entropy_with_logits(logits, white, reduction="none").sum(1)


class Gaussian(Likelihood):
    """Every pixel is normal around the decoder's output, with one standard deviation for all: the squared error.

    Args:
        deviation: The standard deviation, on the scale [-1, 1] of images. The smaller it is, the more the
            reconstruction counts relative to the KL divergence.
    """

    def __init__(self, deviation: float = 0.2) -> None:
        super().__init__()
        check_deviation(deviation)
        self.log_deviation = log(deviation)

    def forward(self, out: Tensor, x: Tensor) -> Tensor:
        return gaussian(out, x, out.new_tensor(self.log_deviation))


class LearntGaussian(Likelihood):
    """Every pixel is normal around the decoder's output; the standard deviation, one for all, is learnt, too.

    Rybkin, Daniilidis and Levine, "Simple and effective VAE training with calibrated decoders", 2021, Section 3.
    https://arxiv.org/abs/2006.13202

    Args:
        deviation: Its initial value, on the scale [-1, 1] of images.
    """

    def __init__(self, deviation: float = 1.0) -> None:
        super().__init__()
        check_deviation(deviation)
        self.log_deviation = nn.Parameter(torch.tensor(log(deviation)))

    def forward(self, out: Tensor, x: Tensor) -> Tensor:
        return gaussian(out, x, self.log_deviation)


def gaussian(mean: Tensor, x: Tensor, log_deviation: Tensor) -> Tensor:
    """Returns log N(x; mean, deviation^2), (N,), at images (N, C, H, W)."""
    squares = ((x - mean) * (-log_deviation).exp()).square()
    return -(squares / 2 + log_deviation + log(2 * pi) / 2).flatten(1).sum(1)


def logits_of(out: Tensor, edge: float = 1e-4) -> Tensor:
    """Returns logits: log (1 + o) / (1 - o) = 2 artanh(o) up to |o| = 1 - edge; beyond, a logarithm continues it."""
    inside = out.clamp(-1 + edge, 1 - edge)
    slope = 2 / (1 - (1 - edge) ** 2)
    return 2 * inside.atanh() + out.sign() * (slope * (out - inside).abs()).log1p()


def check_deviation(deviation: float) -> None:
    if not deviation > 0:
        raise UserError(f"deviation is {deviation}; it must be above 0")
