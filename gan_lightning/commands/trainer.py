"""Builds Lightning's trainer from the options of a command."""

import re
from typing import Any, Literal

import torch
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch import Trainer

from gan_lightning.core.errors import UserError

REFUSALS = {
    "max_time": ("is not a valid duration", "; it must be DD:HH:MM:SS, such as 00:01:00:00 for one hour"),
    "accelerator": (
        "can not run on your system|No supported gpu backend|invalid accelerator name",
        ", which this machine does not have: use auto or cpu",
    ),
    "strategy": ("The strategy `|invalid strategy name|To use the `DeepSpeedStrategy`", "; it must be auto or ddp"),
    "devices": (r"\(devices=|^`devices` selected", "; it must be a whole number from 1, or auto"),
}
"""For each option, Lightning's message about a wrong value (a pattern), and what to say instead."""


MatmulPrecision = Literal["highest", "high", "medium"]


def trainer_with(options: dict[str, Any]) -> Trainer:
    """Returns the trainer with these options: Lightning's, and `matmul_precision`, which holds for the whole process.

    Raises:
        UserError: Lightning refuses them.
    """
    options = {**options}
    if (precision := options.pop("matmul_precision", None)) is not None:
        torch.set_float32_matmul_precision(precision)
        torch.backends.cudnn.allow_tf32 = precision != "highest"
    try:
        return Trainer(**options)
    except (MisconfigurationException, ImportError, TypeError, ValueError, RuntimeError) as error:
        raise UserError(refusal(options, str(error))) from error


def refusal(options: dict[str, Any], message: str) -> str:
    """Returns the message for options that Lightning refuses."""
    for key, (pattern, rule) in REFUSALS.items():
        if re.search(pattern, message):
            return f"trainer.{key} is {options.get(key)}{rule}"
    return f"the trainer refuses its options: {message}"
