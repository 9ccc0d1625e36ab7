"""Numbers that are fixed, or drawn for each image."""

from math import isfinite

from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import Draw

Amount = float | tuple[float, float]
"""A number; or the lowest and the highest of those that are drawn, one for each image."""


def limits_of(amount: Amount, name: str, least: float, most: float = float("inf")) -> tuple[float, float]:
    """Returns the lowest and the highest of an amount.

    Args:
        amount: The amount.
        name: Its option, in words.
        least: What it must be at least.
        most: What it must be at most.

    Raises:
        UserError: It is not, or the highest is below the lowest.
    """
    low, high = (amount, amount) if isinstance(amount, (int, float)) else amount
    if not (least <= low <= high <= most and isfinite(high)):
        limit = f" and at most {most:g}" if most < float("inf") else ""
        order = "; of two, the lower one first" if low > high else ""
        raise UserError(f"{name} is {amount}; it must be at least {least:g}{limit}{order}")
    return low, high


def amounts(limits: tuple[float, float], x: Tensor, uniform: Draw) -> Tensor:
    """Returns an amount (N, 1, 1, 1) for each of N images; if it is fixed, nothing is drawn."""
    low, high = limits
    if low == high:
        return x.new_full((len(x), 1, 1, 1), low)
    return low + (high - low) * uniform(len(x), 1, 1, 1).to(x)
