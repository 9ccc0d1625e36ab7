"""How long a training is."""

import math

from lightning.pytorch import Trainer

from gan_lightning.core.errors import UserError


def planned_iterations(trainer: Trainer) -> int | None:
    """The iterations of the whole training; None if it has no end, or one that only the clock knows."""
    limits = []
    if trainer.max_epochs is not None and trainer.max_epochs >= 0:
        limits.append(trainer.max_epochs * trainer.num_training_batches)
    if trainer.max_steps >= 0:
        limits.append(trainer.max_steps)
    limits = [limit for limit in limits if math.isfinite(limit)]  # a loader may not know its length
    return int(min(limits)) if limits else None


def needed_iterations(trainer: Trainer, key: str) -> int:
    """The iterations of the whole training, for something that must know them before it starts.

    Args:
        trainer: Lightning's.
        key: The option whose value is null, and which therefore takes the training's length.

    Raises:
        UserError: The training has no planned end.
    """
    trainer.fit_loop.setup_data()  # counts the batches of an epoch
    length = planned_iterations(trainer)
    if length is None:
        raise UserError(
            f"{key} is null, which means the length of the training, and this one has no planned end: set "
            f"trainer.max_steps or trainer.max_epochs, or {key}"
        )
    return length
