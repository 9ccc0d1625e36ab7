"""The translator without pairs: generators that turn images of one side into images of the other, and back."""

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import torch
from torch import Tensor, nn

from gan_lightning.augmentation import Augmentation, View
from gan_lightning.core import checkpoint_files
from gan_lightning.core.blueprint import built
from gan_lightning.core.configurable import rebuild
from gan_lightning.core.errors import UserError
from gan_lightning.core.intervals import due
from gan_lightning.core.precision import promoted
from gan_lightning.degradations import Given
from gan_lightning.models.averaged import AveragedModule
from gan_lightning.models.ema import MovingAverage
from gan_lightning.models.fake_pool import FakePool
from gan_lightning.models.gan import Judge, check_augmentation
from gan_lightning.models.translator import Translator, image_logits_of, weights_below
from gan_lightning.models.unpaired_checks import check_terms, check_ways
from gan_lightning.networks import Discriminator, ImageToImage
from gan_lightning.networks.contract import judged
from gan_lightning.objectives import LeastSquares, Objective
from gan_lightning.penalties import Penalty, PenaltyInput, weighted_penalties
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.terms import OneWay, UnpairedTerm
from gan_lightning.terms.identity import Identity
from gan_lightning.training.batch_checks import images_of
from gan_lightning.training.optimization import Optimization, Player
from gan_lightning.training.schedules import Schedule
from gan_lightning.training.settings import numbered
from gan_lightning.training.update import Update

DirectionName = Literal["a_to_b", "b_to_a"]

Turn = Callable[[Tensor], Tensor]
"""Makes images (N, C, H, W) of images (N, C, H, W)."""

Sides = tuple[Tensor, Tensor]
"""Images (n, C, H, W) of A and of B, which do not correspond."""


class Translation(NamedTuple):
    """A direction, and its networks.

    Args:
        number: 0 from A to B, 1 from B to A.
        name: The same, in words.
        generator: Translates.
        backward: Translates in the other direction; None if nothing does.
        discriminator: Tells real images of the other side from translated ones.
        pool: Gives the discriminator some earlier images; None for new ones alone.
    """

    number: int
    name: DirectionName
    generator: ImageToImage
    backward: ImageToImage | None
    discriminator: Discriminator
    pool: FakePool | None


ONE_WAY = "this model translates from A to B alone: leave out direction"
"""What is said to whoever asks for the other direction."""


