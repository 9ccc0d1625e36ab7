"""The feature extractor that judges: not one that the model was trained with."""

from collections.abc import Sequence

from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData
from gan_lightning.evaluation.features import Extractor, extractor_for, suspects
from gan_lightning.runs.checkpoint import Checkpoint

OTHERS = ("Colour", "EfficientNetLite0", "HED")
"""Judges of colour images, the one that is taken first at the front."""


def independent_judge(
    data: ImageData, name: str | None, checkpoints: Sequence[Checkpoint]
) -> tuple[Extractor, list[str]]:
    """Returns the extractor that judges, and what a report must say of the choice.

    Args:
        data: The data set.
        name: The extractor that the user asks for. If None, it is that of the data set, or another one, if a model was
            trained with the weights of that.
        checkpoints: What is evaluated.
    """
    extractor = extractor_for(data, name)
    reason = objection(extractor, checkpoints)
    if reason is None:
        return extractor, []
    for other in OTHERS if name is None and data.image_shape[0] == 3 else ():
        try:
            second = extractor_for(data, other)
        except UserError:  # not installed
            continue
        if objection(second, checkpoints) is None:
            return second, [f"{second.name} judges, as {reason}"]
    return extractor, [f"doubtful: {reason}, which judge it here: set judge.extractor to another"]


def objection(extractor: Extractor, checkpoints: Sequence[Checkpoint]) -> str | None:
    """Says why an extractor should not judge; None if nothing speaks against it."""
    found = (suspects(extractor, checkpoint.arguments) for checkpoint in checkpoints)
    return next((reason for reason in found if reason), None)
