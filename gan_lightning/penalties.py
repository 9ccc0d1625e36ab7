"""Penalties that keep the discriminator smooth: terms added to its loss, any number of them at once.

Each is computed in 32 bits, whatever the precision of training. It can be evaluated only every k iterations, with k
times the weight (Karras et al., "Analyzing and improving the image quality of StyleGAN", 2020, Section 3.1; lazy
regularisation. https://arxiv.org/abs/1912.04958).

With an augmentation, D means the augmentation and the discriminator together: slopes are those at images before they
are augmented, as in the code of StyleGAN2-ADA, R3GAN and StudioGAN, so that a published weight means the same here. The
augmentation changes an image as it does in the objective.

To add a penalty, write a class here or in a file of your own, and name it in YAML:
`penalties: [{class_path: my_file.Mine}]`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.distributed import average, mean_everywhere
from gan_lightning.core.errors import UserError


class PenaltyInput(NamedTuple):
    """The inputs of a penalty in one update of the discriminator.

    Args:
        discriminate: Maps images (N, C, H, W) to their logits (N,), or to the mean of each image's logits if it has
            several. The images are changed at random as the real images were. It also takes k N images; the N labels
            and changes are then repeated.
        discriminate_fakes: The same, with the changes of the generated images.
        x: Real images, before augmentation.
        fakes: Generated images, before augmentation.
        real: D(x) (N,), the mean logit of each real image.
        fake: D(G(z)) (N,), the same of each generated image.
        normal: Draws standard normal numbers of a shape that begins with N.
        uniform: Draws numbers uniform in [0, 1) of a shape that begins with N.
        batch: Number of images in D's whole step, over all microbatches and processes; N if it is not given.
    """

    discriminate: Callable[[Tensor], Tensor]
    discriminate_fakes: Callable[[Tensor], Tensor]
    x: Tensor
    fakes: Tensor
    real: Tensor
    fake: Tensor
    normal: Callable[..., Tensor]
    uniform: Callable[..., Tensor]
    batch: int | None = None


class Penalty(Configurable, nn.Module, ABC):
    """A term of the discriminator's loss, or a change of the discriminator after each of its steps.

    Whatever a subclass keeps from one iteration to the next must be a buffer, so that checkpoints hold it.

    Args:
        weight: The factor of the term.
        every: Iterations from one evaluation to the next; the weight is multiplied by it.
    """

    picks = False
    """Whether the weight may be null, and the penalty then chooses one."""
    strength: float = 1.0
    """Another factor of the term, which a schedule can change: `penalties.R1.strength`."""

    def __init__(self, weight: float | None, every: int = 1) -> None:
        super().__init__()
        name = type(self).__name__
        if weight is None and not self.picks:
            raise UserError(
                f"the weight of {name} is null; give a number: only R1, R2 and their approximations choose one"
            )
        if weight is not None and weight < 0:
            raise UserError(f"the weight of {name} is {weight}; it must be at least 0")
        if every < 1:
            raise UserError(f"every of {name} is {every}; it must be at least 1 iteration")
        self.weight: Any = weight  # only some penalties allow None
        self.every = every

    @abstractmethod
    def forward(self, inputs: PenaltyInput) -> Tensor:
        """Returns the term, a scalar, including its weight."""

    def gamma(self, inputs: PenaltyInput) -> float:
        """Returns the given weight, else one that suits the images and the batch."""
        if self.weight is not None:
            return self.weight
        return suited(inputs.x.shape[2:], inputs.batch or len(inputs.x))

    def after_step(self, discriminator: nn.Module) -> None:
        """Acts on the discriminator after its step. By default it does nothing."""


def suited(size: Sequence[int], batch: int) -> float:
    """Returns a weight for R1 and R2: height * width / 2048 * sqrt(256 / batch).

    It is a rule of thumb. The authors of R3GAN start with 0.5 for 32x32 and 2 for 64x64 (ImageNet-32 and FFHQ-64 in the
    presets of their code), which gives the first factor. That a smaller batch needs a larger weight follows the rule of
    Karras et al., "Training generative adversarial networks with limited data", 2020, Appendix C
    (https://arxiv.org/abs/2006.06676), which has the inverse in place of its root.

    Args:
        size: Height and width.
        batch: Number of images in one step of D, over all processes.
    """
    return size[0] * size[1] / 2048 * (256 / batch) ** 0.5


def slopes(discriminate: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Returns the gradients (N, C, H, W) of each image's logit with respect to the image; they are differentiable."""
    if torch.compiler.is_compiling():  # this form compiles, the one below does not
        return torch.func.grad(lambda x: discriminate(x).sum())(x.detach())
    x = x.detach().requires_grad_()
    (slope,) = torch.autograd.grad(discriminate(x).sum(), x, create_graph=True)
    return slope


def squared(slope: Tensor) -> Tensor:
    """Returns the squared norm (N,) of each image's gradient."""
    return slope.square().flatten(1).sum(1)


class R1(Penalty):
    """Squared gradient norm at real images: weight/2 * E[|grad D(x)|^2].

    Mescheder et al., "Which training methods for GANs do actually converge?", 2018, Equation 9.
    https://arxiv.org/abs/1801.04406

    Args:
        weight: gamma in the paper. If null, it is height * width / 2048 * sqrt(256 / batch).
        every: Iterations from one evaluation to the next; the weight is multiplied by it.
    """

    picks = True

    def __init__(self, weight: float | None = 10.0, every: int = 1) -> None:
        super().__init__(weight, every)

    def forward(self, inputs: PenaltyInput) -> Tensor:
        return self.gamma(inputs) / 2 * squared(slopes(inputs.discriminate, inputs.x)).mean()


class R2(Penalty):
    """Squared gradient norm at generated images: weight/2 * E[|grad D(G(z))|^2].

    Mescheder et al., "Which training methods for GANs do actually converge?", 2018, Equation 10.
    https://arxiv.org/abs/1801.04406

    Args:
        weight: gamma in the paper. If null, it is height * width / 2048 * sqrt(256 / batch).
        every: Iterations from one evaluation to the next; the weight is multiplied by it.
    """

    picks = True

    def __init__(self, weight: float | None = 10.0, every: int = 1) -> None:
        super().__init__(weight, every)

    def forward(self, inputs: PenaltyInput) -> Tensor:
        return self.gamma(inputs) / 2 * squared(slopes(inputs.discriminate_fakes, inputs.fakes)).mean()


class ApproximateR1(Penalty):
    """R1 without a second derivative: weight/2 * E[(D(x + s e) - D(x))^2] / s^2, with e standard normal.

    For a smooth D, its expectation is R1 plus terms of the order of s^2. With one draw of e, the relative standard
    deviation is sqrt(2) for each image. Unlike R1, it suits compiled networks and layers that cannot be differentiated
    twice. With kinks (LeakyReLU) and images with flat backgrounds, it differs from R1; docs/results/approximate.md has
    measurements of both.

    Lin et al., "Diffusion adversarial post-training for one-step video generation", 2025.
    https://arxiv.org/abs/2501.08316

    Args:
        weight: gamma of R1. If null, it is height * width / 2048 * sqrt(256 / batch). (The paper's lambda is
            weight / 2 / spread^2.)
        spread: s, in units of pixels that lie in [-1, 1].
        every: Iterations from one evaluation to the next; the weight is multiplied by it.
    """

    picks = True

    def __init__(self, weight: float | None = 10.0, spread: float = 0.01, every: int = 1) -> None:
        super().__init__(weight, every)
        self.spread = checked_spread(spread, self)

    def forward(self, inputs: PenaltyInput) -> Tensor:
        differences = finite_differences(inputs.discriminate, inputs.x, inputs.normal, self.spread)
        return self.gamma(inputs) / 2 * differences.square().mean()


class ApproximateR2(Penalty):
    """R2 without a second derivative: weight/2 * E[(D(G(z) + s e) - D(G(z)))^2] / s^2, with e standard normal.

    See ApproximateR1.

    Lin et al., "Diffusion adversarial post-training for one-step video generation", 2025.
    https://arxiv.org/abs/2501.08316

    Args:
        weight: gamma of R2. If null, it is height * width / 2048 * sqrt(256 / batch).
        spread: s, in units of pixels that lie in [-1, 1].
        every: Iterations from one evaluation to the next; the weight is multiplied by it.
    """

    picks = True

    def __init__(self, weight: float | None = 10.0, spread: float = 0.01, every: int = 1) -> None:
        super().__init__(weight, every)
        self.spread = checked_spread(spread, self)

    def forward(self, inputs: PenaltyInput) -> Tensor:
        differences = finite_differences(inputs.discriminate_fakes, inputs.fakes, inputs.normal, self.spread)
        return self.gamma(inputs) / 2 * differences.square().mean()


def finite_differences(
    discriminate: Callable[[Tensor], Tensor], x: Tensor, normal: Callable[..., Tensor], spread: float
) -> Tensor:
    """Returns slopes (N,) of the logits in a random direction as long as the square root of the number of pixels."""
    x = x.detach()
    # one call: what changes D from call to call (a power iteration, dropout) must not count as a slope
    moved, still = discriminate(torch.cat([x + spread * normal(*x.shape), x])).chunk(2)
    return (moved - still) / spread


def checked_spread(spread: float, penalty: Penalty) -> float:
    if spread <= 0:
        raise UserError(f"spread of {type(penalty).__name__} is {spread}; it must be above 0")
    return spread


class WGANGP(Penalty):
    """Slopes of one between real and generated images: weight * E[(|grad D(u x + (1 - u) G(z))| - 1)^2].

    u is uniform in [0, 1], one for each image. An augmentation changes the mixture as it has changed the real image.

    Gulrajani et al., "Improved training of Wasserstein GANs", 2017, Equation 3. https://arxiv.org/abs/1704.00028

    Args:
        weight: lambda in the paper.
        every: Iterations from one evaluation to the next; the weight is multiplied by it.
    """

    def __init__(self, weight: float = 10.0, every: int = 1) -> None:
        super().__init__(weight, every)

    def forward(self, inputs: PenaltyInput) -> Tensor:
        u = inputs.uniform(len(inputs.x), 1, 1, 1)
        between = u * inputs.x + (1 - u) * inputs.fakes
        return self.weight * (norm(slopes(inputs.discriminate, between)) - 1).square().mean()


class DRAGAN(Penalty):
    """Slopes of one around real images: weight * E[(|grad D(x + d)| - 1)^2].

    d is uniform in [0, spread * the standard deviation of all pixels of the batch), as in the authors' code.

    Kodali et al., "On convergence and stability of GANs", 2017, Algorithm 1.
    https://arxiv.org/abs/1705.07215

    Args:
        weight: lambda in the paper.
        spread: The size of the neighbourhood, in standard deviations of the pixels.
        every: Iterations from one evaluation to the next; the weight is multiplied by it.
    """

    def __init__(self, weight: float = 10.0, spread: float = 0.5, every: int = 1) -> None:
        super().__init__(weight, every)
        self.spread = checked_spread(spread, self)

    def forward(self, inputs: PenaltyInput) -> Tensor:
        centre = mean_everywhere(inputs.x.mean())
        deviation = mean_everywhere((inputs.x - centre).square().mean()).sqrt()
        around = inputs.x + self.spread * deviation * inputs.uniform(*inputs.x.shape)
        return self.weight * (norm(slopes(inputs.discriminate, around)) - 1).square().mean()


def norm(slope: Tensor) -> Tensor:
    """Returns the norm (N,) of each image's gradient. Its own gradient is finite where the norm is zero."""
    return (squared(slope) + 1e-12).sqrt()


class LeCam(Penalty):
    """Logits near the other side's average: weight * (E[(D(x) - a_F)^2] + E[(D(G(z)) - a_R)^2]).

    a_R and a_F are moving averages of D(x) and D(G(z)) over earlier iterations and all processes; they start at zero.
    It is meant for small data sets.

    This is Equation 4 of the paper. Its authors' code (https://github.com/google/lecam-gan) differs: it takes
    max(0, D(x) - a_F) and max(0, a_R - D(G(z))) before the squares, so that only logits on their own side are drawn
    back; its averages start at 1,000 with a fixed decay of 0.99 and include the iteration itself. Weights found with
    it need not suit here.

    Tseng et al., "Regularizing generative adversarial networks under limited data", 2021.
    https://arxiv.org/abs/2104.03310

    Args:
        weight: lambda in the paper.
        decay: Decay of the moving averages; it is warmed up.
        every: Iterations from one evaluation to the next; the weight is multiplied by it.
    """

    averages: Tensor
    updates: Tensor

    def __init__(self, weight: float = 0.3, decay: float = 0.99, every: int = 1) -> None:
        super().__init__(weight, every)
        if not 0 <= decay < 1:
            raise UserError(f"decay of LeCam is {decay}; it must be at least 0 and below 1")
        self.decay = decay
        self.register_buffer("averages", torch.zeros(2))
        self.register_buffer("updates", torch.zeros((), dtype=torch.int64))

    def forward(self, inputs: PenaltyInput) -> Tensor:
        of_real, of_fake = self.averages.clone()
        self.remember(inputs)
        return self.weight * ((inputs.real - of_fake).square().mean() + (inputs.fake - of_real).square().mean())

    @torch.no_grad()
    def remember(self, inputs: PenaltyInput) -> None:
        means = torch.stack([inputs.real.mean(), inputs.fake.mean()])
        average([means])
        decay = torch.clamp((1 + self.updates) / (10 + self.updates), max=self.decay)
        self.averages.copy_(decay * self.averages + (1 - decay) * means)
        self.updates += 1


class WeightClipping(Penalty):
    """Clips every weight of D to [-limit, limit] after each of its steps.

    Arjovsky et al., "Wasserstein GAN", 2017, Algorithm 1. https://arxiv.org/abs/1701.07875

    Args:
        limit: c in the paper.
    """

    def __init__(self, limit: float = 0.01) -> None:
        super().__init__(weight=0.0)
        if limit <= 0:
            raise UserError(f"limit of WeightClipping is {limit}; it must be above 0")
        self.limit = limit

    def forward(self, inputs: PenaltyInput) -> Tensor:
        return inputs.real.new_zeros(())  # the loss stays as it is

    @torch.no_grad()
    def after_step(self, discriminator: nn.Module) -> None:
        for p in discriminator.parameters():
            p.clamp_(-self.limit, self.limit)


def weighted_penalties(penalties: Mapping[str, Penalty], inputs: PenaltyInput) -> dict[str, Tensor]:
    """Returns each penalty times its interval and strength, by name, in 32 bits at least."""
    with torch.autocast(inputs.x.device.type, enabled=False):
        return {name: penalty.every * (penalty.strength * penalty(inputs)) for name, penalty in penalties.items()}
