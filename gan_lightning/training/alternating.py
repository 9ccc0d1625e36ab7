"""The base class of all models: networks that learn from images in alternating updates."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from inspect import Parameter
from math import inf
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from typing_extensions import Self

from gan_lightning.core import checkpoint_files
from gan_lightning.core.blueprint import built
from gan_lightning.core.configurable import defaults_of, describe, given_arguments, parameters_of, rebuild
from gan_lightning.core.differences import differences
from gan_lightning.core.discovery import path_of
from gan_lightning.core.distributed import average, gathered, together
from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.core.intervals import due
from gan_lightning.core.seeding import TRAINING, mix, reseed
from gan_lightning.data import ImageData
from gan_lightning.networks import ImageShape
from gan_lightning.networks.backbones import Backbone
from gan_lightning.networks.batch_norm import share_batch_norm
from gan_lightning.training.batch_checks import check_class_count, check_finite, check_images, check_labels, images_of
from gan_lightning.training.finite_checks import FiniteChecks, check_scale, check_weights
from gan_lightning.training.length import needed_iterations
from gan_lightning.training.optimization import Optimization, OptimizerFactory, Player, refusal_of
from gan_lightning.training.restore import adapt, check_kind, kind_in
from gan_lightning.training.resumable import check_optimizers, check_state
from gan_lightning.training.schedules import Schedule
from gan_lightning.training.settings import (
    Scheduled,
    Setting,
    scheduled,
    settings_of,
    settings_of_optimizer,
    settings_of_parts,
)
from gan_lightning.training.supported import check_trainer
from gan_lightning.training.update import Update, frozen, gradients, parameters, without_sync


class AlternatingModule(LightningModule):
    """Networks that learn from images in alternating updates. A subclass sets `players` and defines one iteration.

    The arguments of a subclass become its hyper-parameters, from which a checkpoint rebuilds it.

    Args:
        image_shape: Channels, height, width of the images.
        classes: Number of classes; 0 for a model without labels.
        seed: Fixes all random draws of training, which also depend on the iteration and the process.
    """

    players: dict[str, Player]
    """Players by name, in the order of their updates; the last one's update ends an iteration. The argument
    X_optimization holds the options of player X."""

    curves: ClassVar[dict[str, dict[str, str]]] = {}
    """The panels that `LossCurves` draws: for each, its lines and the logged metric that each shows."""

    levels: Mapping[str, Mapping[str, float]] = {}
    """Values to compare curves with, by panel and name. `LossCurves` draws each as a dashed line."""

    arguments: dict[str, Any]
    """The arguments it was called with, and the defaults of the rest."""

    standard: ClassVar[dict[type, str]] = {}
    """The networks of the command line if none are given, by base class, where they are others than usual."""

    short_names: ClassVar[dict[str, str]] = {}
    """Short names of logged metrics for the progress bar."""

    def __new__(cls, *args: Any, **kwargs: Any):
        self = super().__new__(cls)
        arguments = defaults_of(cls) | given_arguments(cls, args, kwargs)
        object.__setattr__(self, "arguments", arguments)  # before nn.Module.__init__, hence not by assignment
        return self

    def __init__(self, image_shape: ImageShape, classes: int, seed: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.save_hyperparameters({k: describe(v) for k, v in self.arguments.items()}, logger=False)
        for key, value in self.arguments.items():
            if isinstance(value, Optimization):
                value.check(f"model.{key}")
        self.image_shape, self.classes, self.seed = image_shape, classes, seed
        self.iteration, self.batch_images = 0, 0
        self.schedules: Mapping[str, Schedule] = self.arguments.get("schedules", {})
        self.scheduled: dict[str, Scheduled] = {}
        self.followed: dict[str, float] = {}
        self.players = {}
        self.finite = FiniteChecks()

    # ---- one iteration --------------------------------------------------------------------------------------------

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> None:
        """Checks the batch, sets what follows a schedule, and seeds the random draws of this iteration.

        Iterations are counted from 0. All of it depends on the iteration and the number of images alone.
        """
        self.check_batch_together(batch, first=batch_idx == 0)
        self.iteration, self.batch_images = self.global_step, len(images_of(batch)) * self.trainer.world_size
        self.followed = {path: one.follow(self.iteration, self.batch_images) for path, one in self.scheduled.items()}
        reseed(self.device, mix(self.seed, TRAINING, self.iteration, self.global_rank))

    @contextmanager
    def update_of(self, player: str) -> Iterator[Update]:
        """Updates one player with the gradients computed inside the context, while the others are frozen.

        Lightning counts every `LightningOptimizer.step` as a training step. Only the last player's is counted; the
        others take the same path through precision and hooks, but bypass the counter.
        """
        strategy = self.trainer.strategy
        optimizers = dict(zip(self.players, self.all_optimizers(), strict=True))
        optimizer = optimizers.pop(player)
        self.update = Update(player, self.players[player].optimization.accumulation, self.manual_backward)
        for parameter in parameters(optimizer.optimizer):
            parameter.grad = None
        others = [p for other in optimizers.values() for p in parameters(other.optimizer)]
        with frozen(others), without_sync(strategy):
            yield self.update
        self.update.statistics = self.statistics()
        average([*gradients(optimizer.optimizer), *self.update.terms.values(), *self.update.statistics.values()])
        if player == [*self.players][-1]:
            optimizer.step()
        else:
            strategy.optimizer_step(optimizer.optimizer, lambda: None)

    def split(self, minibatch: Sequence[Tensor], update: Update) -> Iterator[tuple[Tensor, ...]]:
        """Splits a minibatch, tensors of equal length with the images first, into the microbatches of this update."""
        x, key = minibatch[0], f"model.{update.player}_optimization.accumulation"
        if len(x) % update.microbatches:
            steps = "model.discriminator_steps times " if "discriminator_steps" in self.hparams else ""
            raise UserError(
                f"a minibatch of {len(x)} images does not split into {update.microbatches} parts: set data.batch_size "
                f"to a multiple of {steps}{key}"
            )
        if len(x) * self.trainer.world_size == update.microbatches and self.normalises_batches():
            raise UserError(
                f"batch normalisation needs at least two images at once, but the {update.player} gets one: increase "
                f"data.batch_size (or decrease {key})"
            )
        return zip(*(tensor.tensor_split(update.microbatches) for tensor in minibatch), strict=True)

    def normalises_batches(self) -> bool:
        networks = [player.network for player in self.players.values()]
        return any(isinstance(layer, BatchNorm) for network in networks for layer in network.modules())

    def normal(self, *shape: int) -> Tensor:
        """Draws standard normal numbers. The first dimension of the shape is the number of images."""
        return torch.randn(shape, device=self.device, dtype=self.dtype)  # type: ignore[arg-type]

    def uniform(self, *shape: int) -> Tensor:
        """Draws numbers uniform in [0, 1). The first dimension of the shape is the number of images."""
        return torch.rand(shape, device=self.device, dtype=self.dtype)  # type: ignore[arg-type]

    def finish_iteration(self) -> None:
        """Ends an iteration by stepping the learning-rate schedules."""
        schedulers = self.lr_schedulers() or []
        names = [name for name, player in self.players.items() if player.optimization.scheduler is not None]
        for name, scheduler in zip(names, schedulers if isinstance(schedulers, list) else [schedulers], strict=True):
            try:
                scheduler.step()  # type: ignore[call-arg]
            except (ValueError, ArithmeticError) as error:
                key = f"model.{name}_optimization.scheduler"
                raise TrainingError(f"{key} refuses its options: {error}; change them") from error

    # ---- gradients ------------------------------------------------------------------------------------------------

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        with torch.autocast(self.device.type, enabled=False):  # autocast is for the forward pass only
            loss.backward(*args, **kwargs)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Checks the gradient, which by now is averaged over processes and unscaled, and clips it."""
        slopes, limit = gradients(optimizer), self.players[self.update.player].optimization.gradient_clip
        norm = get_total_norm(slopes)
        # a gradient scaler handles overflow itself: it skips the step and lowers its scale
        gradient = {"gradient": norm} if self.scaler is None else {}
        self.finite.add(self.iteration, self.update.player, self.update.terms | gradient | self.update.statistics)
        if self.device.type == "cpu":  # elsewhere only when logging or saving, as a check waits for the device
            self.finite.check()
        if limit is not None:
            clip_grads_with_norm_(parameters(optimizer), limit, norm)

    def statistics(self) -> dict[str, Tensor]:
        """The largest magnitude among the moving statistics of the players' layers, if they have any."""
        networks = [player.network for player in self.players.values()]
        moving = [buffer for network in networks for buffer in network.buffers() if buffer.is_floating_point()]
        return {"batch statistics": get_total_norm(moving, norm_type=inf)} if moving else {}

    @property
    def scaler(self) -> torch.amp.GradScaler | None:
        """The gradient scaler of 16-mixed; None at other precisions."""
        return getattr(self.trainer.precision_plugin, "scaler", None)

    # ---- optimizers -----------------------------------------------------------------------------------------------

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        factories = self.optimizer_factories()
        optimizers = {name: self.make_optimizer(name, factories[name]) for name in self.players}
        self.scheduled = scheduled(
            self.schedules, self.settings(optimizers, factories), partial(needed_iterations, self.trainer)
        )
        made = [self.make_scheduler(name, optimizers[name]) for name in self.players]
        schedulers = [scheduler for scheduler in made if scheduler is not None]
        if any(isinstance(scheduler, ReduceLROnPlateau) for scheduler in schedulers):
            raise UserError(
                "ReduceLROnPlateau waits for a loss to stop falling, which says nothing about a GAN: choose another "
                "scheduler"
            )
        return [*optimizers.values()], schedulers

    def make_optimizer(self, player: str, factory: OptimizerFactory) -> Optimizer:
        """Makes the optimizer of a player.

        Raises:
            UserError: The optimizer refuses its options.
        """
        try:
            return factory(self.players[player].network.parameters())
        except (ValueError, TypeError, RuntimeError) as error:
            raise UserError(refusal_of(factory, f"model.{player}_optimization.optimizer", str(error))) from error

    def make_scheduler(self, player: str, optimizer: Optimizer) -> LRScheduler | None:
        """Makes the learning-rate schedule of a player, if it has one.

        Raises:
            UserError: The schedule refuses its options.
        """
        key, factory = f"model.{player}_optimization", self.players[player].optimization.scheduler
        if factory is None:
            return None
        if (path := f"{player}_optimization.optimizer.lr") in self.schedules:
            raise UserError(f"model.schedules has {path}, but {key}.scheduler changes it, too: leave one out")
        try:
            return factory(optimizer)
        except (ValueError, TypeError, ArithmeticError, RuntimeError) as error:
            raise UserError(f"{key}.scheduler refuses its options: {error}; change them") from error

    def settings(
        self, optimizers: Mapping[str, Optimizer], factories: Mapping[str, OptimizerFactory]
    ) -> dict[str, Setting]:
        """The numbers that can follow a schedule, by their paths.

        Args:
            optimizers: The optimizers of the players, by name, before their first step.
            factories: What has made them.
        """
        found = settings_of(self, self.arguments) | settings_of_parts(self.arguments)
        for name, optimizer in optimizers.items():
            options = settings_of_optimizer(optimizer, factories[name], partial(self.make_optimizer, name))
            found |= {f"{name}_optimization.optimizer.{option}": setting for option, setting in options.items()}
        return found

    def optimizer_factories(self) -> dict[str, OptimizerFactory]:
        """The factories of the players' optimizers.

        With a gradient scaler, no optimizer is fused: a fused one unscales while it steps, too late to clip gradients.
        """
        factories = {name: player.optimization.optimizer for name, player in self.players.items()}
        if self.scaler is None:
            return factories
        unfused: dict[str, Any] = {"fused": False}
        fused = [name for name, factory in factories.items() if describe(factory)["init_args"].get("fused")]
        return factories | {name: partial(factories[name], **unfused) for name in fused}

    def all_optimizers(self) -> list[Any]:
        found = self.optimizers()
        return found if isinstance(found, list) else [found]

    # ---- starting and resuming ------------------------------------------------------------------------------------

    def configure_callbacks(self) -> list:
        """Refuses unsupported trainer options. Lightning calls this as soon as it knows the model, before all else."""
        check_trainer(self.trainer, [*self.players][::-1])
        return []

    def prepare_data(self) -> None:
        """Fetches what parts look through, such as pretrained weights; Lightning calls it once on each machine."""
        for part in self.modules():
            backbone = getattr(part, "backbone", None)
            if isinstance(backbone, Backbone):
                backbone.fetch()

    def setup(self, stage: str) -> None:
        checkpoint_files.use_safe_files(self.trainer.strategy)
        self.trainer.precision_plugin.convert_module(self)  # before a checkpoint is read: 64-true must not round it
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if self.classes and stage == "fit" and isinstance(data, ImageData):
            check_class_count(data.classes, self.classes, self.class_keys)
        if self.trainer.world_size > 1:
            for player in self.players.values():
                share_batch_norm(player.network)

    @property
    def class_keys(self) -> str:
        """The options that set the number of classes."""
        pieces = {name: words for name, words in self.hparams.items() if isinstance(words, dict)}
        made_for = [name for name, words in pieces.items() if words.get("init_args", {}).get("classes")]
        return " and ".join(f"model.{name}.classes" for name in made_for)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Applies settings that differ from the checkpoint's, and reports them."""
        check_kind(checkpoint, self, "the checkpoint")
        checkpoint_files.check_fits(checkpoint["state_dict"], self, "the checkpoint")
        if self.trainer.training:
            checkpoint_files.check_resumable(checkpoint, "the checkpoint")
            check_state(checkpoint, self.trainer)
            for change in differences(checkpoint["hyper_parameters"], dict(self.hparams)):
                rank_zero_info(f"changed: model.{change}")
            factories = self.optimizer_factories()
            adapt(checkpoint, self.players, factories, self.schedules)
            fresh = [factories[name](player.network.parameters()) for name, player in self.players.items()]
            check_optimizers(checkpoint["optimizer_states"], fresh)

    def on_train_start(self) -> None:
        starts = gathered(f"{self.global_step:,}")
        if len({*starts}) > 1:
            raise TrainingError(
                f"the processes start at iterations {', '.join(map(str, starts))}: put the checkpoint where all "
                "machines can read it"
            )

    # ---- checking and logging -------------------------------------------------------------------------------------

    def check_batch_together(self, batch: Any, first: bool) -> None:
        """Checks an epoch's first batch, and every batch of a script's own loader; a bad one stops all processes."""
        if first:
            check = partial(self.check_batch, batch)
        elif isinstance(self.trainer.datamodule, ImageData):  # type: ignore[attr-defined]
            return  # uint8 pixels, which the package scales itself
        else:
            check = partial(self.check_later_batch, batch)
        together(self.trainer.strategy, check, f"iteration {self.global_step + 1:,}: ", whole=True)

    def check_batch(self, batch: Any) -> None:
        """Refuses images or labels that the networks would misread."""
        check_images(images_of(batch), self.image_shape)
        if self.classes:
            check_labels(batch, self.classes, self.class_keys)

    def check_later_batch(self, batch: Any) -> None:
        """Checks what may change from batch to batch: that pixels are finite and labels in range."""
        check_finite(images_of(batch))
        if self.classes:
            check_labels(batch, self.classes, self.class_keys)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Records the kind of model, and keeps values that are not finite out of every checkpoint."""
        checkpoint["kind"] = path_of(type(self))
        checkpoint[checkpoint_files.VERSION] = version("gan-lightning")
        self.finite.check()
        check_weights(checkpoint["state_dict"], self.global_step, [*self.players])

    @torch.no_grad()
    def log_at_steps(self, metrics: Callable[[], dict[str, Tensor]]) -> None:
        """Logs means over processes every `log_every_n_steps` iterations; stops training if a value is not finite.

        What follows a schedule is logged, too, as `schedule/PATH`.

        Args:
            metrics: Computes scalars by name; called only when they are logged.
        """
        if not due(self.global_step, self.trainer.log_every_n_steps):  # type: ignore[attr-defined]
            return
        self.finite.check()
        if self.scaler:
            check_scale(self.scaler.get_scale(), self.global_step)
        named = metrics()
        means = torch.stack(list(named.values()))
        average([means])
        logged = dict(zip(named, means.tolist(), strict=True))
        self.log_dict(logged, prog_bar=True, logger=False)
        values = {f"schedule/{path}": value for path, value in self.followed.items()}
        for logger in self.loggers:  # now, so that the logs hold these metrics when this iteration is saved
            logger.log_metrics(logged | values, step=self.global_step)

    # ---- files ----------------------------------------------------------------------------------------------------

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls, checkpoint_path: str | Path, map_location: Any = "cpu", **replaced: Any
    ) -> Self:
        """Rebuilds the model in a checkpoint file. Nothing in it is executed, and nothing is imported for it.

        On a base class, as in `GenerativeModel.load_from_checkpoint`, it rebuilds whatever kind of model the file has.

        Args:
            checkpoint_path: A local file.
            map_location: The device for its tensors.
            **replaced: Model arguments that replace the checkpoint's.

        Raises:
            UserError: The file is missing, damaged, holds code, or names a class that is not loaded.
        """
        checkpoint = checkpoint_files.read(checkpoint_path, map_location)
        words = {k: v for k, v in checkpoint["hyper_parameters"].items() if k not in replaced}
        abstract = cls.training_step is LightningModule.training_step
        kind = kind_in(checkpoint, checkpoint_path, cls) if abstract else cls
        known = parameters_of(kind)
        missing = {k for k, p in known.items() if p.default is Parameter.empty} - {*words, *replaced}
        unknown = {*words} - {*known}
        origin = checkpoint_files.origin(checkpoint)
        if missing or unknown:
            raise UserError(f"{checkpoint_path} holds a model other than {kind.__name__}{origin}")
        model: Any = built(
            lambda: kind(**rebuild(words), **replaced), checkpoint["state_dict"], checkpoint_path, origin
        )
        return model.to(map_location) if isinstance(map_location, (str, torch.device)) else model
