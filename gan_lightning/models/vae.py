"""The variational autoencoder. Its decoder is any of the generators; its encoder is built from a discriminator."""

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Adam

from gan_lightning.core.distributed import mean_everywhere
from gan_lightning.core.errors import UserError
from gan_lightning.core.precision import promoted
from gan_lightning.models.elbo import Posterior, importance_weighted, log_prior
from gan_lightning.models.encoder import Encoder
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.models.likelihoods import Bernoulli, Likelihood
from gan_lightning.networks import Discriminator, Generator
from gan_lightning.training.batch_checks import images_and_labels
from gan_lightning.training.optimization import Optimization, Player
from gan_lightning.training.schedules import Schedule
from gan_lightning.training.update import Update


class VAE(GenerativeModel):
    """An encoder and a decoder that together maximise a lower bound of the likelihood of the images, the ELBO.

    log p(x) >= E_q[log p(x|z)] - KL(q(z|x) || p(z)), with a standard normal prior p(z).

    Kingma and Welling, "Auto-encoding variational Bayes", 2014, Algorithm 1 with one draw for each image.
    https://arxiv.org/abs/1312.6114

    One batch is one iteration. Encoder, decoder and likelihood are one player, the autoencoder, with one optimizer.
    All three are averaged: samples come from the averaged decoder, reconstructions and likelihoods from all three
    averages. A decoder with labels learns p(x|y).

    Args:
        generator: The decoder, which makes images from latents.
        encoder: A discriminator whose features determine q(z|x); best the generator's mirror image.
        likelihood: The distribution p(x|z) of an image given the decoder's output.
        beta: Weight of the KL divergence; 1 for the bound itself (Higgins et al., "beta-VAE", 2017).
        free_bits: Nats of KL divergence that each coordinate of the latent has for free: max(free_bits, KL_j), where
            KL_j is the mean over the batch (with accumulation, over each microbatch). Kingma et al., "Improved
            variational inference with inverse autoregressive flow", 2016, Equation 15.
            https://arxiv.org/abs/1606.04934
        autoencoder_optimization: The optimization of encoder, decoder and likelihood.
        average_decay: Decay of the moving averages, from 0 (none) to below 1.
        average_half_life: Images after which the past weighs half in the average, in place of `average_decay`. It is
            not warmed up: let it grow from 0 by a schedule.
        schedules: What changes during training: the path of a number below `model`, and its schedule.
        seed: Fixes all random draws of training, which also depend on the iteration and the process.

    Raises:
        UserError: The parts do not fit together, or a checkpoint could not name one of them.
    """

    curves: ClassVar = {
        "loss (nats)": {"reconstruction": "loss/reconstruction", "KL divergence": "loss/kl"},
        "bound (nats)": {"ELBO": "elbo"},
    }
    short_names: ClassVar = {"loss/reconstruction": "reconstruction", "loss/kl": "KL", "elbo": "ELBO"}

    def __init__(
        self,
        generator: Generator,
        encoder: Discriminator,
        likelihood: Likelihood = Bernoulli(),
        beta: float = 1.0,
        free_bits: float = 0.0,
        autoencoder_optimization: Optimization = Optimization(partial(Adam, lr=1e-3)),
        average_decay: float = 0.999,
        average_half_life: float | None = None,
        schedules: Mapping[str, Schedule] = {},
        seed: int = 0,
    ) -> None:
        super().__init__(generator, average_decay, seed, average_half_life)
        check_term_weights(beta=beta, free_bits=free_bits)
        if isinstance(likelihood, Bernoulli) and tuple(generator.image_shape[1:]) == (1, 1):
            raise UserError("model.likelihood is Bernoulli, but points are not black or white: use LearntGaussian")
        self.encoder, self.likelihood = Encoder(encoder, generator), likelihood
        self.beta, self.free_bits = beta, free_bits
        self.average_encoder = self.averaged(self.encoder)
        self.average_likelihood = self.averaged(likelihood)
        autoencoder = nn.ModuleList([self.encoder, generator, likelihood])
        self.players = {"autoencoder": Player(autoencoder, autoencoder_optimization)}

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Runs one iteration of Algorithm 1: one step up the gradient of the bound, with one draw for each image."""
        images, labels = images_and_labels(batch)
        with self.update_of("autoencoder") as update:
            for x, y, noise in self.microbatches((images.to(self.dtype), labels), update):
                x = self.likelihood.observed(x, self.uniform)
                q = Posterior.of(self.encoder(x, y))
                log_p = self.likelihood(promoted(self.generator(q.at(noise), y)), x)
                update.backward(reconstruction=-log_p.mean(), kl=self.beta * self.divergence(q))
                update.record(bound=log_p - q.kl().sum(1))
        self.finish_iteration()
        self.log_at_steps(lambda: self.metrics(update))

    def divergence(self, q: Posterior) -> Tensor:
        """Returns the sum over j of max(free_bits, E_x[KL(q(z_j|x) || p(z_j))]).

        E_x is the mean over the batches of all processes.
        """
        kl = q.kl().mean(0)
        return (mean_everywhere(kl).clamp(min=self.free_bits) if self.free_bits else kl).sum()

    def metrics(self, update: Update) -> dict[str, Tensor]:
        """Returns what is logged, in nats per image: both terms as minimised; the bound without beta and free bits."""
        return {
            "loss/reconstruction": update.terms["reconstruction"],
            "loss/kl": update.terms["kl"],
            "elbo": update.recorded("bound").mean(),
        }

    # ---- with the averages ----------------------------------------------------------------------------------------

    def posterior(self, x: Tensor, y: Tensor | None = None) -> Posterior:
        """Returns q(z|x) of observed images (N, C, H, W)."""
        return Posterior.of(self.average_encoder(x, y))

    @torch.no_grad()
    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Returns images (N, C, H, W) that the decoder makes from the mean of q(z|x).

        Args:
            x: Images (N, C, H, W) in [-1, 1]. If training binarises them at random, they are binarised at middle grey
                here.
            y: Labels (N,), for a decoder with labels.
        """
        x = self.likelihood.observed(x, lambda *shape: x.new_full(shape, 0.5))
        return self.average_generator(self.posterior(x, y).mean, y).clamp(-1, 1)

    @torch.no_grad()
    def log_likelihood(
        self, x: Tensor, samples: int, stream: torch.Generator, y: Tensor | None = None, at_once: int = 10_000
    ) -> Tensor:
        """Returns the importance-weighted bound of log p(x), float64 (N,), in nats; see `importance_weighted`.

        Args:
            x: Observed images (N, C, H, W); for binary ones, each pixel -1 or 1.
            samples: k, the number of draws from q(z|x) for each image.
            stream: The random stream for these draws, on the CPU.
            y: Labels (N,), for a decoder with labels.
            at_once: Images that are decoded at a time. It changes the memory needed.
        """
        q = self.posterior(x, y)
        log_weights, shape = [], (len(x), q.mean.shape[1])
        for first in range(0, samples, draws := max(1, at_once // len(x))):
            k = min(draws, samples - first)
            noise = torch.stack([torch.randn(shape, generator=stream) for _ in range(k)])  # the same for any at_once
            z = q.at(noise.to(q.mean))
            out = promoted(self.average_generator(z.flatten(0, 1), None if y is None else y.repeat(k)))
            log_p = self.average_likelihood(out, x.repeat(k, 1, 1, 1)).view(k, -1)
            log_weights.append(log_p.double() + log_prior(z) - q.log_density(z))
        return importance_weighted(torch.cat(log_weights))


def check_term_weights(**weights: float) -> None:
    """Refuses negative weights of the bound's terms."""
    for key, value in weights.items():
        if not value >= 0:
            raise UserError(f"model.{key} is {value}; it must be at least 0")
