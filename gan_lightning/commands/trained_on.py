"""What a checkpoint says of its training: the data, and the cost."""

from collections.abc import Sequence
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


def check_held_out(data: ImageData, checkpoints: Sequence[Checkpoint]) -> None:
    """Refuses to hold out more images than training did: some of them would have been trained on.

    Fewer are right, as an image that is held out of a smaller share is held out of a larger one.

    Args:
        data: The data to evaluate with.
        checkpoints: What is evaluated.
    """
    own = {checkpoint: data_of(checkpoint) for checkpoint in checkpoints}
    shares = {
        checkpoint: looked_up(words, "init_args", "held_out") or 0.0
        for checkpoint, words in own.items()
        if words is not None and path_of(type(data)) == words["class_path"]
    }
    least = min(shares, key=shares.__getitem__, default=None)
    if least is not None and data.held_out > shares[least]:
        raise UserError(
            f"data.held_out is {data.held_out:g}, but {least.path} was trained with {shares[least]:g}: some held-out "
            f"images would be its training images; give --data.held_out {shares[least]:g}"
        )


def origin_of(content: dict[str, Any]) -> Origin | None:
    """Returns what a checkpoint says of the images that it was trained on."""
    found = (Origin.read(state.get("trained_on")) for state in content.values() if isinstance(state, dict))
    return next((origin for origin in found if origin), None)


def trained_on_words(data: ImageData, checkpoint: Checkpoint) -> dict[str, str]:
    """Returns a line for the report: what the model was trained on, and how many training images here are others."""
    then, now = origin_of(checkpoint.content), data.origin(data.held_out)
    if then is None:
        return {}
    return {"trained_on": str(then) if now is None or now == then else f"{then}; {others_now(data, checkpoint, now)}"}


def others_now(data: ImageData, checkpoint: Checkpoint, now: Origin) -> str:
    """Says how many training images of the data are not those of a checkpoint, as far as can be told."""
    then = origin_of(checkpoint.content)
    assert then is not None
    share = looked_up(data_of(checkpoint), "init_args", "held_out") or 0.0
    if now.images > then.images and data.origin(share) == then:
        return f"{now.images - then.images:,} of the {now.images:,} training images of the data now were held out then"
    if now.images >= then.images:
        new = max(now.images - then.images, 1)
        return f"at least {new:,} of the {now.images:,} training images of the data now ({now.digest}) are others"
    return (
        f"at least {then.images - now.images:,} of them are not among the {now.images:,} of the data now ({now.digest})"
    )


def cost(content: dict[str, Any]) -> dict[str, Any]:
    """Returns the cost of training, if the checkpoint contains it."""
    images, seconds = (looked_up(content, "callbacks", "Cost", key) for key in ("images", "cpu"))
    measured = isinstance(images, int) and isinstance(seconds, float)
    return {"images_seen": images, "cpu_seconds": seconds} if measured else {}
