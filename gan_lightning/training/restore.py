"""Resuming from a checkpoint with other settings, and the kind of model that a checkpoint holds."""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch import LightningModule
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from gan_lightning.core.configurable import class_paths, describe
from gan_lightning.core.discovery import path_of, subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.core.nesting import looked_up
from gan_lightning.training.optimization import OptimizerFactory, Player


def adapt(
    checkpoint: dict[str, Any],
    players: Mapping[str, Player],
    factories: Mapping[str, OptimizerFactory],
    schedules: Iterable[str],
) -> None:
    """Puts the current optimizer options and learning rates into a checkpoint that was written with others.

    The rates are those that the current settings would have reached by the checkpoint's iteration, had they applied
    from the start. The optimizers' running statistics of gradients are kept, unless the optimizer is another class now.
    If no setting differs, the checkpoint is left unchanged.

    Args:
        checkpoint: As Lightning wrote it; its `optimizer_states` and `lr_schedulers` are changed.
        players: Players by name, in the order of the optimizers.
        factories: The factory of each player's optimizer.
        schedules: The paths of the numbers that follow a schedule.
    """
    fresh = {name: factories[name](player.network.parameters()) for name, player in players.items()}
    if not changed(checkpoint, players, fresh, schedules):
        return
    checkpoint["lr_schedulers"] = []
    for i, (name, player) in enumerate(players.items()):
        if (factory := player.optimization.scheduler) is not None:
            scheduler = factory(fresh[name])
            advance(scheduler, checkpoint["global_step"])
            checkpoint["lr_schedulers"].append(scheduler.state_dict())
        before = class_paths(saved_optimization(checkpoint, name).get("optimizer"))[:1]
        another = before != class_paths(describe(player.optimization.optimizer))[:1]
        checkpoint["optimizer_states"][i] = {
            "state": {} if another else checkpoint["optimizer_states"][i]["state"],
            "param_groups": fresh[name].state_dict()["param_groups"],
        }


def changed(
    checkpoint: dict[str, Any],
    players: Mapping[str, Player],
    optimizers: Mapping[str, Optimizer],
    schedules: Iterable[str],
) -> bool:
    """Whether an optimizer or a scheduler differs from the checkpoint's, or other options of them follow schedules."""
    fused = [group.get("fused") for optimizer in optimizers.values() for group in optimizer.param_groups]
    saved = [group.get("fused") for state in checkpoint["optimizer_states"] for group in state["param_groups"]]
    followed = looked_up(checkpoint, "hyper_parameters", "schedules")
    return (
        fused != saved  # loading a state would override the option "fused"
        or of_optimizers(schedules) != of_optimizers(followed if isinstance(followed, dict) else ())
        or any(
            saved_optimization(checkpoint, name).get(key) != describe(getattr(player.optimization, key))
            for name, player in players.items()
            for key in ("optimizer", "scheduler")
        )
    )


def of_optimizers(paths: Iterable[str]) -> set[str]:
    """The paths of options of optimizers."""
    return {str(path) for path in paths if "_optimization." in str(path)}


def saved_optimization(checkpoint: dict[str, Any], player: str) -> dict[str, Any]:
    """A player's optimization options in a checkpoint, without those left at their default."""
    words = looked_up(checkpoint, "hyper_parameters", f"{player}_optimization", "init_args")
    return words if isinstance(words, dict) else {}


def advance(scheduler: LRScheduler, iterations: int) -> None:
    """Steps a scheduler without its optimizer."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the missing optimizer steps
        for _ in range(iterations):
            scheduler.step()


def kind_in(checkpoint: dict[str, Any], path: str | Path, base: type) -> type:
    """The class of the model that a checkpoint holds, among the loaded classes.

    Args:
        checkpoint: The checkpoint's content.
        path: Its file, for the message.
        base: A base class of the model.

    Raises:
        UserError: The class is not loaded, or does not derive from `base`.
    """
    name = checkpoint.get("kind")
    kind = next((cls for cls in subclasses(LightningModule) if path_of(cls) == name), None)
    if kind is None:
        raise UserError(
            f"{path} holds a {name}, which is not part of gan_lightning: if you trust that code, import it before "
            f"loading, or add --trust {name} on the command line"
        )
    if not issubclass(kind, base):
        raise UserError(f"{path} holds a {kind.__name__}, which is not a {base.__name__}: name another checkpoint")
    return kind


def check_kind(checkpoint: dict[str, Any], model: object, path: str | Path) -> None:
    """Refuses to resume with another kind of model. (A subclass may resume from its base class.)

    Raises:
        UserError: Names the two kinds.
    """
    name = str(checkpoint.get("kind"))
    if name not in [path_of(kind) for kind in type(model).__mro__]:
        short = name.rpartition(".")[2]
        raise UserError(
            f"{path} holds a {short}, from which a {type(model).__name__} cannot resume: set kind to {short}, or "
            "start over without ckpt_path"
        )
