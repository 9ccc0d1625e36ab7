"""The translator: a generator that makes images from images, such as large ones from small ones."""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.augmentation import Augmentation, View
from gan_lightning.core import checkpoint_files
from gan_lightning.core.blueprint import built
from gan_lightning.core.configurable import rebuild
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import channels_in_words
from gan_lightning.core.intervals import due
from gan_lightning.core.precision import promoted
from gan_lightning.data import ImageData
from gan_lightning.degradations import Degradation, Smaller
from gan_lightning.models.averaged import AveragedModule
from gan_lightning.models.gan import Judge, check_augmentation
from gan_lightning.networks import Discriminator, ImageToImage
from gan_lightning.networks.contract import judged
from gan_lightning.objectives import NonSaturating, Objective
from gan_lightning.penalties import Penalty, PenaltyInput, weighted_penalties
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.terms import Term, TermInput
from gan_lightning.terms.pixel import L1
from gan_lightning.training.batch_checks import check_images, images_of
from gan_lightning.training.optimization import Optimization, Player
from gan_lightning.training.schedules import Schedule
from gan_lightning.training.settings import numbered
from gan_lightning.training.update import Update

Pair = tuple[Tensor, Tensor]
"""Images (n, C, H, W), and the inputs (n, c, h, w) from which they are to be made."""


