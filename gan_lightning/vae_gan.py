"""The bridge between the two: an autoencoder that compares images by what a discriminator sees in them."""

from collections.abc import Iterable
from dataclasses import fields
from typing import Any, ClassVar

import torch
from torch import Tensor

from gan_lightning.averaging import AverageGenerator
from gan_lightning.elbo import Posterior, wide
from gan_lightning.encoder import Encoder
from gan_lightning.errors import UserError
from gan_lightning.gan import check_players
from gan_lightning.learner import CLASSIC_ADAM, OptimizerFactory, Player, SchedulerFactory, labelled
from gan_lightning.model import Model
from gan_lightning.networks import Discriminator, Generator, Verdict, naming
from gan_lightning.objectives import NonSaturating, Objective
from gan_lightning.vae import check_weights_of_terms


class VAEGAN(Model):
    """A VAE whose decoder is also a GAN's generator, and whose likelihood is in the discriminator's features f.

    Larsen et al., "Autoencoding beyond pixels using a learned similarity metric", 2016, Algorithm 1.
    https://arxiv.org/abs/1512.09300

    - D:       real images against reconstructions, and against samples of the prior
    - encoder: beta KL(q(z|x) || p(z)) - E_q[log N(f(x); f(G(z)), 1)]
    - G:       -gamma E_q[log N(f(x); f(G(z)), 1)], and against D with reconstructions and with samples

    The three take turns in this order, each against the others as they now are; the paper computes all three gradients
    before it steps. Of the two games, with reconstructions and with samples,
    the mean is taken where the paper has the sum. The constants of
    the likelihood are left out.

    Args:
        generator: The decoder: makes images from latents.
        encoder: Another discriminator, whose features tell q(z|x); best the generator's mirror.
        discriminator: Tells real images from made ones; its `features` compare reconstructions with originals.
        objective: What D and G minimise.
        beta: Weight of the KL divergence in the encoder's loss; 1 in the paper. The scale of features is D's choice:
            where they are few, or small, the divergence would drown them, and z would say nothing.
        gamma: Weight of the reconstruction in G's loss.
        generator_optimizer: Takes G's parameters, gives its optimizer.
        encoder_optimizer: The same for the encoder.
        discriminator_optimizer: The same for D.
        generator_scheduler: Takes G's optimizer, gives a learning-rate scheduler; it steps once an iteration.
        encoder_scheduler: The same for the encoder.
        discriminator_scheduler: The same for D.
        generator_gradient_clip: The largest norm of G's gradient; a larger gradient is scaled down to it.
        encoder_gradient_clip: The same for the encoder.
        discriminator_gradient_clip: The same for D.
        generator_accumulation: Parts in which G takes a batch, one after the other: the same step in less memory.
        encoder_accumulation: The same for the encoder.
        discriminator_accumulation: The same for D.
        average_decay: Decay of the moving averages of G, which makes every sample, and of the encoder; from 0 (none)
            to below 1.
        seed: Fixes all that is drawn in training, which also depends on the iteration and the process.

    Raises:
        UserError: The parts do not fit together, or a checkpoint could not name one of them.
    """

    panels: ClassVar = {
        "loss": {"discriminator": "loss/discriminator", "generator": "loss/generator"},
        "encoder's loss": {"reconstruction": "loss/reconstruction", "KL divergence": "loss/kl"},
    }

    def __init__(
        self,
        generator: Generator,
        encoder: Discriminator,
        discriminator: Discriminator,
        objective: Objective = NonSaturating(),
        beta: float = 1.0,
        gamma: float = 0.1,
        generator_optimizer: OptimizerFactory = CLASSIC_ADAM,
        encoder_optimizer: OptimizerFactory = CLASSIC_ADAM,
        discriminator_optimizer: OptimizerFactory = CLASSIC_ADAM,
        generator_scheduler: SchedulerFactory | None = None,
        encoder_scheduler: SchedulerFactory | None = None,
        discriminator_scheduler: SchedulerFactory | None = None,
        generator_gradient_clip: float | None = None,
        encoder_gradient_clip: float | None = None,
        discriminator_gradient_clip: float | None = None,
        generator_accumulation: int = 1,
        encoder_accumulation: int = 1,
        discriminator_accumulation: int = 1,
        average_decay: float = 0.999,
        seed: int = 0,
    ) -> None:
        words = locals()
        super().__init__(words, generator, average_decay, seed)
        check_players(generator, discriminator)
        check_judge(discriminator)
        check_weights_of_terms(beta=beta, gamma=gamma)
        self.encoder, self.discriminator, self.objective = Encoder(encoder, generator), discriminator, objective
        self.beta, self.gamma = beta, gamma
        self.average_encoder = AverageGenerator(self.encoder, average_decay)
        networks = {"discriminator": discriminator, "encoder": self.encoder, "generator": generator}
        options = [field.name for field in fields(Player)[1:]]
        self.players = {
            name: Player(network, **{option: words[f"{name}_{option}"] for option in options})
            for name, network in networks.items()
        }

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One iteration of Algorithm 1: a step of D, one of the encoder, one of G."""
        iteration = self.begin()
        images, labels = labelled(batch)
        minibatch = images.to(self.dtype), labels
        with self.turn("discriminator") as turn_d:
            for x, y, z in self.shares(minibatch, turn_d):
                _, rebuilt, sampled = self.both(x, y, z)
                real, *made = (self.judge(image, y) for image in (x, rebuilt, sampled))
                objective = mean(self.objective.discriminator(real.logits, fake.logits) for fake in made)
                turn_d.learn(objective=objective, **naming(y, real, *made))
        with self.turn("encoder") as turn_e:
            for x, y, z in self.shares(minibatch, turn_e):
                q, rebuilt, _ = self.both(x, y, z)
                turn_e.learn(kl=self.beta * q.kl().sum(1).mean(), reconstruction=self.distance(x, rebuilt))
        with self.turn("generator") as turn_g:
            for x, y, z in self.shares(minibatch, turn_g):
                _, rebuilt, sampled = self.both(x, y, z)
                made = [self.judge(image, y) for image in (rebuilt, sampled)]
                rival = self.judge(x, y).logits if self.objective.compares else None
                objective = mean(self.objective.generator(fake.logits, rival) for fake in made)
                reconstruction = self.gamma * self.distance(x, rebuilt)
                turn_g.learn(objective=objective, reconstruction=reconstruction, **naming(y, *made))
        self.finish(iteration)
        self.log_at_steps(lambda: self.numbers(turn_d.terms, turn_e.terms, turn_g.terms))

    def both(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Posterior, Tensor, Tensor]:
        """The law q(z|x), what G makes of one draw from it, and what it makes of z.

        They are made in one batch: if batch normalisation saw draws from q alone, it would enlarge their differences,
        and reconstruct nothing in evaluation mode, where it cannot.
        """
        q = Posterior.of(self.encoder(x, y))
        draw = q.at(self.normal(*q.mean.shape))
        rebuilt, sampled = self.generator(torch.cat([draw, z]), y.repeat(2)).chunk(2)
        return q, rebuilt, sampled

    def judge(self, x: Tensor, y: Tensor) -> Verdict:
        """What D makes of images, in 32 bits at least."""
        return Verdict.of(wide(self.discriminator(x, y)))

    def distance(self, x: Tensor, rebuilt: Tensor) -> Tensor:
        """-log N(f(x); f(G(z)), 1) without its constant, mean over images: half the squared distance (Equation 7)."""
        features, theirs = (wide(self.discriminator.features(image)) for image in (x, rebuilt))
        return (features - theirs).square().sum(1).mean() / 2

    def finish(self, iteration: int) -> None:
        self.average_encoder.update(self.encoder, iteration)
        super().finish(iteration)

    def numbers(self, d: dict[str, Tensor], e: dict[str, Tensor], g: dict[str, Tensor]) -> dict[str, Tensor]:
        """What is logged, of the terms of each turn."""
        return {
            "loss/discriminator": d["objective"],
            "loss/generator": g["objective"],
            "loss/reconstruction": e["reconstruction"],
            "loss/kl": e["kl"],
        }

    @torch.no_grad()
    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) that the averaged generator makes of the mean of the averaged encoder's q(z|x).

        Args:
            x: Images (N, C, H, W) in [-1, 1].
            y: Labels (N,), for a generator with labels.
        """
        return self.average_generator(Posterior.of(self.average_encoder(x, y)).mean, y).clamp(-1, 1)


def mean(losses: Iterable[Tensor]) -> Tensor:
    return torch.stack([*losses]).mean()


def check_judge(discriminator: Discriminator) -> None:
    """Refuses a discriminator whose features cannot compare two images."""
    if not discriminator.features_dim:
        raise UserError(
            f"{type(discriminator).__name__} has no features, in which images are compared: choose another for "
            "model.discriminator"
        )
    if discriminator.packing > 1:
        raise UserError(
            f"model.discriminator.packing is {discriminator.packing}, but images are compared one by one: leave it out"
        )
