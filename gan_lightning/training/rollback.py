"""Rollback to an earlier state, with lower learning rates."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

GROUP_RATES = ("lr", "initial_lr", "max_lr", "min_lr")
"""Learning rates in an optimizer's parameter group: its own, and those that its scheduler keeps there."""

SLOWED = "slowed"
"""The entry of a parameter group for the product of all factors, which a schedule of the learning rate is times."""

SCHEDULER_RATES = ("base_lrs", "max_lrs", "_last_lr", "eta_min")
"""Learning rates in a scheduler."""


def snapshot(model: nn.Module, optimizers: Sequence[Optimizer]) -> dict[str, Any]:
    """Copies all weights and buffers, and the optimizers' running statistics of gradients, to the CPU."""
    return {
        "state_dict": copied(model.state_dict()),
        "optimizer_states": [copied(optimizer.state_dict()["state"]) for optimizer in optimizers],
    }


def restore_snapshot(state: dict[str, Any], model: nn.Module, optimizers: Sequence[Optimizer]) -> None:
    """Restores a `snapshot`, but keeps the current learning rates and iteration counters."""
    model.load_state_dict(state["state_dict"])
    for optimizer, learnt in zip(optimizers, state["optimizer_states"], strict=True):
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": copied(learnt), "param_groups": groups})


def slow_down(optimizers: Iterable[Optimizer], schedulers: Iterable[Any], factor: float) -> None:
    """Multiplies the current learning rates, and all later ones of the schedules, by a factor.

    Args:
        optimizers: The optimizers.
        schedulers: Their schedulers.
        factor: The factor.
    """
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group |= {name: group[name] * factor for name in GROUP_RATES if name in group}
        group[SLOWED] = group.get(SLOWED, 1.0) * factor
    for scheduler in schedulers:
        slow_down_scheduler(scheduler, factor)


def slow_down_scheduler(scheduler: LRScheduler, factor: float) -> None:
    for name in SCHEDULER_RATES:
        if (rates := getattr(scheduler, name, None)) is not None:
            setattr(scheduler, name, [rate * factor for rate in rates] if isinstance(rates, list) else rates * factor)
    for inner in getattr(scheduler, "_schedulers", []):
        slow_down_scheduler(inner, factor)


def copied(value: Any) -> Any:
    """Copies nested values, tensors to the CPU."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    return {key: copied(inner) for key, inner in value.items()} if isinstance(value, dict) else value
