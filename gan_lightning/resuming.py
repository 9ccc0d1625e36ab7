"""Going on from a checkpoint with other settings than it was made with."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


def changes(before: Any, after: Any, key: str = "") -> list[str]:
    """What differs between two nested words: `key: old -> new`, one text for each leaf.

    Where a class has become another, its arguments are named only if both have them.
    """
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [] if before == after else [f"{key}: {shown(before)} -> {shown(after)}"]
    names = [*after, *(name for name in before if name not in after)]
    found = []
    if before.get("class_path") != after.get("class_path"):
        found = [f"{key}: {shown(before.get('class_path'))} -> {shown(after.get('class_path'))}"]
        before, after = before.get("init_args", {}), after.get("init_args", {})
        names = [name for name in after if name in before]
    for name in names:
        inner = "" if name == "init_args" else name  # users write model.generator.hidden
        found += changes(before.get(name), after.get(name), ".".join(filter(None, (key, inner))))
    return found


def shown(value: Any) -> str:
    return "default" if value is None else str(value)


def adapt(
    checkpoint: dict[str, Any],
    words: dict[str, Any],
    players: Mapping[str, nn.Module],
    optimizers: Sequence[Callable[..., Optimizer]],
    schedulers: Sequence[Callable[..., LRScheduler] | None],
) -> None:
    """Puts today's optimizer options and learning rates into a checkpoint that was made with others.

    The rates are those that today's settings would have reached by the checkpoint's iteration, had they been in force
    from the start. What the optimizers have learnt about gradients stays, unless it is another optimizer now. If
    nothing differs, nothing is touched.

    Args:
        checkpoint: As Lightning wrote it; its `optimizer_states` and `lr_schedulers` are changed.
        words: Today's hyper-parameters.
        players: What learns, by name, in the order of the optimizers.
        optimizers: For each player, what makes its optimizer from parameters.
        schedulers: For each player, what makes its scheduler from the optimizer, or None.
    """
    before = checkpoint["hyper_parameters"]
    names = [f"{player}_{kind}" for player in players for kind in ("optimizer", "scheduler")]
    fresh = [make(player.parameters()) for player, make in zip(players.values(), optimizers, strict=True)]
    fused = [group.get("fused") for optimizer in fresh for group in optimizer.param_groups]
    saved = [group.get("fused") for state in checkpoint["optimizer_states"] for group in state["param_groups"]]
    if fused == saved and all(before.get(name) == words[name] for name in names):
        return
    checkpoint["lr_schedulers"] = []
    for i, (player, optimizer, make_scheduler) in enumerate(zip(players, fresh, schedulers, strict=True)):
        if make_scheduler is not None:
            scheduler = make_scheduler(optimizer)
            advance(scheduler, checkpoint["global_step"])
            checkpoint["lr_schedulers"].append(scheduler.state_dict())
        key = f"{player}_optimizer"
        another = before.get(key, {}).get("class_path") != words[key]["class_path"]
        checkpoint["optimizer_states"][i] = {
            "state": {} if another else checkpoint["optimizer_states"][i]["state"],
            "param_groups": optimizer.state_dict()["param_groups"],
        }


def advance(scheduler: LRScheduler, iterations: int) -> None:
    """Steps a scheduler whose optimizer stands still."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the optimizer did not step in between
        for _ in range(iterations):
            scheduler.step()
