"""What everything that learns here shares: players who learn in turns, numbers that are watched, safe files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from inspect import Parameter, signature
from math import inf
from pathlib import Path
from typing import Any, ClassVar

import torch
from lightning.pytorch import LightningModule
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm as BatchNorm
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from torch.optim import Adam, Optimizer
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau
from typing_extensions import Self

import gan_lightning
from gan_lightning import checkpoints
from gan_lightning.data import ImageData
from gan_lightning.errors import TroubleError, UserError
from gan_lightning.machines import check_trainer
from gan_lightning.moments import due
from gan_lightning.networks import (
    ImageShape,
    check_classes,
    check_finite,
    check_images,
    check_labels,
    share_batch_norm,
)
from gan_lightning.parts import describe, path_of, rebuild, subclasses
from gan_lightning.processes import average, gathered, together
from gan_lightning.randomness import TRAINING, mix, reseed
from gan_lightning.resuming import adapt, changes
from gan_lightning.trouble import Watch, check_scale, check_weights
from gan_lightning.turns import Turn, frozen, gradients, parameters, without_sync

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
SchedulerFactory = Callable[[Optimizer], LRScheduler]

CLASSIC_ADAM: OptimizerFactory = partial(Adam, lr=2e-4, betas=(0.5, 0.999))


@dataclass
class Player:
    """Who learns, and how.

    Args:
        network: What learns.
        optimizer: Takes its parameters, gives its optimizer.
        scheduler: Takes the optimizer, gives a learning-rate scheduler.
        gradient_clip: The largest norm of its gradient.
        accumulation: Parts in which it takes a batch.
    """

    network: nn.Module
    optimizer: OptimizerFactory
    scheduler: SchedulerFactory | None = None
    gradient_clip: float | None = None
    accumulation: int = 1


class Learner(LightningModule):
    """Networks that learn from images. A subclass sets `players` and says what one iteration is.

    Args:
        words: All arguments of the subclass, from which a checkpoint makes it again.
        image_shape: Channels, height, width of the images.
        classes: How many labels it looks at; 0 if it looks at none.
        seed: Fixes all that is drawn in training, which also depends on the iteration and the process.
    """

    players: dict[str, Player]
    """By name, in the order in which they learn; the last one's step ends an iteration."""

    panels: ClassVar[dict[str, dict[str, str]]] = {}
    """What `LossCurves` draws: in each panel its lines, and the logged number of each."""

    def __init__(self, words: dict[str, Any], image_shape: ImageShape, classes: int, seed: int) -> None:
        super().__init__()
        self.automatic_optimization = False
        words = {k: v for k, v in words.items() if k not in ("self", "__class__")}
        self.save_hyperparameters({k: describe(v) for k, v in words.items()}, logger=False)
        check_options(words)
        self.image_shape, self.classes, self.seed = image_shape, classes, seed
        self.watch = Watch()

    # ---- turns ----------------------------------------------------------------------------------------------------

    def begin(self) -> int:
        """Fixes what will be drawn in this iteration, and gives its number, counted from 0."""
        reseed(self.device, mix(self.seed, TRAINING, self.global_step, self.global_rank))
        return self.global_step

    def parts(self, minibatch: Sequence[Tensor], turn: Turn) -> Iterator[tuple[Tensor, ...]]:
        """The minibatch, tensors of equal length, images first, in the parts in which the player takes it."""
        x = minibatch[0]
        if len(x) % turn.parts:
            raise UserError(
                f"a minibatch of {len(x)} images does not split into {turn.parts} parts: set data.batch_size to a "
                f"multiple of {'model.discriminator_steps times ' if 'discriminator_steps' in self.hparams else ''}"
                f"model.{turn.player}_accumulation"
            )
        if len(x) * self.trainer.world_size == turn.parts and self.normalises_batches():
            raise UserError(
                f"batch normalisation takes two images or more at once, and the {turn.player} gets one: set "
                f"data.batch_size higher (or model.{turn.player}_accumulation lower)"
            )
        return zip(*(tensor.tensor_split(turn.parts) for tensor in minibatch), strict=True)

    def normalises_batches(self) -> bool:
        networks = [player.network for player in self.players.values()]
        return any(isinstance(layer, BatchNorm) for network in networks for layer in network.modules())

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers of a shape that begins with the number of images."""
        return torch.randn(shape, device=self.device, dtype=self.dtype)  # type: ignore[arg-type]

    def uniform(self, *shape: int) -> Tensor:
        """Numbers uniform in [0, 1), of a shape that begins with the number of images."""
        return torch.rand(shape, device=self.device, dtype=self.dtype)  # type: ignore[arg-type]

    @contextmanager
    def turn(self, player: str) -> Iterator[Turn]:
        """The player learns from the gradients made inside, the others stand still.

        Lightning counts every `LightningOptimizer.step` as a step of training. The last player's counts; the others
        take the same path through precision and hooks, but past the counter.
        """
        strategy = self.trainer.strategy
        optimizers = dict(zip(self.players, self.all_optimizers(), strict=True))
        optimizer = optimizers.pop(player)
        self.now = Turn(player, self.players[player].accumulation, self.manual_backward)
        for parameter in parameters(optimizer.optimizer):
            parameter.grad = None
        others = [p for other in optimizers.values() for p in parameters(other.optimizer)]
        with frozen(others), without_sync(strategy):
            yield self.now
        self.now.statistics = self.statistics()
        average([*gradients(optimizer.optimizer), *self.now.terms.values(), *self.now.statistics.values()])
        if player == [*self.players][-1]:
            optimizer.step()
        else:
            strategy.optimizer_step(optimizer.optimizer, lambda: None)

    def all_optimizers(self) -> list[Any]:
        found = self.optimizers()
        return found if isinstance(found, list) else [found]

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        """Looks at the gradient, which is now averaged over processes and unscaled, and limits it."""
        slopes, limit = gradients(optimizer), self.players[self.now.player].gradient_clip
        norm = get_total_norm(slopes)
        # a gradient scaler meets overflows, skips the step and lowers its scale: no trouble
        gradient = {"gradient": norm} if self.scaler is None else {}
        self.watch.see(self.global_step, self.now.player, self.now.terms | gradient | self.now.statistics)
        if self.device.type == "cpu":  # elsewhere, when numbers are logged or saved
            self.watch.check()
        if limit is not None:
            clip_grads_with_norm_(parameters(optimizer), limit, norm)

    def statistics(self) -> dict[str, Tensor]:
        """The largest of the moving statistics of the players' layers, if they have any."""
        networks = [player.network for player in self.players.values()]
        moving = [buffer for network in networks for buffer in network.buffers() if buffer.is_floating_point()]
        return {"batch statistics": get_total_norm(moving, norm_type=inf)} if moving else {}

    def backward(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        with torch.autocast(self.device.type, enabled=False):  # autocast is for the forward pass alone
            loss.backward(*args, **kwargs)

    def finish(self, iteration: int) -> None:
        """What ends every iteration: learning rates move on."""
        schedulers = self.lr_schedulers() or []
        for scheduler in schedulers if isinstance(schedulers, list) else [schedulers]:
            scheduler.step()  # type: ignore[call-arg]

    def configure_optimizers(self) -> tuple[list[Optimizer], list[LRScheduler]]:
        networks = [player.network for player in self.players.values()]
        optimizers = [make(network.parameters()) for network, make in zip(networks, self.makers(), strict=True)]
        pairs = zip(self.players.values(), optimizers, strict=True)
        schedulers = [player.scheduler(optimizer) for player, optimizer in pairs if player.scheduler is not None]
        if any(isinstance(scheduler, ReduceLROnPlateau) for scheduler in schedulers):
            raise UserError(
                "ReduceLROnPlateau waits for a loss to stop falling, which a GAN's does not tell: use another"
            )
        return optimizers, schedulers

    @property
    def scaler(self) -> torch.amp.GradScaler | None:
        """The gradient scaler of 16-mixed."""
        return getattr(self.trainer.precision_plugin, "scaler", None)

    def makers(self) -> list[OptimizerFactory]:
        """What makes the players' optimizers. A fused one unscales as it steps, too late for a limit on gradients."""
        unfused: dict[str, Any] = {"fused": False}
        fused = [self.hparams[f"{name}_optimizer"]["init_args"].get("fused") for name in self.players]
        return [
            partial(player.optimizer, **unfused) if self.scaler and asked else player.optimizer
            for player, asked in zip(self.players.values(), fused, strict=True)
        ]

    # ---- starting and going on ------------------------------------------------------------------------------------

    def configure_callbacks(self) -> list:
        """Lightning asks for these as soon as it knows the model: the first chance to refuse the trainer's options."""
        check_trainer(self.trainer, [*self.players][::-1])
        return []

    def setup(self, stage: str) -> None:
        checkpoints.use_safe_files(self.trainer.strategy)
        data = self.trainer.datamodule  # type: ignore[attr-defined]
        if self.classes and stage == "fit" and isinstance(data, ImageData):
            check_classes(data.classes, self.classes, self.class_keys)
        if self.trainer.world_size > 1:
            for player in self.players.values():
                share_batch_norm(player.network)

    @property
    def class_keys(self) -> str:
        """The options that say how many classes there are."""
        parts = {name: words for name, words in self.hparams.items() if isinstance(words, dict)}
        made_for = [name for name, words in parts.items() if words.get("init_args", {}).get("classes")]
        return " and ".join(f"model.{name}.classes" for name in made_for)

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Lets settings that differ from the checkpoint's take effect, and says so."""
        check_kind(checkpoint, self, "the checkpoint")
        checkpoints.check_fits(checkpoint["state_dict"], self, "the checkpoint")
        if self.trainer.training:
            checkpoints.check_resumable(checkpoint, "the checkpoint")
            for change in changes(checkpoint["hyper_parameters"], dict(self.hparams)):
                rank_zero_info(f"changed: model.{change}")
            networks = {name: player.network for name, player in self.players.items()}
            schedules = [player.scheduler for player in self.players.values()]
            adapt(checkpoint, dict(self.hparams), networks, self.makers(), schedules)

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
        if batch_idx == 0:
            check = partial(self.check_batch, batch)
        elif isinstance(self.trainer.datamodule, ImageData):  # type: ignore[attr-defined]
            return
        else:
            check = partial(self.check_later_batch, batch)
        together(self.trainer.strategy, check, f"iteration {self.global_step + 1:,}: ", whole=True)

    def check_batch(self, batch: Any) -> None:
        """Refuses images or labels that the networks would misread."""
        check_images(images_of(batch), self.image_shape)
        if self.classes:
            check_labels(batch, self.classes, self.class_keys)

    def check_later_batch(self, batch: Any) -> None:
        check_finite(images_of(batch))
        if self.classes:
            check_labels(batch, self.classes, self.class_keys)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Names the kind of model, and keeps what is not finite out of every checkpoint."""
        checkpoint["kind"] = path_of(type(self))
        self.watch.check()
        check_weights(checkpoint["state_dict"], self.global_step, [*self.players])

    @torch.no_grad()
    def log_at_steps(self, values: Callable[[], dict[str, Tensor]]) -> None:
        """Logs numbers, means over processes, every `log_every_n_steps` iterations; stops if something is not finite.

        Args:
            values: Computes them, scalars by name; only called when they are logged.
        """
        if not due(self.global_step, self.trainer.log_every_n_steps):  # type: ignore[attr-defined]
            return
        self.watch.check()
        if self.scaler:
            check_scale(self.scaler.get_scale(), self.global_step)
        named = values()
        means = torch.stack(list(named.values()))
        average([means])
        logged = dict(zip(named, means.tolist(), strict=True))
        self.log_dict(logged, prog_bar=True, logger=False)
        for logger in self.loggers:  # now, so that a checkpoint of this iteration finds its numbers in the logs
            logger.log_metrics(logged, step=self.global_step)

    # ---- files ----------------------------------------------------------------------------------------------------

    @classmethod
    def load_from_checkpoint(  # type: ignore[override]
        cls, checkpoint_path: str | Path, map_location: Any = "cpu", **replaced: Any
    ) -> Self:
        """What a checkpoint file holds. Nothing in it is executed, and only this package imported for it.

        `Model.load_from_checkpoint` makes whatever kind of model the file holds.

        Args:
            checkpoint_path: A file on this machine.
            map_location: The device for its tensors.
            **replaced: Arguments of the model that are to differ from the checkpoint's.

        Raises:
            UserError: The file is missing, damaged, holds code, or names a class that is not loaded.
        """
        checkpoint = checkpoints.read(checkpoint_path, map_location)
        words = {k: v for k, v in checkpoint["hyper_parameters"].items() if k not in replaced}
        abstract = cls.training_step is LightningModule.training_step
        kind = kind_in(checkpoint, checkpoint_path, cls) if abstract else cls
        parameters = signature(kind).parameters
        missing = {k for k, p in parameters.items() if p.default is Parameter.empty} - {*words, *replaced}
        unknown = {*words} - {*parameters}
        if missing or unknown:
            raise UserError(f"{checkpoint_path} holds another model than {kind.__name__}")
        model: Any = kind(**rebuild(words), **replaced)
        checkpoints.check_fits(checkpoint["state_dict"], model, checkpoint_path)
        model.load_state_dict(checkpoint["state_dict"])
        return model.to(map_location) if isinstance(map_location, (str, torch.device)) else model


def kind_in(checkpoint: dict[str, Any], path: str | Path, base: type[Learner]) -> type[Learner]:
    """What kind of learner a checkpoint holds, among those of this package and those that are loaded.

    Raises:
        UserError: It is another.
    """
    name = checkpoint.get("kind", "gan_lightning.gan.GAN")  # the only kind that there was before it was named
    getattr(gan_lightning, name.rpartition(".")[2], None)  # loads it if it is of this package
    for kind in subclasses(Learner):
        if path_of(kind) == name and issubclass(kind, base):
            return kind
        if path_of(kind) == name:
            raise UserError(f"{path} holds a {kind.__name__}, which makes no samples: name the checkpoint of a model")
    raise UserError(
        f"{path} holds a {name}, which is not part of gan_lightning: if you trust that code, import it before you "
        f"load, or on the command line add --trust {name}"
    )


def check_kind(checkpoint: dict[str, Any], model: Learner, path: str | Path) -> None:
    """Refuses to go on with a model of another kind. (One of your own may go on from what it is made of.)

    Raises:
        UserError: The two kinds.
    """
    known = {path_of(kind): kind for kind in subclasses(Learner)}
    kind = known.get(str(checkpoint.get("kind")), type(model))
    if not isinstance(model, kind):
        raise UserError(
            f"{path} holds a {kind.__name__}, from which a {type(model).__name__} cannot go on: set kind to "
            f"{kind.__name__}, or begin anew without ckpt_path"
        )


def images_of(batch: Any) -> Tensor:
    return batch[0] if isinstance(batch, (tuple, list)) else batch


def labelled(batch: Any) -> tuple[Tensor, Tensor]:
    """Images and labels of a batch; zeros where there are no labels."""
    x, *labels = batch if isinstance(batch, (tuple, list)) else (batch,)
    return x, labels[0] if labels else torch.zeros(len(x), dtype=torch.int64, device=x.device)


def check_options(options: dict[str, Any]) -> None:
    """Refuses settings of any learner that are out of range."""
    for key, value in options.items():
        if key.endswith(("_steps", "_accumulation")) and value < 1:
            raise UserError(f"model.{key} is {value}; it must be at least 1")
        if key.endswith("_gradient_clip") and value is not None and not value > 0:
            raise UserError(f"model.{key} is {value}; it must be above 0, or null for no limit")
    if not 0 <= options.get("average_decay", 0) < 1:
        raise UserError(f"model.average_decay is {options['average_decay']}; it must be at least 0 and below 1")
