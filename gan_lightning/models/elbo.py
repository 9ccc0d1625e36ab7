"""The evidence lower bound and its terms, in nats, as functions of tensors.

log p(x) >= E_q[log p(x|z)] - KL(q(z|x) || p(z)), where the prior p(z) is standard normal.
"""

from math import log, pi
from typing import NamedTuple

from torch import Tensor

from gan_lightning.core.precision import promoted


class Posterior(NamedTuple):
    """q(z|x), a normal distribution with independent coordinates.

    Kingma and Welling, "Auto-encoding variational Bayes", 2014, Equation 9. https://arxiv.org/abs/1312.6114

    Args:
        mean: (N, latent_dim).
        log_variance: (N, latent_dim).
    """

    mean: Tensor
    log_variance: Tensor

    @classmethod
    def of(cls, out: Tensor) -> "Posterior":
        """Splits an encoder's output, (N, 2 * latent_dim), into mean and log-variance, in 32 bits at least."""
        mean, log_variance = promoted(out).chunk(2, dim=1)
        return cls(mean, log_variance)

    def at(self, noise: Tensor) -> Tensor:
        """Returns a draw z = mean + deviation * noise, Equation 10, for standard normal noise (..., N, latent_dim)."""
        return self.mean + (self.log_variance / 2).exp() * noise

    def kl(self) -> Tensor:
        """Returns KL(q(z_j|x) || p(z_j)) of each coordinate, (N, latent_dim): Appendix B."""
        return (self.mean.square() + self.log_variance.exp() - 1 - self.log_variance) / 2

    def log_density(self, z: Tensor) -> Tensor:
        """Returns log q(z|x), (..., N), at latents (..., N, latent_dim)."""
        squares = (z - self.mean).square() * (-self.log_variance).exp()
        return -(squares + self.log_variance + log(2 * pi)).sum(-1) / 2


def log_prior(z: Tensor) -> Tensor:
    """Returns log p(z), (...), at latents (..., latent_dim)."""
    return -(z.square() + log(2 * pi)).sum(-1) / 2


def importance_weighted(log_weights: Tensor) -> Tensor:
    """Returns a lower bound of log p(x) that tightens with k: log 1/k sum_i w_i, float64 (N,).

    Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016, Equation 8.
    https://arxiv.org/abs/1509.00519

    Args:
        log_weights: log w_i = log p(x|z_i) + log p(z_i) - log q(z_i|x), (k, N), for k draws from q(z|x).
    """
    return log_weights.double().logsumexp(0) - log(len(log_weights))
