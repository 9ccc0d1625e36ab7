"""The callback that prints a summary of the run before training."""

from collections import Counter
from math import ceil
from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import nn

from gan_lightning.core.configurable import describe
from gan_lightning.data import Batches
from gan_lightning.models.gan import GAN
from gan_lightning.penalties import suited
from gan_lightning.runs.run import Run
from gan_lightning.training.batch_checks import images_of
from gan_lightning.training.length import planned_iterations


class RunSummary(Callback):
    """Prints the players, the data, the length of training and the run's folder when training starts."""

    def __init__(self) -> None:
        self.said = False

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        folder = Run.of(trainer).folder
        if not trainer.is_global_zero:
            return
        batches: Any = trainer.train_dataloader
        total = planned_iterations(trainer)
        networks = [n for player in reversed(pl_module.players.values()) for n in networks_of(player.network)]  # type: ignore[union-attr]
        print(f"{type(pl_module).__name__}: {', '.join(networks_in_words(networks))}")
        print(
            f"{data_name(trainer)}, "
            f"{len(batches):,} iterations per epoch, {f'{total:,}' if total else 'unlimited'} iterations in all, "
            f"on {trainer.world_size} x {trainer.strategy.root_device.type}"
        )
        print(f"writing to {folder}", flush=True)

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        if trainer.is_global_zero and not self.said:
            self.said = True
            images, total = len(images_of(batch)) * trainer.world_size, planned_iterations(trainer)
            for line in picked(pl_module, images):
                print(line, flush=True)
            if total and (others := other_lengths(pl_module, total, images)):
                print(f"planned for another length than these {total:,} iterations: {', '.join(others)}", flush=True)


LENGTHS = {
    "PolynomialLR": "total_iters",
    "CosineAnnealingLR": "T_max",
}
"""The option that says when a schedule reaches a learning rate of zero, after which nothing is learnt."""


def other_lengths(model: Any, total: int, images: int) -> list[str]:
    """Lists what is planned for another number of iterations.

    Args:
        model: The model.
        total: Iterations of the training run.
        images: Images of an iteration, over all processes.
    """
    found = []
    for name, player in model.players.items():
        words = describe(player.optimization.scheduler) or {}
        key = LENGTHS.get(str(words.get("class_path")).split(".")[-1])
        if key and (length := words["init_args"].get(key) or total) != total:
            found.append(f"model.{name}_optimization.scheduler.{key} {length:,}")
    for path, schedule in model.schedules.items():
        if schedule.iterations not in (None, total):
            found.append(f"model.schedules.{path}.iterations {schedule.iterations:,}")
        if schedule.images is not None and ceil(schedule.images / images) != total:
            found.append(f"model.schedules.{path}.images {schedule.images:,}")
    return found


def picked(model: LightningModule, batch: int) -> list[str]:
    """Returns a line for each penalty without a given weight, with the weight that the package chose."""
    if not isinstance(model, GAN):
        return []
    batch //= model.discriminator_steps * model.discriminator.packing
    height, width = model.generator.image_shape[1:]
    named = zip(model.penalty_names, model.penalties, strict=True)
    weight = f"{suited((height, width), batch):.3g}, chosen for images of {height}x{width} and batches of {batch}"
    return [f"{name}: weight {weight}" for name, penalty in named if penalty.weight is None]


def data_name(trainer: Trainer) -> str:
    """Returns the data's name and size, or the loader's name if a script trains without a data module."""
    batches: Any = trainer.train_dataloader
    name = type(trainer.datamodule or batches).__name__  # type: ignore[attr-defined]
    return f"{name}: {batches.images:,} images" if isinstance(batches, Batches) else name


def networks_of(network: nn.Module) -> list[nn.Module]:
    """Returns the networks of a player."""
    return [n for n in network if [*n.parameters()]] if isinstance(network, nn.ModuleList) else [network]


def networks_in_words(networks: list[nn.Module]) -> list[str]:
    """Names networks and their sizes; equal ones, such as those of the two directions of a cycle, once."""
    counts = Counter(f"{type(network).__name__} ({parameter_count(network)}" for network in networks)
    return [f"{times} x {name} each)" if times > 1 else f"{name})" for name, times in counts.items()]


def parameter_count(network: nn.Module) -> str:
    count = sum(p.numel() for p in network.parameters())
    return f"{count / 1e6:.2f} M parameters" if count >= 1e5 else f"{count:,} parameters"
