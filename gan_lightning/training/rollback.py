"""Back to an earlier state, from which training goes on with smaller steps."""

from collections.abc import Iterable, Sequence
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

GROUP_RATES = ("lr", "initial_lr", "max_lr", "min_lr")
"""What an optimizer's group holds of learning rates: its own, and those that its scheduler leaves there."""

SCHEDULER_RATES = ("base_lrs", "max_lrs", "_last_lr", "eta_min")
"""What a scheduler holds of them."""


def snapshot(model: nn.Module, optimizers: Sequence[Optimizer]) -> dict[str, Any]:
    """A copy on the CPU of all weights and buffers, and of what the optimizers have learnt about gradients."""
    return {
        "state_dict": copied(model.state_dict()),
        "optimizer_states": [copied(optimizer.state_dict()["state"]) for optimizer in optimizers],
    }


def restore_snapshot(state: dict[str, Any], model: nn.Module, optimizers: Sequence[Optimizer]) -> None:
    """Puts a `snapshot` back. Learning rates, and all that counts iterations, stay as they are now."""
    model.load_state_dict(state["state_dict"])
    for optimizer, learnt in zip(optimizers, state["optimizer_states"], strict=True):
        groups = optimizer.state_dict()["param_groups"]
        optimizer.load_state_dict({"state": copied(learnt), "param_groups": groups})


def slow_down(optimizers: Iterable[Optimizer], schedulers: Iterable[Any], factor: float) -> None:
    """Multiplies learning rates, those of now and all that schedulers will make of them.

    Args:
        optimizers: Whose rates.
        schedulers: Theirs.
        factor: What rates are multiplied by.
    """
    for group in (group for optimizer in optimizers for group in optimizer.param_groups):
        group |= {name: group[name] * factor for name in GROUP_RATES if name in group}
    for scheduler in schedulers:
        slow_down_scheduler(scheduler, factor)


def slow_down_scheduler(scheduler: LRScheduler, factor: float) -> None:
    for name in SCHEDULER_RATES:
        if (rates := getattr(scheduler, name, None)) is not None:
            setattr(scheduler, name, [rate * factor for rate in rates] if isinstance(rates, list) else rates * factor)
    for inner in getattr(scheduler, "_schedulers", []):
        slow_down_scheduler(inner, factor)


def copied(value: Any) -> Any:
    """The same nested values; tensors are copies on the CPU."""
    if isinstance(value, Tensor):
        return value.detach().cpu().clone()
    return {key: copied(inner) for key, inner in value.items()} if isinstance(value, dict) else value
