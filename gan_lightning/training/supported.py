"""Checks that refuse trainer options under which alternating updates would go wrong."""

from collections.abc import Sequence

from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy

from gan_lightning.core.errors import UserError

PRECISIONS = ("32-true", "64-true", "bf16-mixed", "16-mixed")

OURS = {
    "gradient_clip_val": ("gradient_clip", (None, 0)),
    "accumulate_grad_batches": ("accumulation", (1,)),
}
"""Lightning's options for a single optimizer, this package's options for each player, and values that do nothing."""


def check_trainer(trainer: Trainer, players: Sequence[str] = ("generator", "discriminator")) -> None:
    """Refuses trainer options under which the players would not learn correctly.

    Args:
        trainer: The Lightning trainer.
        players: The players' names.

    Raises:
        UserError: Names an option and what to set instead.
    """
    for key, (ours, nothing) in OURS.items():
        if (value := getattr(trainer, key)) not in nothing:
            keys = " and ".join(f"model.{player}_optimization.{ours}" for player in players)
            raise UserError(f"trainer.{key} is {value}, but players update in turn: set {keys} instead")
    if trainer.precision not in PRECISIONS:
        raise UserError(
            f"trainer.precision is {trainer.precision}: 16-bit weights lose the small updates of Adam and of the "
            f"moving average; choose {', '.join(PRECISIONS)}"
        )
    strategy = trainer.strategy
    if not isinstance(strategy, (SingleDeviceStrategy, DDPStrategy)):
        raise UserError(
            f"trainer.strategy is {type(strategy).__name__}, which splits one model with one optimizer: use auto or ddp"
        )
    if getattr(strategy, "_ddp_kwargs", {}).get("static_graph"):
        raise UserError(
            "trainer.strategy has static_graph=True, but the two players' updates are two graphs: leave it out"
        )
    if getattr(strategy, "_layer_sync", None) is not None:
        raise UserError(
            "trainer.sync_batchnorm is not needed: batch normalisation already uses the batches of all processes, even "
            "on CPUs; leave it out"
        )
