"""The losses of both players: one class for each paper, with two pure functions of logits.

Logits are (N,), unbounded, and high for images that the discriminator takes for real; or (N, L), for a discriminator
that gives L opinions of each image, and then every opinion counts alike. Both functions return a scalar.
To add an objective, write a class here or in a file of your own, and name it in YAML: `objective: my_losses.Mine`.
"""

from abc import ABC, abstractmethod

import torch.nn.functional as F
from torch import Tensor

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.distributed import mean_everywhere
from gan_lightning.core.errors import UserError


class Objective(Configurable, ABC):
    """The losses of both players, as two pure functions of logits (N,) or (N, L)."""

    compares = False
    """Whether G's loss depends on real logits. If not, they are not computed for G's update."""
    signed = True
    """Whether D(x) > 0 means that D takes x for real. If not, only differences of logits have a meaning."""

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """Returns the discriminator's loss, a scalar.

        Args:
            real: D(x) (N,) or (N, L), logits of real images.
            fake: D(G(z)) (N,) or (N, L), logits of generated images.
        """

    @abstractmethod
    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        """Returns the generator's loss, a scalar.

        Args:
            fake: D(G(z)) (N,) or (N, L), logits of generated images.
            real: D(x) (N,) or (N, L), logits of real images; None unless the objective `compares`.
        """


class NonSaturating(Objective):
    """D: weight * E[-log s(D(x)) - log(1 - s(D(G(z))))], G: E[-log s(D(G(z)))], where s is the sigmoid.

    With label smoothing, the label of a real image is 1 - smoothing instead of 1 (Salimans et al., "Improved techniques
    for training GANs", 2016, Section 3.4. https://arxiv.org/abs/1606.03498).

    Goodfellow et al., "Generative adversarial nets", 2014, Equation 1 and the end of Section 3.
    https://arxiv.org/abs/1406.2661

    Args:
        discriminator_weight: 1 is the paper's sum of the real and the fake term; 0.5 is their mean, as in most courses
            and tutorials. (Adam is not affected; a gradient penalty is.)
        smoothing: One-sided label smoothing, from 0 (none) to below 0.5; 0.1 in the paper.
    """

    def __init__(self, discriminator_weight: float = 1.0, smoothing: float = 0.0) -> None:
        if not 0 <= smoothing < 0.5:
            raise UserError(f"smoothing of NonSaturating is {smoothing}; it must be at least 0 and below 0.5")
        self.discriminator_weight, self.smoothing = discriminator_weight, smoothing

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        # -(1 - a) log s(v) - a log(1 - s(v)) = softplus(-v) + a v
        smoothed = F.softplus(-real) + self.smoothing * real
        return self.discriminator_weight * (smoothed.mean() + F.softplus(fake).mean())

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return F.softplus(-fake).mean()


class Saturating(Objective):
    """D: E[-log s(D(x)) - log(1 - s(D(G(z))))], G: E[log(1 - s(D(G(z))))], where s is the sigmoid: the minimax game.

    G's gradient vanishes where D is sure; this objective is here to show that.

    Goodfellow et al., "Generative adversarial nets", 2014, Equation 1. https://arxiv.org/abs/1406.2661
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(-real).mean() + F.softplus(fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -F.softplus(fake).mean()


class LeastSquares(Objective):
    """D: E[(D(x) - b)^2]/2 + E[(D(G(z)) - a)^2]/2, G: E[(D(G(z)) - c)^2]/2.

    Mao et al., "Least squares generative adversarial networks", 2017, Equation 2; the defaults are its Equation 8, for
    which G minimises a Pearson chi-squared divergence. https://arxiv.org/abs/1611.04076

    Args:
        a: D's target for generated images.
        b: D's target for real images.
        c: The value that G wants D to give to generated images.
    """

    def __init__(self, a: float = -1.0, b: float = 1.0, c: float = 0.0) -> None:
        self.a, self.b, self.c = a, b, c

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (real - self.b).square().mean() / 2 + (fake - self.a).square().mean() / 2

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return (fake - self.c).square().mean() / 2


class Hinge(Objective):
    """D: E[relu(1 - D(x))] + E[relu(1 + D(G(z)))], G: -E[D(G(z))].

    Lim and Ye, "Geometric GAN", 2017, Section 4. https://arxiv.org/abs/1705.02894
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake.mean()


class RelativisticPaired(Objective):
    """D: E[softplus(D(G(z)) - D(x))], G: E[softplus(D(x) - D(G(z)))]: each fake is compared with one real image.

    Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from standard GAN", 2018, Section 4.1
    (RpGAN). https://arxiv.org/abs/1807.00734
    """

    compares = True
    signed = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(fake - real).mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None
        return F.softplus(real - fake).mean()


class RelativisticAverage(Objective):
    """D: E[softplus(D(G(z)) - D(x)~)] + E[softplus(D(G(z))~ - D(x))], G: the same with the roles exchanged.

    v~ is the mean of v over the batch of all processes: each image is compared with the average of the other side, each
    of several logits with that of its own kind.

    Jolicoeur-Martineau, "The relativistic discriminator: a key element missing from standard GAN", 2018, Section 4
    (RaGAN). https://arxiv.org/abs/1807.00734
    """

    compares = True
    signed = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        mean_real, mean_fake = mean_everywhere(real.mean(0)), mean_everywhere(fake.mean(0))
        return F.softplus(mean_fake - real).mean() + F.softplus(fake - mean_real).mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        assert real is not None
        return self.discriminator(fake, real)


class Wasserstein(Objective):
    """D: E[D(G(z))] - E[D(x)], G: -E[D(G(z))]; D must be kept smooth by a penalty, such as WGANGP or WeightClipping.

    Arjovsky et al., "Wasserstein GAN", 2017, Equations 2 and 3. https://arxiv.org/abs/1701.07875
    """

    signed = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return fake.mean() - real.mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -fake.mean()


class KullbackLeibler(Objective):
    """D: E[exp(D(G(z)) - 1)] - E[D(x)], G: -E[exp(D(G(z)) - 1)]: the f-GAN of KL(data, samples).

    Nowozin et al., "f-GAN: training generative neural samplers using variational divergence minimization", 2016,
    Equation 6 and Table 2. (Its Jensen-Shannon divergence is `Saturating`.) https://arxiv.org/abs/1606.00709
    """

    signed = False

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (fake - 1).exp().mean() - real.mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -(fake - 1).exp().mean()


class Pearson(Objective):
    """D: E[D(G(z))^2 / 4 + D(G(z))] - E[D(x)], G: -E[D(G(z))^2 / 4 + D(G(z))]: the f-GAN of Pearson's chi-squared.

    Nowozin et al., "f-GAN: training generative neural samplers using variational divergence minimization", 2016,
    Equation 6 and Table 2. https://arxiv.org/abs/1606.00709
    """

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return (fake.square() / 4 + fake).mean() - real.mean()

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return -(fake.square() / 4 + fake).mean()
