"""Checks that the state of training in a checkpoint has the form that training gives it, before it is restored."""

from collections.abc import Sequence
from typing import Any

from lightning.pytorch import Callback, Trainer
from torch import Size, Tensor
from torch.optim import Optimizer

from gan_lightning.core.errors import UserError


def check_state(checkpoint: dict[str, Any], trainer: Trainer) -> None:
    """Refuses a checkpoint from which training could not resume.

    Args:
        checkpoint: Its content; it has all entries.
        trainer: The trainer that resumes.

    Raises:
        UserError: Names the part that is damaged.
    """
    if checkpoint["global_step"] < 0:
        raise damaged_part("global_step")
    check_alike(checkpoint["loops"]["fit_loop"], trainer.fit_loop.state_dict(), "loops", every_key=False)
    if not all(isinstance(key, str) for key in checkpoint["callbacks"]):
        raise damaged_part("callbacks")
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        saved = checkpoint["callbacks"].get(callback.state_key)
        if type(callback).load_state_dict is not Callback.load_state_dict and saved is not None:
            check_alike(saved, callback.state_dict(), f"callbacks.{callback.state_key}")
    for key in ("optimizer_states", "lr_schedulers"):
        if not all(isinstance(state, dict) for state in checkpoint[key]):
            raise damaged_part(key)
    for state in checkpoint["optimizer_states"]:
        groups = state.get("param_groups")
        if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
            raise damaged_part("optimizer_states")


def check_alike(value: Any, ours: Any, key: str, every_key: bool = True) -> None:
    """Refuses a value that has not the types of ours.

    Args:
        value: From a checkpoint.
        ours: The same, when training begins.
        key: Where it stands in the checkpoint.
        every_key: Whether it must have all keys that ours has; another version of Lightning may have others.

    Raises:
        UserError: Names the key.
    """
    if isinstance(ours, dict):
        if not isinstance(value, dict) or (every_key and {*ours} - {*value}):
            raise damaged_part(key)
        for name in ours.keys() & value.keys():
            check_alike(value[name], ours[name], f"{key}.{name}", every_key)
    elif not (isinstance(value, list) and all(map(is_plain, value)) if isinstance(ours, list) else fits(value, ours)):
        raise damaged_part(key)


def fits(value: Any, ours: Any) -> bool:
    """Whether a single value has the type of ours."""
    if isinstance(ours, Tensor):
        return isinstance(value, Tensor) and (value.shape == ours.shape or not ours.numel())
    if isinstance(ours, (int, float)):
        return isinstance(value, (int, float)) and not (isinstance(ours, int) and isinstance(value, float))
    return ours is None or isinstance(value, type(ours))


def is_plain(value: Any) -> bool:
    """Whether a value is a number, text, or nested lists of them."""
    return all(map(is_plain, value)) if isinstance(value, (list, tuple)) else isinstance(value, (int, float, str))


def check_optimizers(states: Sequence[dict[str, Any]], fresh: Sequence[Optimizer]) -> None:
    """Refuses states of optimizers that do not fit their parameters. Options that are missing get their values now.

    Args:
        states: From a checkpoint.
        fresh: The optimizers before their first step.

    Raises:
        UserError: One does not fit.
    """
    if len(states) != len(fresh) or not all(map(suits, states, fresh)):
        raise damaged_part("optimizer_states")


def suits(state: dict[str, Any], fresh: Optimizer) -> bool:
    """Whether an optimizer can go on with a state."""
    ours, theirs, of_each = fresh.state_dict()["param_groups"], state["param_groups"], state.get("state")
    if len(theirs) != len(ours) or not isinstance(of_each, dict):
        return False
    for group, our_group in zip(theirs, ours, strict=True):
        group.update({name: value for name, value in our_group.items() if name not in group})
        check_alike(group, our_group, "optimizer_states")
        if any(group[name] is not value for name, value in our_group.items() if isinstance(value, bool)):
            return False
    shapes = [parameter.shape for group in fresh.param_groups for parameter in group["params"]]
    numbers = [group["params"] for group in theirs] == [group["params"] for group in ours]
    if not numbers or {*of_each} - {*range(len(shapes))} or not all(isinstance(v, dict) for v in of_each.values()):
        return False
    forms = [{name: form(value, shapes[n]) for name, value in values.items()} for n, values in of_each.items()]
    return all(one == forms[0] and "wrong" not in one.values() for one in forms)


def form(value: Any, shape: Size) -> str:
    """What a value of an optimizer's state for one parameter is: all parameters have the same."""
    if isinstance(value, Tensor):
        return "tensor" if value.shape in ((), shape) and bool(value.isfinite().all()) else "wrong"
    return type(value).__name__


def damaged_part(key: str) -> UserError:
    return UserError(
        f"the checkpoint is damaged: training cannot resume from its {key}; resume from another, such as best.ckpt"
    )