class Translator(AveragedModule):
    """A generator learns to make an image x from what a degradation has left of it; a discriminator may judge it.

    Isola et al., "Image-to-image translation with conditional adversarial networks", 2017, Equations 1 to 4.
    https://arxiv.org/abs/1611.07004

    - D: the objective, of real images against those that G makes; it may see the inputs beside them
    - G: adversarial_weight times the objective, and the terms

    One batch is one iteration: an update of D, if there is one, then one of G. The pairs are made from any images by
    the degradation, anew in every iteration, or come from the data (`Given`).

    Args:
        generator: Makes images from inputs.
        degradation: Makes inputs from images.
        terms: Terms of G's loss that compare its images with the true ones; any number.
        discriminator: Tells real images from G's. If null, there are only the terms.
        objective: The losses of the game of D and G.
        adversarial_weight: The factor of the objective in G's loss.
        penalties: Terms added to D's loss to keep it smooth; any number.
        augmentation: Random changes of all images, real or made, before D sees them.
        generator_optimization: The optimization of G.
        discriminator_optimization: The optimization of D.
        average_decay: Decay of the moving average of G that makes every result, from 0 (none) to below 1.
        average_half_life: Images after which the past weighs half in the average, in place of `average_decay`. It is
            not warmed up: let it grow from 0 by a schedule.
        schedules: What changes during training: the path of a number below `model`, and its schedule.
        seed: Fixes all random draws of training, which also depend on the iteration and the process.

    Raises:
        UserError: The parts do not fit together, or a checkpoint could not name one of them.
    """

    curves: ClassVar = {"loss": {"generator": "loss/generator"}}
    short_names: ClassVar = {"loss/discriminator": "loss D", "loss/generator": "loss G"}

    def __init__(
        self,
        generator: ImageToImage,
        degradation: Degradation = Smaller(),
        terms: Sequence[Term] = (L1(),),
        discriminator: Discriminator | None = None,
        objective: Objective = NonSaturating(),
        adversarial_weight: float = 1.0,
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
        check_translation(generator, degradation)
        check_loss(terms, discriminator, degradation)
        self.generator, self.discriminator = generator, discriminator
        self.degradation = copy.deepcopy(degradation)  # the default belongs to all models
        self.average_generator = self.averaged(generator)
        self.terms: Any = nn.ModuleList(copy.deepcopy(list(terms)))  # defaults belong to all models
        self.term_names = numbered([type(term).__name__ for term in terms])
        self.objective, self.adversarial_weight, self.augmentation = objective, adversarial_weight, augmentation
        self.penalties: Any = nn.ModuleList(penalties)
        self.penalty_names = numbered([type(penalty).__name__ for penalty in penalties])
        self.players = {"generator": Player(generator, generator_optimization)}
        if discriminator is not None:
            check_judge(discriminator, generator, augmentation)
            check_augmentation(augmentation, objective, generator.image_shape, schedules)
            self.players = {"discriminator": Player(discriminator, discriminator_optimization), **self.players}

    @classmethod
    def maker_from_checkpoint(cls, checkpoint: str | Path | Checkpoint) -> "Translator":
        """Rebuilds only what makes images, so that nothing is needed of what they were learnt with, such as a backbone.

        That is the generator, its average and the degradation.

        Args:
            checkpoint: A local file. Nothing in it is executed, and nothing is imported for it.

        Raises:
            UserError: The file is missing, damaged, holds code or no translator, or a class in it is not loaded.
        """
        found = checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)
        words = {key: found.arguments[key] for key in ("generator", "degradation", "seed") if key in found.arguments}
        if "generator" not in words or "backward_generator" in found.arguments:
            raise UserError(f"{found.path} holds no Translator: name the checkpoint of one")
        state = weights_below(found, ("generator.", "average_generator.", "degradation."))
        origin = checkpoint_files.origin(found.content)
        return built(lambda: Translator(**rebuild(words), average_decay=0.0), state, found.path, origin)

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """Runs one iteration: an update of D, if there is one, then one of G."""
        pair = self.pair(images_of(batch).to(self.dtype))
        update_d = self.update_discriminator(self.discriminator, pair) if self.discriminator is not None else None
        update_g = self.update_generator(pair)
        self.finish_iteration()
        self.log_at_steps(lambda: self.metrics(update_g) | (self.metrics_of_game(update_d) if update_d else {}))

    def update_discriminator(self, discriminator: Discriminator, pair: Pair) -> Update:
        """Updates D once against the current G."""
        with self.update_of("discriminator") as update:
            shares = update.microbatches * self.trainer.world_size
            for x, inputs in self.split(pair, update):
                made = self.made(inputs)
                judge_x, judge_made = self.judge(discriminator, inputs), self.judge(discriminator, inputs)
                real, fake = judge_x(x), judge_made(made)
                judges = image_logits_of(judge_x), image_logits_of(judge_made)
                logits, draws = (real.image_logits, fake.image_logits), (self.normal, self.uniform)
                seen = PenaltyInput(*judges, x, promoted(made), *logits, *draws, len(x) * shares)
                update.backward(objective=self.objective.discriminator(real.logits, fake.logits), **self.penalise(seen))
                update.record(real=real.image_logits, fake=fake.image_logits)
                if self.augmentation is not None:
                    self.augmentation.observe(real.image_logits)
        self.after_discriminator_step(discriminator)
        return update

    def update_generator(self, pair: Pair) -> Update:
        """Updates G once against the current D, and towards the true images."""
        with self.update_of("generator") as update:
            for x, inputs in self.split(pair, update):
                made = self.made(inputs)
                update.backward(**self.adversarial(made, x, inputs), **self.compared(made, x, inputs))
        return update

    def pair(self, x: Tensor) -> Pair:
        """Returns the images of a batch and what the degradation leaves of them."""
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            return self.degradation.pair(x, self.normal, self.uniform)

    def made(self, inputs: Tensor) -> Tensor:
        """Returns G's images (n, C, H, W), with all that the inputs hold of the true ones."""
        return self.degradation.completed(self.generator(inputs), inputs)

    def adversarial(self, made: Tensor, x: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        """Returns the objective of G, if there is a discriminator."""
        if self.discriminator is None:
            return {}
        fake = self.judge(self.discriminator, inputs)(made)
        compares = self.objective.compares
        real_logits = self.judge(self.discriminator, inputs)(x).logits if compares else None
        return {"objective": self.adversarial_weight * self.objective.generator(fake.logits, real_logits)}

    def compared(self, made: Tensor, x: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        """Returns the terms, by name."""
        maps = partial(self.feature_maps, self.discriminator, inputs) if self.discriminator is not None else None
        seen = TermInput(promoted(made), x, self.degradation.missing(inputs), maps)
        terms = zip(self.term_names, self.terms, strict=True)
        return {name: term.weight * (term.strength * term(seen)) for name, term in terms}

    def judge(self, discriminator: Discriminator, inputs: Tensor) -> Judge:
        """Returns D behind the augmentation, whose random changes are the same at every call."""
        view, y = View(self.augmentation, self.image_shape, self.normal, self.uniform), torch.empty(0)
        return lambda x: judged(discriminator, beside(inputs, view(x), discriminator.condition_channels), y)

    def feature_maps(self, discriminator: Discriminator, inputs: Tensor, x: Tensor) -> list[Tensor]:
        """Returns D's features of images, which are not augmented."""
        return discriminator.feature_maps(beside(inputs, x, discriminator.condition_channels))

    def penalise(self, seen: PenaltyInput) -> dict[str, Tensor]:
        """Returns the penalties that are due in this iteration."""
        pairs = zip(self.penalty_names, self.penalties, strict=True)
        return weighted_penalties({name: p for name, p in pairs if due(self.iteration + 1, p.every)}, seen)

    def after_discriminator_step(self, discriminator: Discriminator) -> None:
        """Lets penalties and the augmentation act after D's step."""
        for penalty in self.penalties:
            penalty.after_step(discriminator)
        if self.augmentation is not None:
            self.augmentation.after_step()

    def metrics(self, g: Update) -> dict[str, Tensor]:
        """Returns what is logged of G: its loss, and each part of it."""
        return {"loss/generator": g.loss, **{f"term/{name}": value for name, value in g.terms.items()}}

    def metrics_of_game(self, d: Update) -> dict[str, Tensor]:
        """Returns what is logged of D."""
        return {
            "loss/discriminator": d.terms["objective"],
            "D/real": d.recorded("real").sigmoid().mean(),
            "D/fake": d.recorded("fake").sigmoid().mean(),
            **{f"penalty/{name}": d.terms[name] for name in self.penalty_names if name in d.terms},
            **(self.augmentation.metrics() if self.augmentation is not None else {}),
        }

    # ---- checks ---------------------------------------------------------------------------------------------------

    def setup(self, stage: str) -> None:
        super().setup(stage)
        check_inputs(self.trainer.datamodule, self.degradation)  # type: ignore[attr-defined]

    def check_batch(self, batch: Any) -> None:
        channels, height, width = self.image_shape
        check_images(images_of(batch), (channels + self.degradation.given_channels, height, width))

    # ---- results --------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def forward(self, inputs: Tensor) -> Tensor:
        """Returns images (N, C, H, W) in [-1, 1] that the averaged generator makes from inputs (N, c, h, w)."""
        made = promoted(self.average_generator(inputs)).clamp(-1, 1)
        return self.degradation.completed(made, inputs)


def image_logits_of(judge: Judge) -> Callable[[Tensor], Tensor]:
    """Returns what maps images (n, C, H, W) to the mean logit (n,) of each."""
    return lambda x: judge(x).image_logits


def beside(inputs: Tensor, x: Tensor, condition_channels: int) -> Tensor:
    """Returns what D sees: k n images (k n, C, H, W), with their n inputs in front of them if it takes a condition."""
    if not condition_channels:
        return x
    condition = F.interpolate(inputs, tuple(x.shape[2:])) if inputs.shape[2:] != x.shape[2:] else inputs
    return torch.cat([condition.to(x).repeat(len(x) // len(inputs), 1, 1, 1), x], 1)


def check_translation(generator: ImageToImage, degradation: Degradation) -> None:
    """Refuses a generator that does not take the inputs of the degradation."""
    degradation.check(generator.image_shape)
    names, factors = (type(generator).__name__, type(degradation).__name__), (generator.factor, degradation.factor)
    if factors[0] != factors[1]:
        raise UserError(f"{names[1]} {smaller(factors[1])}, but {names[0]} {larger(factors[0])}: {cure(*factors)}")
    taken, needed = generator.input_channels, degradation.channels(generator.image_shape[0])
    if taken != needed:
        key = "model.degradation to another" if factors[0] > 1 else f"model.generator.input_channels to {needed}"
        raise UserError(
            f"{names[1]} makes inputs of {channels_in_words(needed)}, but {names[0]} takes {taken}: set {key}"
        )


def smaller(factor: int) -> str:
    return f"makes images {factor} times smaller" if factor > 1 else "keeps the size of images"


def larger(factor: int) -> str:
    return f"makes them {factor} times larger" if factor > 1 else "does not enlarge them"


def cure(generator: int, degradation: int) -> str:
    """What to set where the factors of the generator and the degradation differ."""
    if generator == 1:
        return f"set model.generator to SuperResolver, with factor {degradation}"
    if degradation == 1:
        return "set model.generator to one that does not, such as UNetGenerator, or model.degradation to Smaller"
    return "set model.generator.factor and model.degradation.factor to the same number"


def check_inputs(data: object, degradation: Degradation) -> None:
    """Refuses data that holds inputs where the degradation makes them, or none where it does not."""
    if not isinstance(data, ImageData) or data.input_channels == (needed := degradation.given_channels):
        return
    names, held = (type(data).__name__, type(degradation).__name__), data.input_channels
    if not needed:
        raise UserError(f"{names[0]} holds an input for each image, and {names[1]} would make others: set "
                        "model.degradation to Given")  # fmt: skip
    if not held:
        raise UserError(f"{names[1]} takes the inputs that the data holds, and {names[0]} holds images alone: set data "
                        "to Pairs, or model.degradation to one that makes inputs, such as Smaller")  # fmt: skip
    raise UserError(f"{names[0]} holds inputs of {channels_in_words(held)}, and {names[1]} takes {needed}: set "
                    f"model.degradation.input_channels to {held}, or data.input_channels to {needed}")  # fmt: skip


def weights_below(checkpoint: Checkpoint, names: tuple[str, ...]) -> dict[str, Tensor]:
    """Returns the weights in a checkpoint whose names begin with one of these."""
    state = checkpoint.content["state_dict"]
    return {str(name): tensor for name, tensor in state.items() if str(name).startswith(names)}


def check_loss(terms: Sequence[Term], discriminator: Discriminator | None, degradation: Degradation) -> None:
    """Refuses a loss without anything in it, or terms that miss a discriminator."""
    if not terms and discriminator is None:
        raise UserError("there is nothing to learn from: give model.terms, or model.discriminator, or both")
    check_regions(terms, degradation)
    features = discriminator is not None and discriminator.features_dim
    for name in [type(term).__name__ for term in terms if term.compares_features and not features]:
        raise UserError(f"{name} compares the features of a discriminator, and there is none that has some: set "
                        "model.discriminator to another, such as PatchDiscriminator")  # fmt: skip


def check_regions(terms: Sequence[Term], degradation: Degradation) -> None:
    """Refuses terms of what is missing, where nothing ever is."""
    for term in terms:
        if term.region != "all" and not degradation.leaves_out:
            raise UserError(
                f"{type(term).__name__} of model.terms has region {term.region}, but {type(degradation).__name__} "
                "leaves nothing out: leave out region, or set model.degradation to Holes"
            )


def check_judge(discriminator: Discriminator, generator: ImageToImage, augmentation: Augmentation | None) -> None:
    """Refuses a discriminator that cannot judge the generator's images."""
    if tuple(generator.image_shape) != tuple(discriminator.image_shape):
        raise UserError(
            f"the generator makes images of {tuple(generator.image_shape)}, the discriminator takes "
            f"{tuple(discriminator.image_shape)}: give both the same image_shape"
        )
    if discriminator.packing > 1 or discriminator.classes:
        key = "packing" if discriminator.packing > 1 else "classes"
        raise UserError(
            f"model.discriminator.{key} is not for a Translator, which judges images one by one: leave it out"
        )
    seen = discriminator.condition_channels
    if seen and seen != generator.input_channels:
        raise UserError(
            f"model.discriminator.condition_channels is {seen}, but inputs have "
            f"{channels_in_words(generator.input_channels)}: set it to {generator.input_channels}, or to 0 to judge "
            "images alone"
        )
    if seen and augmentation is not None:
        raise UserError(
            f"{type(augmentation).__name__} would change the image and not its input beside it: set "
            "model.discriminator.condition_channels to 0, or leave out model.augmentation"
        )
