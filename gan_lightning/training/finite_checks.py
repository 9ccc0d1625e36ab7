"""Numbers that are not finite are found, named, and never stepped over."""

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
    """Looks at every term of every loss and at every gradient's norm.

    Values stay on their device until `check`, so that watching does not make a GPU wait. All processes see the same
    values (means over processes), so all find the same trouble.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[int, str, list[str], Tensor]] = []

    LONGEST = 1000
    """Updates that are kept at most before they are checked."""

    def add(self, iteration: int, player: str, values: dict[str, Tensor]) -> None:
        """Takes in the values (scalars) of one player's turn."""
        self.seen.append((iteration, player, list(values), torch.stack([v.detach().float() for v in values.values()])))
        if len(self.seen) > self.LONGEST:
            self.check()

    def check(self) -> None:
        """Looks at what was seen since the last check.

        Raises:
            TrainingError: Something was not finite: the first iteration, its player, the terms, and what to try.
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
    """Refuses to skip steps for ever.

    Raises:
        TrainingError: The gradient scaler has been lowered so often that overflow is not the reason.
    """
    if scale < 1:
        raise TrainingError(
            f"training stopped in iteration {iteration}: gradients overflow in 16-mixed however far they are scaled "
            f"down (to {scale:.3g}). To get past it: set trainer.precision to bf16-mixed or 32-true, or "
            f"{ADVICE.split(';')[0].format(player='generator')}."
        )


def check_weights(state: dict[str, Tensor], iteration: int, players: Sequence[str]) -> None:
    """Refuses weights that an update has made infinite.

    Raises:
        TrainingError: The first such tensor.
    """
    floats = {name: tensor for name, tensor in state.items() if tensor.is_floating_point()}
    sums = torch.stack([tensor.sum(dtype=torch.float64) for tensor in floats.values()]).tolist()
    for name, total in zip(floats, sums, strict=True):
        if not isfinite(total):
            player = next((player for player in players if name.startswith(player)), players[-1])
            raise TrainingError(
                f"training stopped: {name} is found not to be finite after iteration {iteration}. "
                f"To get past it: {ADVICE.format(player=player)}."
            )
