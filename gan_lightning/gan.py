"""The game: one batch through the discriminator and the generator. Read this first."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.core.optimizer import LightningOptimizer
from torch import Tensor, nn
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from gan_lightning import checkpoints
from gan_lightning.averaging import AverageGenerator
from gan_lightning.errors import UserError
from gan_lightning.networks import Discriminator, Generator, check_images
from gan_lightning.objectives import NonSaturating, Objective
from gan_lightning.parts import describe, rebuild
from gan_lightning.randomness import TRAINING, mix, reseed
from gan_lightning.sampling import in_full_precision, latents
from gan_lightning.turns import average_gradients, frozen, parameters, without_sync

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
        generator_optimizer: Takes G's parameters, gives its optimizer.
        discriminator_optimizer: Takes D's parameters, gives its optimizer.
        generator_scheduler: Takes G's optimizer, gives a learning-rate scheduler; it steps once an iteration.
        discriminator_scheduler: Takes D's optimizer, gives a learning-rate scheduler; it steps once an iteration.
        discriminator_steps: Updates of D for one of G. The batch size must be a multiple of it.
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
        generator_optimizer: OptimizerFactory = CLASSIC_ADAM,
        discriminator_optimizer: OptimizerFactory = CLASSIC_ADAM,
        generator_scheduler: SchedulerFactory | None = None,
        discriminator_scheduler: SchedulerFactory | None = None,
        discriminator_steps: int = 1,
        average_decay: float = 0.999,
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        arguments = {k: v for k, v in locals().items() if k not in ("self", "__class__")}
        self.save_hyperparameters({k: describe(v) for k, v in arguments.items()}, logger=False)
        check_rules(generator, discriminator, discriminator_steps, average_decay)
        self.generator, self.discriminator, self.objective = generator, discriminator, objective
        self.average_generator = AverageGenerator(generator, average_decay)
        self.factories = (discriminator_optimizer, generator_optimizer)
        self.scheduler_factories = (discriminator_scheduler, generator_scheduler)
        self.discriminator_steps, self.seed = discriminator_steps, seed

    # ---- the game -------------------------------------------------------------------------------------------------

    def training_step(self, batch: Any, batch_idx: int) -> None:
        """One iteration of Algorithm 1: `discriminator_steps` updates of D, then one of G."""
        iteration = self.global_step
        reseed(self.device, mix(self.seed, TRAINING, iteration, self.global_rank))
        optimizer_d, optimizer_g = self.optimizers()  # type: ignore[misc]
        for x, y in self.minibatches(batch):
            with self.turn(optimizer_d, opponent=optimizer_g):
                real = self.discriminator(x, y)
                fake = self.discriminator(self.fakes(y), y)
                loss_d = self.objective.discriminator(real, fake)
                self.manual_backward(loss_d)
        with self.turn(optimizer_g, opponent=optimizer_d, counts=True):
            judged = self.discriminator(self.fakes(y), y)
            rival = self.discriminator(x, y) if self.objective.compares else None
            loss_g = self.objective.generator(judged, rival)
            self.manual_backward(loss_g)
        self.average_generator.update(self.generator, iteration)
        self.step_schedulers()
        self.report(loss_d, loss_g, real, fake)

    def minibatches(self, batch: Any) -> Iterator[tuple[Tensor, Tensor]]:
        """The batch in as many equal parts as D has steps."""
        x, y = (
            batch
            if isinstance(batch, (tuple, list))
            else (batch, torch.zeros(len(batch), dtype=torch.int64, device=batch.device))
        )
        k = self.discriminator_steps
        if len(x) % k:
            raise UserError(
                f"a batch of {len(x)} images does not split into {k} minibatches: set data.batch_size to a multiple "
                "of model.discriminator_steps"
            )
        return zip(x.tensor_split(k), y.tensor_split(k), strict=True)

    def fakes(self, y: Tensor) -> Tensor:
        """G(z) for as many fresh latents as there are labels."""
        return self.generator(torch.randn(len(y), self.generator.latent_dim, device=self.device), y)

    @contextmanager
    def turn(self, optimizer: LightningOptimizer, opponent: LightningOptimizer, counts: bool = False) -> Iterator[None]:
        """The player of this optimizer learns from the gradients made inside, the opponent stands still.

        Lightning counts every `LightningOptimizer.step` as a step of training. One in an iteration `counts`; the
        others take the same path through precision and hooks, but past the counter.
        """
        strategy = self.trainer.strategy
        for parameter in parameters(optimizer.optimizer):
            parameter.grad = None
        with frozen(parameters(opponent.optimizer)), without_sync(strategy):
            yield
        average_gradients(optimizer.optimizer)
        if counts:
            optimizer.step()
        else:
            strategy.optimizer_step(optimizer.optimizer, lambda: None)

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        with torch.autocast(self.device.type, enabled=False):  # autocast is for the forward pass alone
            loss.backward(*args, **kwargs)

    def step_schedulers(self) -> None:
        schedulers = self.lr_schedulers() or []
        for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
            scheduler.step()  # type: ignore[call-arg]

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        players = (self.discriminator, self.generator)
        optimizers = [make(player.parameters()) for make, player in zip(self.factories, players, strict=True)]
        pairs = zip(self.scheduler_factories, optimizers, strict=True)
        schedulers = [make(optimizer) for make, optimizer in pairs if make is not None]
        if any(isinstance(scheduler, ReduceLROnPlateau) for scheduler in schedulers):
            raise UserError(
                "ReduceLROnPlateau waits for a loss to stop falling, which a GAN's does not tell: use another"
            )
        return optimizers, schedulers

    # ---- watching -------------------------------------------------------------------------------------------------

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        if batch_idx == 0:
            check_images(batch[0] if isinstance(batch, (tuple, list)) else batch, self.discriminator.image_shape)

    @torch.no_grad()
    def report(self, loss_d: Tensor, loss_g: Tensor, real: Tensor, fake: Tensor) -> None:
        """Logs both losses and what D thinks, every `log_every_n_steps` iterations; stops at a loss that is not finite.

        `D/real` and `D/fake` are mean sigmoids of D's logits; its accuracy is the share of logits on the right side
        of zero.
        """
        if self.global_step % self.trainer.log_every_n_steps:  # type: ignore[attr-defined]
            return
        finite = bool(torch.isfinite(loss_d) & torch.isfinite(loss_g))
        if not self.trainer.strategy.reduce_boolean_decision(finite, all=True):
            raise UserError(
                f"a loss is not finite at iteration {self.global_step} (D {loss_d:.3g}, G {loss_g:.3g}): training has "
                "diverged; lower the learning rates or choose another objective"
            )
        values = {
            "loss/discriminator": loss_d,
            "loss/generator": loss_g,
            "D/real": real.sigmoid().mean(),
            "D/fake": fake.sigmoid().mean(),
            "D/accuracy": ((real > 0).float().mean() + (fake < 0).float().mean()) / 2,
        }
        self.log_dict(values, prog_bar=True, sync_dist=True)
        self.log("step", float(self.global_step), sync_dist=True)  # or loggers would count batches from 0

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


def check_rules(generator: Generator, discriminator: Discriminator, steps: int, decay: float) -> None:
    """Refuses what cannot be played."""
    if tuple(generator.image_shape) != tuple(discriminator.image_shape):
        raise UserError(
            f"the generator makes images of {tuple(generator.image_shape)}, the discriminator judges "
            f"{tuple(discriminator.image_shape)}: give both the same image_shape"
        )
    if steps < 1:
        raise UserError(f"model.discriminator_steps is {steps}; it must be at least 1")
    if not 0 <= decay < 1:
        raise UserError(f"model.average_decay is {decay}; it must be at least 0 and below 1")