class CycleTranslator(AveragedModule):
    """Generators learn to turn images of side A into images of side B, and back, from images that do not correspond.

    Zhu et al., "Unpaired image-to-image translation using cycle-consistent adversarial networks", 2017, Equation 3.
    https://arxiv.org/abs/1703.10593

    For each direction, A to B and B to A, or A to B alone:

    - G: adversarial_weight times the objective, and the terms, which tie its images to those they are made of
    - D: the objective, of real images of the other side against those that G makes, or has made earlier

    One batch is one iteration: an update of the generators, then one of the discriminators, with the same images, as in
    the authors' code. A batch holds images of A and of B in turn: a, b, a, b (`Unpaired`).

    Args:
        generator: Makes images of B from images of A.
        discriminator: Tells real images of B from made ones.
        backward_generator: Makes images of A from images of B. If null, only A is translated, and `terms` needs one
            that does not go back, such as PatchNCE.
        backward_discriminator: Tells real images of A from made ones; null if `backward_generator` is.
        terms: Terms of the generators' loss, the same for both directions; any number.
        objective: The losses of the game of each direction.
        adversarial_weight: The factor of the objective in the generators' loss.
        pool: Number of earlier images for each discriminator, of which it sees some instead of new ones; 0 for none.
        penalties: Terms added to the discriminators' loss to keep them smooth; any number. What a penalty keeps from
            one iteration to the next, it keeps of both together.
        augmentation: Random changes of all images, real or made, before a discriminator sees them.
        generator_optimization: The optimization of both generators, and of what the terms learn.
        discriminator_optimization: The optimization of both discriminators.
        average_decay: Decay of the moving averages of the generators that make every result, from 0 (none) to below 1.
        average_half_life: Images after which the past weighs half in the averages, in place of `average_decay`. It is
            not warmed up: let it grow from 0 by a schedule.
        schedules: What changes during training: the path of a number below `model`, and its schedule.
        seed: Fixes all random draws of training, which also depend on the iteration and the process.

    Raises:
        UserError: The parts do not fit together, or a checkpoint could not name one of them.
    """

    curves: ClassVar = {"loss": {"discriminators": "loss/discriminator", "generators": "loss/generator"}}
    standard: ClassVar = {ImageToImage: "ResNetTranslator", Discriminator: "PatchDiscriminator"}
    short_names: ClassVar = {"loss/discriminator": "loss D", "loss/generator": "loss G"}

    def __init__(
        self,
        generator: ImageToImage,
        discriminator: Discriminator,
        backward_generator: ImageToImage | None = None,
        backward_discriminator: Discriminator | None = None,
        terms: Sequence[UnpairedTerm] = (Identity(),),
        objective: Objective = LeastSquares(0.0, 1.0, 1.0),
        adversarial_weight: float = 1.0,
        pool: int = 50,
        penalties: Sequence[Penalty] = (),
        augmentation: Augmentation | None = None,
        generator_optimization: Optimization = Optimization(),
        discriminator_optimization: Optimization = Optimization(),
        average_decay: float = 0.999,
        average_half_life: float | None = None,
        schedules: Mapping[str, Schedule] = {},
        seed: int = 0,
    ) -> None:
        super().__init__(generator.image_shape, 0, average_decay, seed, average_half_life)
        check_ways(generator, discriminator, backward_generator, backward_discriminator)
        check_terms(terms, generator, backward_generator)
        check_augmentation(augmentation, objective, generator.image_shape, schedules)
        if pool < 0:
            raise UserError(f"model.pool is {pool}; it must be at least 0")
        self.generator, self.backward_generator = generator, backward_generator
        self.discriminator, self.backward_discriminator = discriminator, backward_discriminator
        self.average_generator = self.averaged(generator)
        self.average_backward_generator = self.averaged(backward_generator) if backward_generator is not None else None
        self.pool = FakePool(pool, self.image_shape) if pool else None
        self.backward_pool = FakePool(pool, self.image_shape) if pool and backward_generator is not None else None
        self.translations = [Translation(0, "a_to_b", generator, backward_generator, discriminator, self.pool)]
        if backward_generator is not None and backward_discriminator is not None:
            back = (backward_generator, generator, backward_discriminator, self.backward_pool)
            self.translations.append(Translation(1, "b_to_a", *back))
        self.terms: Any = nn.ModuleList(copy.deepcopy(list(terms)))  # defaults belong to all models
        self.term_names = numbered([type(term).__name__ for term in terms])
        self.objective, self.adversarial_weight, self.augmentation = objective, adversarial_weight, augmentation
        self.penalties: Any = nn.ModuleList(penalties)
        self.penalty_names = numbered([type(penalty).__name__ for penalty in penalties])
        generators = [way.generator for way in self.translations]
        for term in self.terms:
            term.suit(generators)
        judges = nn.ModuleList(way.discriminator for way in self.translations)
        self.players = {
            "generator": Player(nn.ModuleList([*generators, *self.terms]), generator_optimization),
            "discriminator": Player(judges, discriminator_optimization),
        }

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Runs one iteration: an update of the generators, then one of the discriminators."""
        sides = sides_of(images_of(batch).to(self.dtype))
        update_g = self.update_generators(sides)
        update_d = self.update_discriminators(sides, update_g)
        self.finish_iteration()
        self.log_at_steps(lambda: self.metrics(update_d, update_g))

    def update_generators(self, sides: Sides) -> Update:
        """Updates the generators once against the current discriminators, and records what they have made."""
        with self.update_of("generator") as update:
            for a, b in self.split(sides, update):
                for way, source, target in zip(self.translations, (a, b), (b, a), strict=False):
                    made = promoted(way.generator(source))
                    update.backward(**self.adversarial(way, made, target), **self.tied(way, source, made, target))
                    update.record(**{way.name: made})
        return update

    def update_discriminators(self, sides: Sides, made: Update) -> Update:
        """Updates the discriminators once with what the generators have made, or had made earlier."""
        with self.update_of("discriminator") as update:
            shares = update.microbatches * self.trainer.world_size
            for way, target in zip(self.translations, sides[::-1], strict=False):
                fakes = made.recorded(way.name)
                fakes = fakes if way.pool is None else way.pool(fakes, self.uniform)
                for x, fake_x in self.split((target, fakes), update):
                    self.learn_apart(way, x, fake_x, update, shares)
        self.after_discriminator_step()
        return update

    def learn_apart(self, way: Translation, x: Tensor, fakes: Tensor, update: Update, shares: int) -> None:
        """Computes the gradients of a discriminator for images of its side, real and made (n, C, H, W).

        Args:
            way: Whose discriminator.
            x: Real images.
            fakes: Made images.
            update: The update of the discriminators.
            shares: Parts of the whole step, over microbatches and processes, of which this is one.
        """
        judge_x, judge_fakes = self.judge(way.discriminator), self.judge(way.discriminator)
        real, fake = judge_x(x), judge_fakes(fakes)
        judges = image_logits_of(judge_x), image_logits_of(judge_fakes)
        logits = real.image_logits, fake.image_logits
        seen = PenaltyInput(*judges, x, fakes, *logits, self.normal, self.uniform, len(x) * shares)
        update.backward(objective=self.objective.discriminator(real.logits, fake.logits), **self.penalise(seen))
        update.record(real=real.image_logits, fake=fake.image_logits)
        if self.augmentation is not None:
            self.augmentation.observe(real.image_logits)

    def adversarial(self, way: Translation, made: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Returns the objective of a generator."""
        fake = self.judge(way.discriminator)(made)
        real_logits = self.judge(way.discriminator)(target).logits if self.objective.compares else None
        return {"objective": self.adversarial_weight * self.objective.generator(fake.logits, real_logits)}

    def tied(self, way: Translation, source: Tensor, made: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Returns the terms, by name."""
        seen = OneWay(way.number, source, made, target, way.generator, way.backward, self.uniform)
        terms = zip(self.term_names, self.terms, strict=True)
        return {name: term.weight * (term.strength * term(seen)) for name, term in terms}

    def judge(self, discriminator: Discriminator) -> Judge:
        """Returns a discriminator behind the augmentation, whose random changes are the same at every call."""
        view, y = View(self.augmentation, self.image_shape, self.normal, self.uniform), torch.empty(0)
        return lambda x: judged(discriminator, view(x), y)

    def penalise(self, seen: PenaltyInput) -> dict[str, Tensor]:
        """Returns the penalties that are due in this iteration."""
        pairs = zip(self.penalty_names, self.penalties, strict=True)
        return weighted_penalties({name: p for name, p in pairs if due(self.iteration + 1, p.every)}, seen)

    def after_discriminator_step(self) -> None:
        """Lets penalties and the augmentation act after a step of the discriminators."""
        for way in self.translations:
            for penalty in self.penalties:
                penalty.after_step(way.discriminator)
        if self.augmentation is not None:
            self.augmentation.after_step()

    def metrics(self, d: Update, g: Update) -> dict[str, Tensor]:
        """Returns what is logged: both losses and their parts, which are sums over the directions."""
        return {
            "loss/discriminator": d.terms["objective"],
            "loss/generator": g.loss,
            **{f"term/{name}": value for name, value in g.terms.items()},
            "D/real": d.recorded("real").sigmoid().mean(),
            "D/fake": d.recorded("fake").sigmoid().mean(),
            **{f"penalty/{name}": d.terms[name] for name in self.penalty_names if name in d.terms},
            **(self.augmentation.metrics() if self.augmentation is not None else {}),
        }

    # ---- results --------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def forward(self, x: Tensor, direction: DirectionName = "a_to_b") -> Tensor:
        """Returns images (N, C, H, W) in [-1, 1] that an averaged generator makes from images (N, C, H, W)."""
        return promoted(self.average_of(direction)(x)).clamp(-1, 1)

    def average_of(self, direction: DirectionName) -> MovingAverage:
        """Returns the averaged generator of a direction.

        Raises:
            UserError: There is none.
        """
        average = self.average_generator if direction == "a_to_b" else self.average_backward_generator
        if average is None:
            raise UserError(ONE_WAY)
        return average

    def ways(self, side: int) -> tuple[Turn, Turn | None]:
        """Returns what translates images of a side, 0 for A and 1 for B, and what translates back, if anything does."""
        there, back = get_args(DirectionName)[:: 1 - 2 * side]
        ways = [lambda x, name=name: self(x.to(self.dtype), name) for name in (there, back)]
        return ways[0], ways[1] if len(self.translations) == 2 else None

    @classmethod
    def one_way_from_checkpoint(cls, checkpoint: str | Path | Checkpoint, direction: DirectionName) -> Translator:
        """Rebuilds one direction as a translator by itself, which makes the same images.

        Args:
            checkpoint: A local file. Nothing in it is executed, and nothing is imported for it.
            direction: a_to_b or b_to_a.

        Raises:
            UserError: The file is missing, damaged, holds code or no such direction, or a class in it is not loaded.
        """
        found = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)
        side = "generator" if direction == "a_to_b" else "backward_generator"
        words, own = found.arguments.get(side), (f"{side}.", f"average_{side}.")
        if words is None:
            raise UserError(ONE_WAY)
        state = {name.replace(side, "generator", 1): held for name, held in weights_below(found, own).items()}
        origin = checkpoint_files.origin(found.content)
        return built(lambda: by_itself(rebuild(words)), state, found.path, origin)


def by_itself(generator: ImageToImage) -> Translator:
    """Returns a generator as a translator of images as they are."""
    return Translator(generator, Given(generator.image_shape[0]), average_decay=0.0)


def sides_of(x: Tensor) -> Sides:
    """Returns the images of A and of B in a batch (2 n, C, H, W) that holds them in turn.

    Raises:
        UserError: There are not as many of A as of B.
    """
    if len(x) % 2:
        raise UserError(
            f"a batch of {len(x)} images does not hold as many of A as of B, in turn: use Unpaired, or change your data"
        )
    return x[0::2].contiguous(), x[1::2].contiguous()
