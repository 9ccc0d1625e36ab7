"""The VAE-GAN: an autoencoder that compares images by a discriminator's features."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.precision import promoted
from gan_lightning.models.elbo import Posterior
from gan_lightning.models.encoder import Encoder
from gan_lightning.models.gan import Minibatch, check_players
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.models.vae import check_term_weights
from gan_lightning.networks import Discriminator, Generator
from gan_lightning.networks.contract import DiscriminatorOutput, class_loss, judged
from gan_lightning.objectives import NonSaturating, Objective
from gan_lightning.training.batch_checks import images_and_labels
from gan_lightning.training.optimization import Optimization, Player
from gan_lightning.training.schedules import Schedule
from gan_lightning.training.update import Update


class VAEGAN(GenerativeModel):
    """A VAE whose decoder is also a GAN's generator, with a likelihood of the discriminator's features f.

    Larsen et al., "Autoencoding beyond pixels using a learned similarity metric", 2016, Algorithm 1.
    https://arxiv.org/abs/1512.09300

    - D:       real images against reconstructions, and against samples of the prior
    - encoder: beta KL(q(z|x) || p(z)) - E_q[log N(f(x); f(G(z)), 1)]
    - G:       -gamma E_q[log N(f(x); f(G(z)), 1)], and against D with reconstructions and with samples

    The three update in this order, each against the others as they are then; the paper computes all three gradients
    before any step. The losses of the two games, with reconstructions and with samples, are averaged where the paper
    adds them. The constants of the likelihood are left out.

    Args:
        generator: The decoder, which makes images from latents.
        encoder: Another discriminator, whose features determine q(z|x); best the generator's mirror image.
        discriminator: Tells real images from generated ones; its `features` compare reconstructions with originals.
        objective: The losses of D and G.
        beta: Weight of the KL divergence in the encoder's loss; 1 in the paper. The scale of features depends on D: if
            they are few, or small, the divergence would outweigh them, and z would carry no information.
        gamma: Weight of the reconstruction in G's loss.
        generator_optimization: The optimization of G.
        encoder_optimization: The optimization of the encoder.
        discriminator_optimization: The optimization of D.
        average_decay: Decay of the moving averages of G, which makes every sample, and of the encoder; from 0 (none)
            to below 1.
        average_half_life: Images after which the past weighs half in the average, in place of `average_decay`. It is
            not warmed up: let it grow from 0 by a schedule.
        schedules: What changes during training: the path of a number below `model`, and its schedule.
        seed: Fixes all random draws of training, which also depend on the iteration and the process.

    Raises:
        UserError: The parts do not fit together, or a checkpoint could not name one of them.
    """

    curves: ClassVar = {
        "loss": {"discriminator": "loss/discriminator", "generator": "loss/generator"},
        "encoder's loss": {"reconstruction": "loss/reconstruction", "KL divergence": "loss/kl"},
    }
    short_names: ClassVar = {
        "loss/discriminator": "loss D",
        "loss/generator": "loss G",
        "loss/reconstruction": "reconstruction",
        "loss/kl": "KL",
    }

    def __init__(
        self,
        generator: Generator,
        encoder: Discriminator,
        discriminator: Discriminator,
        objective: Objective = NonSaturating(),
        beta: float = 1.0,
        gamma: float = 0.1,
        generator_optimization: Optimization = Optimization(),
        encoder_optimization: Optimization = Optimization(),
        discriminator_optimization: Optimization = Optimization(),
        average_decay: float = 0.999,
        average_half_life: float | None = None,
        schedules: Mapping[str, Schedule] = {},
        seed: int = 0,
    ) -> None:
        super().__init__(generator, average_decay, seed, average_half_life)
        check_players(generator, discriminator)
        check_features(discriminator)
        check_term_weights(beta=beta, gamma=gamma)
        self.encoder, self.discriminator, self.objective = Encoder(encoder, generator), discriminator, objective
        self.beta, self.gamma = beta, gamma
        self.average_encoder = self.averaged(self.encoder)
        self.players = {
            "discriminator": Player(discriminator, discriminator_optimization),
            "encoder": Player(self.encoder, encoder_optimization),
            "generator": Player(generator, generator_optimization),
        }

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Runs one iteration of Algorithm 1: an update of D, one of the encoder, one of G."""
        images, labels = images_and_labels(batch)
        minibatch = images.to(self.dtype), labels
        update_d = self.update_discriminator(minibatch)
        update_e = self.update_encoder(minibatch)
        update_g = self.update_generator(minibatch)
        self.finish_iteration()
        self.log_at_steps(lambda: self.metrics(update_d, update_e, update_g))

    def update_discriminator(self, minibatch: Minibatch) -> Update:
        """Updates D once: real images against reconstructions, and against samples of the prior."""
        with self.update_of("discriminator") as update:
            for x, y, z in self.microbatches(minibatch, update):
                _, rebuilt, sampled = self.reconstruct_and_sample(x, y, z)
                real, *fakes = (self.discriminate(image, y) for image in (x, rebuilt, sampled))
                objective = mean(self.objective.discriminator(real.logits, fake.logits) for fake in fakes)
                update.backward(objective=objective, **class_loss(y, real, *fakes))
        return update

    def update_encoder(self, minibatch: Minibatch) -> Update:
        """Updates the encoder once: towards the prior, and towards reconstructions with the same features."""
        with self.update_of("encoder") as update:
            for x, y, z in self.microbatches(minibatch, update):
                q, rebuilt, _ = self.reconstruct_and_sample(x, y, z)
                update.backward(kl=self.beta * q.kl().sum(1).mean(), reconstruction=self.distance(x, rebuilt))
        return update

    def update_generator(self, minibatch: Minibatch) -> Update:
        """Updates G once: against D, with reconstructions and with samples, and towards the originals."""
        with self.update_of("generator") as update:
            for x, y, z in self.microbatches(minibatch, update):
                _, rebuilt, sampled = self.reconstruct_and_sample(x, y, z)
                fakes = [self.discriminate(image, y) for image in (rebuilt, sampled)]
                real_logits = self.discriminate(x, y).logits if self.objective.compares else None
                objective = mean(self.objective.generator(fake.logits, real_logits) for fake in fakes)
                reconstruction = self.gamma * self.distance(x, rebuilt)
                update.backward(objective=objective, reconstruction=reconstruction, **class_loss(y, *fakes))
        return update

    def reconstruct_and_sample(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Posterior, Tensor, Tensor]:
        """Returns q(z|x), G's image of one draw from it, and G's image of z.

        Both images are made in one batch. If batch normalisation saw draws from q alone, it would enlarge their
        differences; in evaluation mode, where it cannot, G would reconstruct nothing.
        """
        q = Posterior.of(self.encoder(x, y))
        draw = q.at(self.normal(*q.mean.shape))
        rebuilt, sampled = self.generator(torch.cat([draw, z]), y.repeat(2)).chunk(2)
        return q, rebuilt, sampled

    def discriminate(self, x: Tensor, y: Tensor) -> DiscriminatorOutput:
        """Returns D's output for images, in 32 bits at least."""
        return judged(self.discriminator, x, y)

    def distance(self, x: Tensor, rebuilt: Tensor) -> Tensor:
        """Returns -log N(f(x); f(G(z)), 1) without its constant, averaged over images (Equation 7).

        It is half the squared distance of the features.
        """
        features, theirs = (promoted(self.discriminator.features(image)) for image in (x, rebuilt))
        return (features - theirs).square().sum(1).mean() / 2

    def metrics(self, d: Update, e: Update, g: Update) -> dict[str, Tensor]:
        """Returns what is logged of each update."""
        return {
            "loss/discriminator": d.terms["objective"],
            "loss/generator": g.terms["objective"],
            "loss/reconstruction": e.terms["reconstruction"],
            "loss/kl": e.terms["kl"],
        }

    @torch.no_grad()
    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Returns images (N, C, H, W) that the averaged generator makes from the mean of the averaged encoder's q(z|x).

        Args:
            x: Images (N, C, H, W) in [-1, 1].
            y: Labels (N,), for a generator with labels.
        """
        return self.average_generator(Posterior.of(self.average_encoder(x, y)).mean, y).clamp(-1, 1)


def mean(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack([*losses]).mean()


def check_features(discriminator: Discriminator) -> None:
    """Refuses a discriminator whose features cannot compare two images."""
    if not discriminator.features_dim:
        raise UserError(
            f"{type(discriminator).__name__} has no features to compare images by: choose another for "
            "model.discriminator"
        )
    if discriminator.packing > 1:
        raise UserError(
            f"model.discriminator.packing is {discriminator.packing}, but images are compared one by one: leave it out"
        )
