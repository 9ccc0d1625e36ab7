"""Detects losses, gradients and weights that are not finite, and stops training."""

from collections.abc import Sequence
from math import isfinite

import torch
from torch import Tensor

from gan_lightning.core.errors import TrainingError

ADVICE = (
    "lower the learning rates, limit the gradient (model.{player}_optimization.gradient_clip 1), or choose another "
    "objective; trainer.precision 32-true rules out rounding"
)


class FiniteChecks:
    """Checks every term of every loss and every gradient norm.

    Values stay on their device until `check`, so that checking does not stall a GPU. All processes see the same
    values (means over processes), so all find the same problem.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[int, str, list[str], Tensor]] = []

    LONGEST = 1000
    """Maximum number of updates kept before they are checked."""

    def add(self, iteration: int, player: str, values: dict[str, Tensor]) -> None:
        """Adds the values (scalars) of one player's update."""
        self.seen.append((iteration, player, list(values), torch.stack([v.detach().float() for v in values.values()])))
        if len(self.seen) > self.LONGEST:
            self.check()

    def check(self) -> None:
        """Checks the values added since the last check.

        Raises:
            TrainingError: A value was not finite. Names the first iteration, its player, the terms, and what to try.
        """
        seen, self.seen = self.seen, []
        if not seen or torch.cat([values for *_, values in seen]).isfinite().all():
            return
        for iteration, player, names, tensor in seen:
            values = dict(zip(names, tensor.tolist(), strict=True))
            bad = [name for name, value in values.items() if not isfinite(value)]
            if bad:
                shown = ", ".join(f"{name} {value:.3g}" for name, value in values.items())
                raise TrainingError(
                    f"training stopped in iteration {iteration + 1}: the {player}'s {listed(bad)} "
                    f"{'is' if len(bad) == 1 else 'are'} not finite ({shown}). "
                    f"To get past it: {ADVICE.format(player=player)}."
                )


def listed(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def check_scale(scale: float, iteration: int) -> None:
    """Stops training that would skip steps forever.

    Raises:
        TrainingError: The gradient scale is so low that the range of 16 bits cannot be the cause.
    """
    if scale < 1:
        raise TrainingError(
            f"training stopped in iteration {iteration}: gradients overflow in 16-mixed however far they are scaled "
            f"down (to {scale:.3g}). To get past it: set trainer.precision to bf16-mixed or 32-true, or "
            f"{ADVICE.split(';')[0].format(player='generator')}."
        )


def check_weights(state: dict[str, Tensor], iteration: int, players: Sequence[str]) -> None:
    """Refuses weights that an update has made infinite or NaN.

    Raises:
        TrainingError: Names the first such tensor.
    """
    floats = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    sums = torch.stack([tensor.sum(dtype=torch.float64) for tensor in floats.values()]).tolist()
    for name, total in zip(floats, sums, strict=True):
        if not isfinite(total):
            player = next((player for player in players if name.startswith(player)), players[-1])
            raise TrainingError(
                f"training stopped: {name} is not finite after iteration {iteration}. "
                f"To get past it: {ADVICE.format(player=player)}."
            )
