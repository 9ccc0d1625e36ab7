"""The game: one batch through the discriminator and the generator. Read this first."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from inspect import signature
from math import inf
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from gan_lightning import checkpoints
from gan_lightning.averaging import AverageGenerator
from gan_lightning.data import ImageData
from gan_lightning.errors import TroubleError, UserError
from gan_lightning.machines import check_trainer
from gan_lightning.moments import due
from gan_lightning.networks import Discriminator, Generator, check_finite, check_images, share_batch_norm
from gan_lightning.objectives import NonSaturating, Objective
from gan_lightning.parts import describe, rebuild
from gan_lightning.penalties import Penalty, Seen
from gan_lightning.processes import average, gathered, together
from gan_lightning.randomness import TRAINING, mix, reseed
from gan_lightning.resuming import adapt, changes
from gan_lightning.sampling import in_full_precision, latents
from gan_lightning.trouble import Watch, check_scale, check_weights
from gan_lightning.turns import Turn, frozen, gradients, parameters, without_sync

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
SchedulerFactory = Callable[[Optimizer], LRScheduler]

CLASSIC_ADAM: OptimizerFactory = partial(Adam, lr=2e-4, betas=(0.5, 0.999))


class GAN(LightningModule):
    """Two networks in a game: a discriminator learns to tell images from samples, a generator to make that hard.

    Goodfellow et al., "Generative adversarial nets", 2014, Algorithm 1. https://arxiv.org/abs/1406.2661

    One batch is one iteration: it is split into `discriminator_steps` minibatches, D learns from each, then G learns
    once. `max_steps`, logging, checkpoints and learning-rate schedulers all count these iterations.

    Args:
        generator: Makes images from latents.
        discriminator: Tells real images from made ones.
        objective: What each player minimises.
        penalties: What is added to D's loss to keep it smooth; any number.
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
        objective: Objective = NonSaturating(discriminator_weight=0.5),
        penalties: Sequence[Penalty] = (),
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
        super().__init__()
        self.automatic_optimization = False
        arguments = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.save_hyperparameters({k: describe(v) for k, v in arguments.items()}, logger=False)
        check_rules(generator, discriminator, arguments)
        self.generator, self.discriminator, self.objective = generator, discriminator, objective
        self.penalties: Any = nn.ModuleList(penalties)
        self.penalty_names = numbered([type(penalty).__name__ for penalty in penalties])
        self.average_generator = AverageGenerator(generator, average_decay)
        self.factories = (discriminator_optimizer, generator_optimizer)
        self.scheduler_factories = (discriminator_scheduler, generator_scheduler)
        self.discriminator_steps, self.seed = discriminator_steps, seed
        self.accumulation = {"generator": generator_accumulation, "discriminator": discriminator_accumulation}
        self.gradient_clip = {"generator": generator_gradient_clip, "discriminator": discriminator_gradient_clip}
        self.watch = Watch()

    # ---- the game -------------------------------------------------------------------------------------------------

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One iteration of Algorithm 1: `discriminator_steps` updates of D, then one of G."""
        iteration = self.global_step
        reseed(self.device, mix(self.seed, TRAINING, iteration, self.global_rank))
        for minibatch in self.minibatches(batch):
            with self.turn("discriminator") as turn_d:
                for x, y, z in self.shares(minibatch, turn_d):
                    fakes = self.generator(z, y)
                    real, fake = self.judge(x, y), self.judge(fakes, y)
                    penalties = self.penalised(x, y, fakes, real, fake)
                    turn_d.learn(objective=self.objective.discriminator(real, fake), **penalties)
            for penalty in self.penalties:
                penalty.after_step(self.discriminator)
        with self.turn("generator", counts=True) as turn_g:
            for x, y, z in self.shares(minibatch, turn_g):
                judged = self.judge(self.generator(z, y), y)
                rival = self.judge(x, y) if self.objective.compares else None
                turn_g.learn(objective=self.objective.generator(judged, rival))
        self.average_generator.update(self.generator, iteration)
        self.step_schedulers()
        self.report(turn_d.terms, turn_g.loss, real, fake)

    def minibatches(self, batch: Any) -> Iterator[tuple[Tensor, Tensor]]:
        """The batch in as many equal parts as D has steps."""
        x = images_of(batch).to(self.dtype)
        y = batch[1] if isinstance(batch, (tuple, list)) else torch.zeros(len(x), dtype=torch.int64, device=x.device)
        k = self.discriminator_steps
        if len(x) % k:
            raise UserError(
                f"a batch of {len(x)} images does not split into {k} minibatches: set data.batch_size to a multiple "
                "of model.discriminator_steps"
            )
        return zip(x.tensor_split(k), y.tensor_split(k), strict=True)

    def shares(self, minibatch: tuple[Tensor, Tensor], turn: Turn) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """The minibatch, with fresh latents, in the parts in which the player takes it."""
        x, y = minibatch
        if len(x) % turn.parts:
            raise UserError(
                f"a minibatch of {len(x)} images does not split into {turn.parts} parts: set data.batch_size to a "
                f"multiple of model.discriminator_steps times model.{turn.player}_accumulation"
            )
        z = self.normal(len(x), self.generator.latent_dim)
        return zip(*(t.tensor_split(turn.parts) for t in (x, y, z)), strict=True)

    def judge(self, x: Tensor, y: Tensor) -> Tensor:
        """D's logits (N,) of images, in 32 bits at least, whatever the precision of the networks."""
        logits = self.discriminator(x, y)
        return logits.to(torch.promote_types(logits.dtype, torch.float32))

    def penalised(self, x: Tensor, y: Tensor, fakes: Tensor, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
        """The penalties that are due in this iteration, by name, in 32 bits at least."""
        terms = {}
        wide = torch.promote_types(fakes.dtype, torch.float32)
        seen = Seen(lambda x: self.judge(x, y), x, fakes.to(wide), real, fake, self.normal, self.uniform)
        for name, penalty in zip(self.penalty_names, self.penalties, strict=True):
            if due(self.global_step + 1, penalty.every):
                with torch.autocast(self.device.type, enabled=False):
                    terms[name] = penalty.every * penalty(seen)
        return terms

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers of a shape that begins with the number of images."""
        return torch.randn(shape, device=self.device, dtype=self.dtype)  # type: ignore[arg-type]

    def uniform(self, *shape: int) -> Tensor:
        """Numbers uniform in [0, 1), of a shape that begins with the number of images."""
        return torch.rand(shape, device=self.device, dtype=self.dtype)  # type: ignore[arg-type]

    @contextmanager
    def turn(self, player: str, counts: bool = False) -> Iterator[Turn]:
        """The player learns from the gradients made inside, its opponent stands still.

        Lightning counts every `LightningOptimizer.step` as a step of training. One in an iteration `counts`; the
        others take the same path through precision and hooks, but past the counter.
        """
        strategy = self.trainer.strategy
        both: Any = self.optimizers()
        optimizer, opponent = both if player == "discriminator" else reversed(both)
        self.now = Turn(player, self.accumulation[player], self.manual_backward)
        for parameter in parameters(optimizer.optimizer):
            parameter.grad = None
        with frozen(parameters(opponent.optimizer)), without_sync(strategy):
            yield self.now
        self.now.statistics = self.statistics()
        average([*gradients(optimizer.optimizer), *self.now.terms.values(), *self.now.statistics.values()])
        if counts:
            optimizer.step()
        else:
            strategy.optimizer_step(optimizer.optimizer, lambda: None)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Looks at the gradient, which is now averaged over processes and unscaled, and limits it."""
        slopes, limit = gradients(optimizer), self.gradient_clip[self.now.player]
        norm = get_total_norm(slopes)
        # a gradient scaler meets overflows, skips the step and lowers its scale: no trouble
        gradient = {"gradient": norm} if self.scaler is None else {}
        self.watch.see(self.global_step, self.now.player, self.now.terms | gradient | self.now.statistics)
        if self.device.type == "cpu":  # elsewhere, when numbers are logged or saved
            self.watch.check()
        if limit is not None:
            clip_grads_with_norm_(parameters(optimizer), limit, norm)

    def statistics(self) -> dict[str, Tensor]:
        """The largest of the moving statistics of both players' layers, if they have any."""
        moving = [buffer for player in self.players for buffer in player.buffers() if buffer.is_floating_point()]
        return {"batch statistics": get_total_norm(moving, norm_type=inf)} if moving else {}

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        with torch.autocast(self.device.type, enabled=False):  # autocast is for the forward pass alone
            loss.backward(*args, **kwargs)

    def step_schedulers(self) -> None:
        schedulers = self.lr_schedulers() or []
        for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
            scheduler.step()  # type: ignore[call-arg]

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        optimizers = [make(player.parameters()) for player, make in zip(self.players, self.makers(), strict=True)]
        pairs = zip(self.scheduler_factories, optimizers, strict=True)
        schedulers = [make(optimizer) for make, optimizer in pairs if make is not None]
        if any(isinstance(scheduler, ReduceLROnPlateau) for scheduler in schedulers):
            raise UserError(
                "ReduceLROnPlateau waits for a loss to stop falling, which a GAN's does not tell: use another"
            )
        return optimizers, schedulers

    @property
    def players(self) -> tuple[Discriminator, Generator]:
        return self.discriminator, self.generator

    @property
    def scaler(self) -> torch.amp.GradScaler | None:
        """The gradient scaler of 16-mixed."""
        return getattr(self.trainer.precision_plugin, "scaler", None)

    def makers(self) -> list[OptimizerFactory]:
        """What makes the optimizers of D and G. A fused one unscales as it steps, too late for a limit on gradients."""
        names = ("discriminator_optimizer", "generator_optimizer")
        fused = [self.hparams[name]["init_args"].get("fused") for name in names]
        unfused: dict[str, Any] = {"fused": False}
        return [
            partial(make, **unfused) if self.scaler and asked else make
            for make, asked in zip(self.factories, fused, strict=True)
        ]

    # ---- starting and going on ------------------------------------------------------------------------------------

    def configure_callbacks(self) -> list:
        """Lightning asks for these as soon as it knows the model: the first chance to refuse the trainer's options."""
        check_trainer(self.trainer)
        return []

    def setup(self, stage: str) -> None:
        checkpoints.use_safe_files(self.trainer.strategy)
        if self.trainer.world_size > 1:
            share_batch_norm(self.generator)
            share_batch_norm(self.discriminator)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lets settings that differ from the checkpoint's take effect, and says so."""
        checkpoints.check_fits(checkpoint["state_dict"], self, "the checkpoint")
        if self.trainer.training:
            checkpoints.check_resumable(checkpoint, "the checkpoint")
            for change in changes(checkpoint["hyper_parameters"], dict(self.hparams)):
                rank_zero_info(f"changed: model.{change}")
            adapt(checkpoint, dict(self.hparams), self.players, self.makers(), self.scheduler_factories)

    def on_train_start(self) -> None:
        starts = gathered(f"{self.global_step:,}")
        if len({*starts}) > 1:
            raise TroubleError(
                f"the processes start at iterations {', '.join(map(str, starts))}: the checkpoint must lie where all "
                "machines can read it"
            )

    # ---- watching -------------------------------------------------------------------------------------------------

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Looks at the images: at the first batch of an epoch, and at each where they are not bytes by nature."""
        x = images_of(batch)
        if batch_idx == 0:
            check = partial(check_images, x, self.discriminator.image_shape)
        elif isinstance(self.trainer.datamodule, ImageData):  # type: ignore[attr-defined]
            return
        else:
            check = partial(check_finite, x)
        together(self.trainer.strategy, check, f"iteration {self.global_step + 1:,}: ", whole=True)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keeps what is not finite out of every checkpoint."""
        self.watch.check()
        check_weights(checkpoint["state_dict"], self.global_step)

    @torch.no_grad()
    def report(self, terms_d: dict[str, Tensor], loss_g: Tensor, real: Tensor, fake: Tensor) -> None:
        """Logs both losses and what D thinks, every `log_every_n_steps` iterations; stops if something is not finite.

        A penalty has a number of its own, and only in iterations in which it is evaluated.
        `D/real` and `D/fake` are mean sigmoids of D's logits; its accuracy is the share of logits on the right side
        of zero. All are means over processes.
        """
        if not due(self.global_step, self.trainer.log_every_n_steps):  # type: ignore[attr-defined]
            return
        self.watch.check()
        if self.scaler:
            check_scale(self.scaler.get_scale(), self.global_step)
        values = {
            "loss/discriminator": terms_d["objective"],
            "loss/generator": loss_g,
            "D/real": real.sigmoid().mean(),
            "D/fake": fake.sigmoid().mean(),
            "D/accuracy": ((real > 0).float().mean() + (fake < 0).float().mean()) / 2,
            **{f"penalty/{name}": term for name, term in terms_d.items() if name != "objective"},
        }
        means = torch.stack(list(values.values()))
        average([means])
        logged = dict(zip(values, means.tolist(), strict=True))
        self.log_dict(logged, prog_bar=True, logger=False)
        for logger in self.loggers:  # now, so that a checkpoint of this iteration finds its numbers in the logs
            logger.log_metrics(logged, step=self.global_step)

    # ---- samples --------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def sample(self, seeds: Iterable[int]) -> Tensor:
        """Images (N, C, H, W) in [-1, 1] of the averaged generator; the image of a seed does not depend on the others.

        Args:
            seeds: Whole numbers from 0 to 4294967295, one for each image.
        """
        z = latents(seeds, self.generator.latent_dim)
        weight = next(self.average_generator.parameters(), z)
        return self.average_generator(z.to(weight))

    def on_predict_start(self) -> None:
        in_full_precision(self.average_generator)

    def predict_step(self, seeds: Tensor, batch_idx: int = 0) -> Tensor:
        """Images (N, C, H, W) in [-1, 1], float32, of the seeds (N,)."""
        return self.sample(seeds.tolist()).float()

    def on_predict_end(self) -> None:
        self.average_generator.to(self.dtype)

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls, checkpoint_path: str | Path, map_location: Any = "cpu", **replaced: Any
    ) -> "GAN":
        """The model in a checkpoint file. Nothing in the file is executed, and no module is imported for it.

        Args:
            checkpoint_path: A file on this machine.
            map_location: The device for its tensors.
            **replaced: Arguments of the model that are to differ from the checkpoint's.

        Raises:
            UserError: The file is missing, damaged, holds code, or names a class that is not loaded.
        """
        checkpoint = checkpoints.read(checkpoint_path, map_location)
        words = {k: v for k, v in checkpoint["hyper_parameters"].items() if k not in replaced}
        missing = {"generator", "discriminator"} - {*words, *replaced}
        unknown = {*words} - {*signature(cls).parameters}
        if missing or unknown:
            raise UserError(f"{checkpoint_path} holds another model than {cls.__name__}")
        model = cls(**rebuild(words), **replaced)
        checkpoints.check_fits(checkpoint["state_dict"], model, checkpoint_path)
        model.load_state_dict(checkpoint["state_dict"])
        return model.to(map_location) if isinstance(map_location, (str, torch.device)) else model


