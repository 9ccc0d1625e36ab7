"""The length of a training run in iterations."""

import math

from lightning.pytorch import Trainer

from gan_lightning.core.errors import UserError


def planned_iterations(trainer: Trainer) -> int | None:
    """The iterations of the whole training run; None if it has no end, or only a time limit."""
    limits = []
    if trainer.max_epochs is not None and trainer.max_epochs >= 0:
        limits.append(trainer.max_epochs * trainer.num_training_batches)
    if trainer.max_steps >= 0:
        limits.append(trainer.max_steps)
    limits = [limit for limit in limits if math.isfinite(limit)]  # a loader may not know its length
    return int(min(limits)) if limits else None


def needed_iterations(trainer: Trainer, key: str) -> int:
    """The iterations of the whole training run, for options that depend on them before it starts.

    Args:
        trainer: The Lightning trainer.
        key: The option that is null and therefore takes the length of the training run.

    Raises:
        UserError: The training run has no planned end.
    """
    loop = trainer.fit_loop
    begun = loop._combined_loader is not None
    loop.setup_data()  # counts the batches of an epoch
    length = planned_iterations(trainer)
    if not begun:
        loop._combined_loader = None  # made again when training starts: only then is its place in the epoch restored
    if length is None:
        raise UserError(
            f"{key} is null, which means the length of the training, but this training has no planned end: set "
            f"trainer.max_steps or trainer.max_epochs, or {key}"
        )
    return length
