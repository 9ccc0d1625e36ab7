"""What of Lightning's trainer the game can be played under; the rest is refused by name."""

from collections.abc import Sequence

from lightning.pytorch import Trainer
from lightning.pytorch.strategies import DDPStrategy, SingleDeviceStrategy

from gan_lightning.core.errors import UserError

PRECISIONS = ("32-true", "64-true", "bf16-mixed", "16-mixed")

OURS = {
    "gradient_clip_val": ("gradient_clip", (None, 0)),
    "accumulate_grad_batches": ("accumulation", (1,)),
}
"""Lightning's options for one optimizer, what this package has for each player, and values that ask for nothing."""


def check_trainer(trainer: Trainer, players: Sequence[str] = ("generator", "discriminator")) -> None:
    """Refuses options under which the players would not learn what they should.

    Args:
        trainer: Lightning's.
        players: Who learns.

    Raises:
        UserError: An option and what to set instead.
    """
    for key, (ours, nothing) in OURS.items():
        if (value := getattr(trainer, key)) not in nothing:
            keys = " and ".join(f"model.{player}_optimization.{ours}" for player in players)
            raise UserError(f"trainer.{key} is {value}, but players learn in turns: set {keys} instead")
    if trainer.precision not in PRECISIONS:
        raise UserError(
            f"trainer.precision is {trainer.precision}: weights of 16 bits lose the small updates of Adam and of the "
            f"averaged generator; choose {', '.join(PRECISIONS)}"
        )
    strategy = trainer.strategy
    if not isinstance(strategy, (SingleDeviceStrategy, DDPStrategy)):
        raise UserError(
            f"trainer.strategy is {type(strategy).__name__}, which splits one model with one optimizer: use auto or ddp"
        )
    if getattr(strategy, "_ddp_kwargs", {}).get("static_graph"):
        raise UserError(
            "trainer.strategy has static_graph=True, but the two players' turns are two graphs: leave it out"
        )
    if getattr(strategy, "_layer_sync", None) is not None:
        raise UserError(
            "trainer.sync_batchnorm is not needed: batch normalisation sees the batches of all processes by itself, on "
            "CPUs, too; leave it out"
        )
