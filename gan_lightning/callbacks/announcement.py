"""What is about to be trained, in three lines."""

from typing import Any

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback
from torch import nn

from gan_lightning.callbacks.progress import iterations
from gan_lightning.callbacks.run_folder import run_folder
from gan_lightning.data import Batches


class Announcement(Callback):
    """Prints the players, the data, the length of the training and the run's folder when training starts."""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        folder = run_folder(trainer)
        if not trainer.is_global_zero:
            return
        batches: Any = trainer.train_dataloader
        total = iterations(trainer)
        networks = [player.network for player in reversed(pl_module.players.values())]  # type: ignore[union-attr]
        players = [f"{type(network).__name__} ({parameters(network)})" for network in networks]
        print(f"{type(pl_module).__name__}: {', '.join(players)}")
        print(
            f"{data_name(trainer)}, "
            f"{len(batches):,} iterations an epoch, {f'{total:,}' if total else 'no end of'} iterations in all, "
            f"on {trainer.world_size} x {trainer.strategy.root_device.type}"
        )
        print(f"writing to {folder}", flush=True)


def data_name(trainer: Trainer) -> str:
    """The data and its size, or its loader where a script trains without a data module."""
    batches: Any = trainer.train_dataloader
    name = type(trainer.datamodule or batches).__name__  # type: ignore[attr-defined]
    return f"{name}: {batches.images:,} images" if isinstance(batches, Batches) else name


def parameters(network: nn.Module) -> str:
    count = sum(p.numel() for p in network.parameters())
    return f"{count / 1e6:.2f} M parameters" if count >= 1e5 else f"{count:,} parameters"
