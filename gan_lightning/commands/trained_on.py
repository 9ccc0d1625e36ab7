"""What a checkpoint says of its training: the data, and the cost."""

from typing import Any

from lightning.pytorch import LightningDataModule

from gan_lightning.core.configurable import class_paths, loaded_class, untrusted
from gan_lightning.core.discovery import path_of, subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.core.nesting import looked_up
from gan_lightning.data import ImageData
from gan_lightning.data.identity import Origin
from gan_lightning.runs.checkpoint import Checkpoint


def data_of(checkpoint: Checkpoint) -> dict[str, Any] | None:
    """Returns the data that a checkpoint was trained on, as plain values; None if its class is not loaded.

    Nothing is imported for it.
    """
    words = checkpoint.settings.get("data")
    if not isinstance(words, dict):
        return None
    path = str(words.get("class_path")).split(".")
    package, name = path[0], path[-1]  # a config may omit the modules in between
    found = [path_of(cls) for cls in subclasses(ImageData) if path_of(cls).startswith(package) and cls.__name__ == name]
    options = words.get("init_args")
    options = {str(key): value for key, value in options.items()} if isinstance(options, dict) else {}
    return {"class_path": found[0], "init_args": options} if found else None


def unknown_data(checkpoint: Checkpoint) -> UserError:
    """Returns the error for a checkpoint whose data is unknown. It names all its classes that are not loaded."""
    data = str(looked_up(checkpoint.settings, "data", "class_path") or "")
    if not data:
        return UserError(f"{checkpoint.path} does not say what it was trained on: give the images with --data")
    if data in [path_of(cls) for cls in subclasses(LightningDataModule)]:
        return UserError(
            f"{checkpoint.path} was trained on {data}, which is no ImageData and sets no images apart: give the images "
            "to compare with as --data"
        )
    generator = [path for path in class_paths(checkpoint.arguments.get("generator")) if loaded_class(path) is None]
    refusal = untrusted([*generator, data])
    return UserError(f"{refusal}; other images to compare with are given as --data")


def check_held_out(data: ImageData, words: dict[str, Any]) -> None:
    """Refuses a share of held-out images other than training had: some of those images would have been trained on.

    Args:
        data: The data to evaluate with.
        words: The data that was trained on.
    """
    trained = looked_up(words, "init_args", "held_out") or 0.0
    if path_of(type(data)) == words["class_path"] and data.held_out != trained:
        raise UserError(
            f"data.held_out is {data.held_out}, but the checkpoint was trained with {trained}: some held-out images "
            "would be training images; leave it out, or train again"
        )


def origin_of(content: dict[str, Any]) -> Origin | None:
    """Returns what a checkpoint says of the images that it was trained on."""
    found = (Origin.read(state.get("trained_on")) for state in content.values() if isinstance(state, dict))
    return next((origin for origin in found if origin), None)


def trained_on_words(data: ImageData, checkpoint: Checkpoint) -> dict[str, str]:
    """Returns a line for the report: what the model was trained on, and whether the training images here are others."""
    then, now = origin_of(checkpoint.content), data.origin(data.held_out)
    if then is None:
        return {}
    other = f"; those of the data now are others: {now}" if now is not None and now != then else ""
    return {"trained_on": f"{then}{other}"}


def cost(content: dict[str, Any]) -> dict[str, Any]:
    """Returns the cost of training, if the checkpoint contains it."""
    images, seconds = (looked_up(content, "callbacks", "Cost", key) for key in ("images", "cpu"))
    measured = isinstance(images, int) and isinstance(seconds, float)
    return {"images_seen": images, "cpu_seconds": seconds} if measured else {}
