"""Differences between the settings in a checkpoint and the current ones."""

from typing import Any


def differences(before: Any, after: Any, key: str = "") -> list[str]:
    """Lists the differences between two nested settings, one `key: old -> new` per leaf.

    If a class has been replaced by another, only the arguments that both have are compared.
    """
    if not (isinstance(before, dict) and isinstance(after, dict)):
        return [] if equal(before, after) else [f"{key}: {shown(before)} -> {shown(after)}"]
    names = [*after, *(name for name in before if name not in after)]
    found = []
    if before.get("class_path") != after.get("class_path"):
        found = [f"{key}: {shown(before.get('class_path'))} -> {shown(after.get('class_path'))}"]
        before, after = before.get("init_args", {}), after.get("init_args", {})
        names = [name for name in after if name in before]
    for name in names:
        inner = "" if name == "init_args" else str(name)  # users write model.generator.hidden
        found += differences(before.get(name), after.get(name), ".".join(filter(None, (key, inner))))
    return found


def equal(before: Any, after: Any) -> bool:
    try:
        return bool(before == after)
    except RuntimeError:  # a tensor, in a checkpoint that a stranger has written
        return False


def shown(value: Any) -> str:
    return "default" if value is None else str(value)
