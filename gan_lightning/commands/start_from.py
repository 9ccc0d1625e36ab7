"""Fine-tuning: training begins with the weights of another run."""

from typing import Any

import torch
from torch import nn

from gan_lightning.core.errors import UserError
from gan_lightning.runs.checkpoint import Checkpoint
from gan_lightning.runs.locate import find_checkpoint
from gan_lightning.training.alternating import AlternatingModule

AVERAGE = "average_"
"""Begins the names of moving averages."""


def take_weights(model: AlternatingModule, name: str) -> str:
    """Gives a model's networks the weights of another run's, and says which networks those are.

    A network is taken whole or not at all; what the other run lacks stays as it is, and so does a discriminator of
    another class. Optimizers, iterations and all else begin anew.

    Args:
        model: The model to be trained.
        name: A checkpoint, a run's folder, or `last`.

    Raises:
        UserError: There is no such checkpoint, none of its networks is in the model, or one differs.
    """
    path = find_checkpoint(name)
    if path is None:
        raise UserError(f"start_from is {name}, but no run has a checkpoint yet: name one, or leave it out")
    checkpoint = Checkpoint(path)
    theirs, taken, left = checkpoint.content["state_dict"], [], ""
    for part, network in parts_with_weights(model).items():
        begin = f"{part}."
        state = {key.removeprefix(begin): value for key, value in theirs.items() if key.startswith(begin)}
        if state and (other := other_judge(checkpoint, part, network)):
            left += f"; the {part} begins anew (there it is {other})"
        elif state:
            load_whole(network, state, f"start_from: {checkpoint.path}", part)
            taken.append(part)
    if not taken:
        raise UserError(
            f"start_from: {checkpoint.path} holds no network of this model ({', '.join(parts_with_weights(model))})"
        )
    names = [part for part in taken if not part.startswith(AVERAGE)]
    return f"starting from the {' and the '.join(names)} of {checkpoint.path}{left}"


def other_judge(checkpoint: Checkpoint, part: str, network: nn.Module) -> str:
    """Returns the class of another run's discriminator if that of this model is of another; else nothing."""
    words = checkpoint.arguments.get(part) if "discriminator" in part else None
    theirs = str(words.get("class_path", "")).rpartition(".")[2] if isinstance(words, dict) else ""
    return theirs if theirs != type(network).__name__ else ""


def parts_with_weights(model: nn.Module) -> dict[str, nn.Module]:
    """Returns the players of a model and their averages, by name."""
    parts = {name: part for name, part in model.named_children() if not isinstance(part, nn.ModuleList)}
    return {name: part for name, part in parts.items() if next(part.parameters(), None) is not None}


def load_whole(network: nn.Module, state: dict[str, torch.Tensor], path: str, part: str) -> None:
    """Loads the weights of a network.

    Raises:
        UserError: They are not those of such a network, or are not finite.
    """
    ours: dict[str, Any] = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    for key in [*ours, *state]:
        found = tuple(state[key].shape) if key in state else "missing"
        if found != ours.get(key, "missing"):
            raise UserError(
                f"{path} has another {part}: its {key} is {found}, that of this model {ours.get(key, 'missing')}; give "
                f"model.{part} the options that it was trained with (config.yaml of its run)"
            )
        if not state[key].isfinite().all():
            raise UserError(f"{path} holds weights that are not finite ({part}.{key}): use an earlier checkpoint")
    network.load_state_dict(state)