def numbered(names: list[str]) -> list[str]:
    """The names, of which those that occur again are numbered: R1, R2, R1_2."""
    return [name if name not in names[:i] else f"{name}_{names[: i + 1].count(name)}" for i, name in enumerate(names)]


def images_of(batch: Any) -> Tensor:
    return batch[0] if isinstance(batch, (tuple, list)) else batch


def check_rules(generator: Generator, discriminator: Discriminator, options: dict[str, Any]) -> None:
    """Refuses what cannot be played."""
    if tuple(generator.image_shape) != tuple(discriminator.image_shape):
        raise UserError(
            f"the generator makes images of {tuple(generator.image_shape)}, the discriminator judges "
            f"{tuple(discriminator.image_shape)}: give both the same image_shape"
        )
    for key in ("discriminator_steps", "generator_accumulation", "discriminator_accumulation"):
        if options[key] < 1:
            raise UserError(f"model.{key} is {options[key]}; it must be at least 1")
    for key in ("generator_gradient_clip", "discriminator_gradient_clip"):
        if options[key] is not None and not options[key] > 0:
            raise UserError(f"model.{key} is {options[key]}; it must be above 0, or null for no limit")
    if not 0 <= options["average_decay"] < 1:
        raise UserError(f"model.average_decay is {options['average_decay']}; it must be at least 0 and below 1")
