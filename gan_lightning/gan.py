"""The game: one batch through the discriminator and the generator. Read this first."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gan_lightning.augmentation import Augmentation
from gan_lightning.errors import UserError
from gan_lightning.learner import CLASSIC_ADAM, OptimizerFactory, Player, SchedulerFactory, labelled
from gan_lightning.model import Model
from gan_lightning.moments import due
from gan_lightning.networks import Discriminator, Generator, Verdict, naming, packed
from gan_lightning.objectives import NonSaturating, Objective
from gan_lightning.penalties import Penalty, Seen

Terms = dict[str, Tensor]
"""Scalars by name."""


class GAN(Model):
    """Two networks in a game: a discriminator learns to tell images from samples, a generator to make that hard.

    Goodfellow et al., "Generative adversarial nets", 2014, Algorithm 1. https://arxiv.org/abs/1406.2661

    One batch is one iteration: it is split into `discriminator_steps` minibatches, D learns from each, then G learns
    once. `max_steps`, logging, checkpoints and learning-rate schedulers all count these iterations.

    Args:
        generator: Makes images from latents.
        discriminator: Tells real images from made ones.
        objective: What each player minimises.
        penalties: What is added to D's loss to keep it smooth; any number.
        augmentation: What is done to all images before D sees them, real or made; for few images.
        generator_optimizer: Takes G's parameters, gives its optimizer.
        discriminator_optimizer: Takes D's parameters, gives its optimizer.
        generator_scheduler: Takes G's optimizer, gives a learning-rate scheduler; it steps once an iteration.
        discriminator_scheduler: Takes D's optimizer, gives a learning-rate scheduler; it steps once an iteration.
        discriminator_steps: Updates of D for one of G. The batch size must be a multiple of it.
        generator_gradient_clip: The largest norm of G's gradient; a larger gradient is scaled down to it.
        discriminator_gradient_clip: The same for D.
        generator_accumulation: Parts in which G takes a batch, one after the other: the same step in less memory.
        discriminator_accumulation: The same for each of D's minibatches.
        average_decay: Decay of the moving average of G that makes every sample, from 0 (none) to below 1.
        seed: Fixes all that is drawn in training, which also depends on the iteration and the process.

    Raises:
        UserError: The parts do not fit together, or a checkpoint could not name one of them.
    """

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        objective: Objective = NonSaturating(),
        penalties: Sequence[Penalty] = (),
        augmentation: Augmentation | None = None,
        generator_optimizer: OptimizerFactory = CLASSIC_ADAM,
        discriminator_optimizer: OptimizerFactory = CLASSIC_ADAM,
        generator_scheduler: SchedulerFactory | None = None,
        discriminator_scheduler: SchedulerFactory | None = None,
        discriminator_steps: int = 1,
        generator_gradient_clip: float | None = None,
        discriminator_gradient_clip: float | None = None,
        generator_accumulation: int = 1,
        discriminator_accumulation: int = 1,
        average_decay: float = 0.999,
        seed: int = 0,
    ) -> None:
        super().__init__(locals(), generator, average_decay, seed)
        check_players(generator, discriminator)
        check_augmentation(augmentation, objective, generator)
        self.discriminator, self.objective, self.augmentation = discriminator, objective, augmentation
        self.penalties: Any = nn.ModuleList(penalties)
        self.penalty_names = numbered([type(penalty).__name__ for penalty in penalties])
        self.discriminator_steps = discriminator_steps
        self.players = {
            "discriminator": Player(
                discriminator,
                discriminator_optimizer,
                discriminator_scheduler,
                discriminator_gradient_clip,
                discriminator_accumulation,
            ),
            "generator": Player(
                generator, generator_optimizer, generator_scheduler, generator_gradient_clip, generator_accumulation
            ),
        }

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One iteration of Algorithm 1: `discriminator_steps` updates of D, then one of G."""
        iteration = self.begin()
        for minibatch in self.minibatches(batch):
            with self.turn("discriminator") as turn_d:
                for x, y, z in self.shares(minibatch, turn_d):
                    x, fakes = self.shown(x), self.shown(self.generator(z, y))
                    real, fake = self.judge(x, y), self.judge(fakes, y)
                    penalties = self.penalised(x, y, fakes, real.logits, fake.logits)
                    objective = self.objective.discriminator(real.logits, fake.logits)
                    turn_d.learn(objective=objective, **naming(y, real, fake), **penalties)
                    self.notice(real)
            self.after_step()
        with self.turn("generator") as turn_g:
            for x, y, z in self.shares(minibatch, turn_g):
                judged = self.judge(self.shown(self.generator(z, y)), y)
                rival = self.judge(self.shown(x), y).logits if self.objective.compares else None
                turn_g.learn(objective=self.objective.generator(judged.logits, rival), **naming(y, judged))
        self.finish(iteration)
        self.log_at_steps(lambda: self.numbers(turn_d.terms, turn_g.terms, real.logits, fake.logits))

    def minibatches(self, batch: Any) -> Iterator[tuple[Tensor, Tensor]]:
        """The batch in as many equal parts as D has steps."""
        x, y = labelled(batch)
        k = self.discriminator_steps
        if len(x) % k:
            raise UserError(
                f"a batch of {len(x)} images does not split into {k} minibatches: set data.batch_size to a multiple "
                "of model.discriminator_steps"
            )
        return zip(x.to(self.dtype).tensor_split(k), y.tensor_split(k), strict=True)

    def shown(self, x: Tensor) -> Tensor:
        """Images as D sees them: augmented, and several at once if it judges packs."""
        if self.augmentation is not None:
            x = self.augmentation(x, self.normal, self.uniform)
        return packed(x, self.discriminator.packing)

    def judge(self, x: Tensor, y: Tensor) -> Verdict:
        """What D makes of images, in 32 bits at least, whatever the precision of the networks."""
        out = self.discriminator(x, y)
        return Verdict.of(out.to(torch.promote_types(out.dtype, torch.float32)))

    def penalised(self, x: Tensor, y: Tensor, fakes: Tensor, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """The penalties that are due in this iteration, by name, in 32 bits at least."""
        terms = {}
        wide = torch.promote_types(fakes.dtype, torch.float32)
        judge = lambda x: self.judge(x, y.repeat(max(1, len(x) // len(y)))).logits  # noqa: E731
        batch = len(x) * self.now.parts * self.trainer.world_size
        seen = Seen(judge, x, fakes.to(wide), real, fake, self.normal, self.uniform, batch)
        for name, penalty in zip(self.penalty_names, self.penalties, strict=True):
            if due(self.global_step + 1, penalty.every):
                with torch.autocast(self.device.type, enabled=False):
                    terms[name] = penalty.every * penalty(seen)
        return terms

    def notice(self, real: Verdict) -> None:
        """Lets the augmentation see how sure D is of real images."""
        if self.augmentation is not None:
            self.augmentation.notice(real.logits.repeat_interleave(self.discriminator.packing))

    def after_step(self) -> None:
        """What is done after each of D's steps."""
        for penalty in self.penalties:
            penalty.after_step(self.discriminator)
        if self.augmentation is not None:
            self.augmentation.after_step()

    def numbers(
        self, terms_d: dict[str, Tensor], terms_g: dict[str, Tensor], real: Tensor, fake: Tensor
    ) -> dict[str, Tensor]:
        """What is logged: both losses and what D thinks.

        A penalty has a number of its own, and only in iterations in which it is evaluated. `D/real` and `D/fake` are
        mean sigmoids of D's logits; its accuracy is the share of logits on the right side of zero.
        """
        return {
            "loss/discriminator": terms_d["objective"],
            "loss/generator": terms_g["objective"],
            "D/real": real.sigmoid().mean(),
            "D/fake": fake.sigmoid().mean(),
            "D/accuracy": ((real > 0).float().mean() + (fake < 0).float().mean()) / 2,
            **{f"penalty/{name}": terms_d[name] for name in self.penalty_names if name in terms_d},
            **{f"loss/{name}": terms_d[name] for name in ("classification",) if name in terms_d},
            **(self.augmentation.numbers() if self.augmentation is not None else {}),
        }


def numbered(names: list[str]) -> list[str]:
    """The names, of which those that occur again are numbered: R1, R2, R1_2."""
    return [name if name not in names[:i] else f"{name}_{names[: i + 1].count(name)}" for i, name in enumerate(names)]


def check_players(generator: Generator, discriminator: Discriminator) -> None:
    """Refuses players that cannot meet."""
    if tuple(generator.image_shape) != tuple(discriminator.image_shape):
        raise UserError(
            f"the generator makes images of {tuple(generator.image_shape)}, the discriminator judges "
            f"{tuple(discriminator.image_shape)}: give both the same image_shape"
        )
    if generator.classes != discriminator.classes:
        raise UserError(
            f"the generator is made for {generator.classes} classes, the discriminator for {discriminator.classes}: "
            "set model.generator.classes and model.discriminator.classes to the same number"
        )


def check_augmentation(augmentation: Augmentation | None, objective: Objective, generator: Generator) -> None:
    """Refuses an augmentation that would do harm."""
    if augmentation is None:
        return
    name = type(augmentation).__name__
    if augmentation.adapts and not objective.signed:
        raise UserError(
            f"{name} adapts to the sign of D(x), which says nothing under {type(objective).__name__}: set "
            "model.augmentation.speed to 0 and give model.augmentation.p, or choose another objective"
        )
    if tuple(generator.image_shape[1:]) == (1, 1):
        raise UserError(f"{name} changes images, which points of the plane are not: leave out model.augmentation")
