"""The GAN: one batch through the discriminator and the generator. Read this first."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from gan_lightning.augmentation import Augmentation, View
from gan_lightning.core.errors import UserError
from gan_lightning.core.intervals import due
from gan_lightning.core.precision import promoted
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.networks import Discriminator, Generator, ImageShape
from gan_lightning.networks.contract import DiscriminatorOutput, class_loss, judged, packed
from gan_lightning.objectives import NonSaturating, Objective
from gan_lightning.penalties import Penalty, PenaltyInput, weighted_penalties
from gan_lightning.training.batch_checks import images_and_labels
from gan_lightning.training.compilation import Compiled, plainly, refused_in_one_line
from gan_lightning.training.optimization import Optimization, Player
from gan_lightning.training.schedules import Schedule
from gan_lightning.training.settings import numbered, turn_into_tensors
from gan_lightning.training.update import Update

Minibatch = tuple[Tensor, Tensor]
"""Images (n, C, H, W) and labels (n,)."""

Judge = Callable[[Tensor], DiscriminatorOutput]
"""Maps images, or packs of them, to D's output."""


class GAN(GenerativeModel):
    """Two networks in a game: a discriminator learns to tell real images from samples, a generator learns to fool it.

    Goodfellow et al., "Generative adversarial nets", 2014, Algorithm 1. https://arxiv.org/abs/1406.2661

    One batch is one iteration. It is split into `discriminator_steps` minibatches: D learns from each of them, then G
    learns once. `max_steps`, logging, checkpoints and learning-rate schedules all count these iterations.

    Args:
        generator: Makes images from latents.
        discriminator: Tells real images from generated ones.
        objective: The losses of both players.
        penalties: Terms added to D's loss to keep it smooth; any number.
        augmentation: Random changes of all images, real or generated, before D sees them; for small data sets.
        generator_optimization: The optimization of G.
        discriminator_optimization: The optimization of D.
        discriminator_steps: Updates of D per update of G. The batch size must be a multiple of it.
        average_decay: Decay of the moving average of G that makes every sample, from 0 (none) to below 1.
        average_half_life: Images after which the past weighs half in the average, in place of `average_decay`. It is
            not warmed up: let it grow from 0 by a schedule.
        schedules: What changes during training: the path of a number below `model`, and its schedule.
        compile: Compile the functions that compute both players' losses, for GPUs; the first iterations take minutes.
        channels_last: Keep images and weights in memory with the channels innermost, which suits convolutions on GPUs.
        seed: Fixes all random draws of training, which also depend on the iteration and the process.

    Raises:
        UserError: The parts do not fit together, or a checkpoint could not name one of them.
    """

    curves: ClassVar = {
        "loss": {"discriminator": "loss/discriminator", "generator": "loss/generator"},
        "D's output": {"D(x)": "D/real", "D(G(z))": "D/fake", "accuracy": "D/accuracy"},
    }
    short_names: ClassVar = {
        "loss/discriminator": "loss D",
        "loss/generator": "loss G",
        "D/real": "D(x)",
        "D/fake": "D(G(z))",
        "D/accuracy": "accuracy",
    }

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator,
        objective: Objective = NonSaturating(),
        penalties: Sequence[Penalty] = (),
        augmentation: Augmentation | None = None,
        generator_optimization: Optimization = Optimization(),
        discriminator_optimization: Optimization = Optimization(),
        discriminator_steps: int = 1,
        average_decay: float = 0.999,
        average_half_life: float | None = None,
        schedules: Mapping[str, Schedule] = {},
        compile: bool = False,  # noqa: A002  torch's name
        channels_last: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__(generator, average_decay, seed, average_half_life)
        check_players(generator, discriminator)
        check_augmentation(augmentation, objective, generator.image_shape, schedules)
        if discriminator_steps < 1:
            raise UserError(f"model.discriminator_steps is {discriminator_steps}; it must be at least 1")
        self.discriminator, self.objective, self.augmentation = discriminator, objective, augmentation
        self.penalties: Any = nn.ModuleList(penalties)
        self.penalty_names = numbered([type(penalty).__name__ for penalty in penalties])
        self.discriminator_steps = discriminator_steps
        self.compute = Compiled() if compile else plainly
        self.memory_format = torch.channels_last if channels_last else torch.preserve_format
        self.players = {
            "discriminator": Player(discriminator, discriminator_optimization),
            "generator": Player(generator, generator_optimization),
        }

    def setup(self, stage: str) -> None:
        super().setup(stage)
        self.to(memory_format=self.memory_format)

    def on_train_start(self) -> None:
        super().on_train_start()
        if self.compute is not plainly:
            turn_into_tensors(self.schedules, self.arguments, next(self.discriminator.parameters()))

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Runs one iteration of Algorithm 1: `discriminator_steps` updates of D, then one of G."""
        minibatches = self.minibatches(batch)
        updates_d = [self.update_discriminator(minibatch) for minibatch in minibatches]
        update_g = self.update_generator(minibatches[-1])
        self.finish_iteration()
        self.log_at_steps(lambda: self.metrics(updates_d[-1], update_g))

    def update_discriminator(self, minibatch: Minibatch) -> Update:
        """Updates D once against the current G."""
        with self.update_of("discriminator") as update:
            shares = update.microbatches * self.trainer.world_size
            for x, y, z in self.microbatches(minibatch, update):
                terms, real, fake = self.compute(self.discriminator_loss, x, y, z, self.due_penalties(), shares)
                update.backward(**terms)
                update.record(real=real.logits, fake=fake.logits)
                self.observe(real)
        self.after_discriminator_step()
        return update

    def update_generator(self, minibatch: Minibatch) -> Update:
        """Updates G once against the current D."""
        with self.update_of("generator") as update:
            for x, y, z in self.microbatches(minibatch, update):
                update.backward(**self.compute(self.generator_loss, x, y, z))
        return update

    def discriminator_loss(
        self, x: Tensor, y: Tensor, z: Tensor, due_penalties: Sequence[str], shares: int
    ) -> tuple[dict[str, Tensor], DiscriminatorOutput, DiscriminatorOutput]:
        """Returns the terms of D's loss by name, and what D says of real and of generated images.

        Args:
            x: Images (n, C, H, W).
            y: Labels (n,).
            z: Latents (n, latent_dim).
            due_penalties: Names of the penalties of this iteration.
            shares: Parts of D's whole step, over microbatches and processes, of which this is one.
        """
        x, fakes = self.packed(x), self.packed(self.generator(z, y))
        judge_x, judge_fakes = self.judge(y), self.judge(y)
        real, fake = judge_x(x), judge_fakes(fakes)
        terms = {"objective": self.objective.discriminator(real.logits, fake.logits), **class_loss(y, real, fake)}
        judges = (lambda x: judge_x(x).image_logits), (lambda x: judge_fakes(x).image_logits)
        logits = real.image_logits, fake.image_logits
        seen = PenaltyInput(*judges, x, promoted(fakes), *logits, self.normal, self.uniform, len(x) * shares)
        return terms | self.penalise(seen, due_penalties), real, fake

    def generator_loss(self, x: Tensor, y: Tensor, z: Tensor) -> dict[str, Tensor]:
        """Returns the terms of G's loss by name."""
        fake = self.judge(y)(self.packed(self.generator(z, y)))
        real_logits = self.judge(y)(self.packed(x)).logits if self.objective.compares else None
        return {"objective": self.objective.generator(fake.logits, real_logits), **class_loss(y, fake)}

    def minibatches(self, batch: Any) -> list[Minibatch]:
        """Splits the batch into as many equal parts as D has steps."""
        x, y = images_and_labels(batch)
        k = self.discriminator_steps
        if len(x) % k:
            raise UserError(
                f"a batch of {len(x)} images does not split into {k} minibatches: set data.batch_size to a multiple "
                "of model.discriminator_steps"
            )
        x = x.to(self.dtype, memory_format=self.memory_format)
        return list(zip(x.tensor_split(k), y.tensor_split(k), strict=True))

    def packed(self, x: Tensor) -> Tensor:
        """Returns images in packs, if D takes packs."""
        return packed(x, self.discriminator.packing)

    def judge(self, y: Tensor) -> Judge:
        """Returns D behind the augmentation, whose random changes are the same at every call, as are the labels."""
        view = View(self.augmentation, self.image_shape, self.normal, self.uniform)
        return lambda x: self.discriminate(view(x), y.repeat(max(1, len(x) // len(y))))

    def discriminate(self, x: Tensor, y: Tensor) -> DiscriminatorOutput:
        """Returns D's output for images, in 32 bits at least, whatever the precision of the networks."""
        return judged(self.discriminator, x, y)

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        with refused_in_one_line():  # the backward pass is compiled when it first runs
            super().backward(loss, *args, **kwargs)

    def due_penalties(self) -> tuple[str, ...]:
        """Returns the names of the penalties that are due in this iteration."""
        pairs = zip(self.penalty_names, self.penalties, strict=True)
        return tuple(name for name, penalty in pairs if due(self.iteration + 1, penalty.every))

    def penalise(self, inputs: PenaltyInput, names: Sequence[str]) -> dict[str, Tensor]:
        """Returns the penalties of these names, in 32 bits at least."""
        pairs = zip(self.penalty_names, self.penalties, strict=True)
        return weighted_penalties({name: penalty for name, penalty in pairs if name in names}, inputs)

    def observe(self, real: DiscriminatorOutput) -> None:
        """Shows the augmentation D's logits of real images."""
        if self.augmentation is not None:
            self.augmentation.observe(real.image_logits.repeat_interleave(self.discriminator.packing))

    def after_discriminator_step(self) -> None:
        """Lets penalties and the augmentation act after each of D's steps."""
        for penalty in self.penalties:
            penalty.after_step(self.discriminator)
        if self.augmentation is not None:
            self.augmentation.after_step()

    def metrics(self, d: Update, g: Update) -> dict[str, Tensor]:
        """Returns what is logged: both losses and statistics of D's output.

        A penalty is logged separately, and only in iterations that evaluate it. `D/real` and `D/fake` are mean sigmoids
        of D's logits; the accuracy is the share of logits on the right side of zero.
        """
        real, fake = d.recorded("real"), d.recorded("fake")
        return {
            "loss/discriminator": d.terms["objective"],
            "loss/generator": g.terms["objective"],
            "D/real": real.sigmoid().mean(),
            "D/fake": fake.sigmoid().mean(),
            "D/accuracy": ((real > 0).float().mean() + (fake < 0).float().mean()) / 2,
            **{f"penalty/{name}": d.terms[name] for name in self.penalty_names if name in d.terms},
            **{f"loss/{name}": d.terms[name] for name in ("classification",) if name in d.terms},
            **(self.augmentation.metrics() if self.augmentation is not None else {}),
        }


def check_players(generator: Generator, discriminator: Discriminator) -> None:
    """Refuses a generator and a discriminator that do not fit together."""
    if tuple(generator.image_shape) != tuple(discriminator.image_shape):
        raise UserError(
            f"the generator makes images of {tuple(generator.image_shape)}, the discriminator takes "
            f"{tuple(discriminator.image_shape)}: give both the same image_shape"
        )
    if generator.classes != discriminator.classes:
        raise UserError(
            f"the generator is made for {generator.classes} classes, the discriminator for {discriminator.classes}: "
            "set model.generator.classes and model.discriminator.classes to the same number"
        )


def check_augmentation(
    augmentation: Augmentation | None, objective: Objective, image_shape: ImageShape, schedules: Mapping[str, Schedule]
) -> None:
    """Refuses an augmentation that the model cannot use."""
    if augmentation is None:
        return
    name = type(augmentation).__name__
    if augmentation.adapts and not objective.signed:
        raise UserError(
            f"{name} adapts to the sign of D(x), which means nothing under {type(objective).__name__}: set "
            "model.augmentation.speed to 0 and give model.augmentation.p, or choose another objective"
        )
    if augmentation.adapts and "augmentation.p" in schedules:
        raise UserError(
            f"model.schedules has augmentation.p, but {name} adapts it, too: set model.augmentation.speed to 0"
        )
    if tuple(image_shape[1:]) == (1, 1):
        raise UserError(f"{name} changes images, but the data are points of the plane: leave out model.augmentation")
