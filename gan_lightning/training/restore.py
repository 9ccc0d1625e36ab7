"""A checkpoint in a training with other settings, and the kind of model that a checkpoint holds."""

import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from gan_lightning.core.configurable import describe
from gan_lightning.core.discovery import path_of, subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.training.optimization import OptimizerFactory, Player


def adapt(
    checkpoint: dict[str, Any],
    players: Mapping[str, Player],
    factories: Mapping[str, OptimizerFactory],
    length: Callable[[], int],
) -> None:
    """Puts today's optimizer options and learning rates into a checkpoint that was made with others.

    The rates are those that today's settings would have reached by the checkpoint's iteration, had they been in force
    from the start. What the optimizers have learnt about gradients stays, unless it is another optimizer now. If
    nothing differs, nothing is touched.

    Args:
        checkpoint: As Lightning wrote it; its `optimizer_states` and `lr_schedulers` are changed.
        players: Who learns, by name, in the order of the optimizers.
        factories: What makes each player's optimizer.
        length: Tells the iterations of the training.
    """
    fresh = {name: factories[name](player.network.parameters()) for name, player in players.items()}
    schedulers = {name: players[name].optimization.make_scheduler(fresh[name], length) for name in players}
    if not changed(checkpoint, players, fresh, schedulers):
        return
    checkpoint["lr_schedulers"] = []
    for i, (name, player) in enumerate(players.items()):
        if (scheduler := schedulers[name]) is not None:
            advance(scheduler, checkpoint["global_step"])
            checkpoint["lr_schedulers"].append(scheduler.state_dict())
        before = saved_optimization(checkpoint, name).get("optimizer", {}).get("class_path")
        another = before != describe(player.optimization.optimizer)["class_path"]
        checkpoint["optimizer_states"][i] = {
            "state": {} if another else checkpoint["optimizer_states"][i]["state"],
            "param_groups": fresh[name].state_dict()["param_groups"],
        }


def changed(
    checkpoint: dict[str, Any],
    players: Mapping[str, Player],
    optimizers: Mapping[str, Optimizer],
    schedulers: Mapping[str, LRScheduler | None],
) -> bool:
    """Whether an optimizer, a schedule or the length that a schedule follows is another than the checkpoint's."""
    fused = [group.get("fused") for optimizer in optimizers.values() for group in optimizer.param_groups]
    saved = [group.get("fused") for state in checkpoint["optimizer_states"] for group in state["param_groups"]]
    lengths = [vars(scheduler).get("iterations") for scheduler in schedulers.values() if scheduler is not None]
    before = [state.get("iterations") for state in checkpoint["lr_schedulers"]]
    return (
        (fused, lengths) != (saved, before)  # the state's own "fused" wins over the option's
        or any(
            saved_optimization(checkpoint, name).get(key) != describe(getattr(player.optimization, key))
            for name, player in players.items()
            for key in ("optimizer", "scheduler")
        )
    )


def saved_optimization(checkpoint: dict[str, Any], player: str) -> dict[str, Any]:
    """How a player learnt when the checkpoint was made; what was left to its default is not in it."""
    return checkpoint["hyper_parameters"].get(f"{player}_optimization", {}).get("init_args", {})


def advance(scheduler: LRScheduler, iterations: int) -> None:
    """Steps a scheduler whose optimizer stands still."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the optimizer did not step in between
        for _ in range(iterations):
            scheduler.step()


def kind_in(checkpoint: dict[str, Any], path: str | Path, base: type) -> type:
    """The kind of model that a checkpoint holds, among those that are loaded.

    Args:
        checkpoint: Its content.
        path: Its file, for the message.
        base: What it must be a kind of.

    Raises:
        UserError: It is something else, or is not loaded.
    """
    name = checkpoint.get("kind")
    kind = next((cls for cls in subclasses(LightningModule) if path_of(cls) == name), None)
    if kind is None:
        raise UserError(
            f"{path} holds a {name}, which is not part of gan_lightning: if you trust that code, import it before you "
            f"load, or on the command line add --trust {name}"
        )
    if not issubclass(kind, base):
        raise UserError(f"{path} holds a {kind.__name__}, which is no {base.__name__}: name another checkpoint")
    return kind


def check_kind(checkpoint: dict[str, Any], model: object, path: str | Path) -> None:
    """Refuses to resume with another kind of model. (A subclass may resume from what it is derived from.)

    Raises:
        UserError: The two kinds.
    """
    name = str(checkpoint.get("kind"))
    if name not in [path_of(kind) for kind in type(model).__mro__]:
        short = name.rpartition(".")[2]
        raise UserError(
            f"{path} holds a {short}, from which a {type(model).__name__} cannot go on: set kind to {short}, or "
            "begin anew without ckpt_path"
        )
