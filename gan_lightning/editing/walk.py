"""A walk through latent space: images on the way from stop to stop, made a batch at a time."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.editing.interpolation import Interpolation, Slerp
from gan_lightning.editing.latent_files import Latents

Model = Callable[..., Tensor]
"""Called as model(z, y), or model(z) where there are no labels; returns images (N, C, H, W) in [-1, 1]."""


SLERP = Slerp()


class Places(NamedTuple):
    """Places on a walk.

    Args:
        z: Latents (N, D).
        y: The class at the stop before each place, (N,); None without labels.
        towards: The class at the stop after it, (N,).
        share: How much of the way between both stops is done, (N,), from 0 to below 1.
    """

    z: Tensor
    y: Tensor | None = None
    towards: Tensor | None = None
    share: Tensor | None = None


@dataclass(frozen=True)
class Walk:
    """A walk from stop to stop, with as many frames on each leg.

    Args:
        stops: Where it leads; one stop alone is a single frame.
        steps: Frames from one stop to the next, at least 1.
        interpolation: The way between stops.
        closed: Lead from the last stop back to the first, so that the film can start again without a jump.
    """

    stops: Latents
    steps: int = 30
    interpolation: Interpolation = SLERP
    closed: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise UserError(f"steps is {self.steps}; it must be at least 1")
        if not len(self.stops.z):
            raise UserError("a walk needs at least one stop")

    @property
    def legs(self) -> int:
        return len(self.stops.z) - (0 if self.closed and len(self.stops.z) > 1 else 1)

    def __len__(self) -> int:
        """The number of frames. A closed walk does not repeat its first."""
        return self.legs * self.steps + (0 if self.closed and self.legs else 1)

    def at(self, frames: Tensor) -> Places:
        """Returns the places of these frames, int64 (N,), counted from 0."""
        z, y, _ = self.stops
        before = torch.div(frames, self.steps, rounding_mode="floor")
        after = (before + 1) % len(z)
        share = (frames % self.steps).to(z.dtype) / self.steps
        at = self.interpolation(z[before], z[after], share)
        exact = torch.where((share == 0)[:, None], z[before], at)
        return Places(exact, None, None, share) if y is None else Places(exact, y[before], y[after], share)

    def batches(self, batch_size: int = 64) -> Iterator[Places]:
        """Yields the places of all frames in order."""
        for first in range(0, len(self), batch_size):
            yield self.at(torch.arange(first, min(first + batch_size, len(self))))


def walked(model: Model, batches: Iterable[Places]) -> Iterator[Tensor]:
    """Yields images (N, C, H, W) in [-1, 1], as the places come: no more than a batch is held.

    Between two classes, a network that embeds classes is given the mix of their embeddings; another one changes class
    in the middle of the way.
    """
    for places in batches:
        yield images_at(model, places)


@torch.no_grad()
def images_at(model: Model, places: Places) -> Tensor:
    """Returns the images (N, C, H, W) of some places."""
    z, y, towards, share = places
    if y is None or towards is None or share is None:
        return images_from(model, z, y)
    nearest = torch.where(share < 0.5, y, towards)
    with mixed_classes(model, y, towards, share):
        return images_from(model, z, nearest)


def images_from(model: Model, z: Tensor, y: Tensor | None = None) -> Tensor:
    """Calls a model with latents (N, D) and labels (N,), in its precision and on its device."""
    weight = next(model.parameters(), z) if isinstance(model, nn.Module) else z
    return model(z.to(weight)) if y is None else model(z.to(weight), y.to(weight.device))


@contextmanager
def mixed_classes(model: Any, y: Tensor, towards: Tensor, share: Tensor) -> Iterator[None]:
    """Lets every class embedding of a network return (1 - t) e(y) + t e(y'), as for a class in between.

    Brock, Donahue and Simonyan, "Large scale GAN training for high fidelity natural image synthesis", 2019, Figure 8
    (interpolations between classes). https://arxiv.org/abs/1809.11096

    Args:
        model: Its embeddings are those that are asked for as many labels as there are here.
        y: y, (N,).
        towards: y', (N,).
        share: t, (N,).
    """

    def mix(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        assert isinstance(layer, nn.Embedding)
        if inputs[0].shape != y.shape:
            return output
        first, second = (F.embedding(labels.to(output.device), layer.weight) for labels in (y, towards))
        return torch.lerp(first, second, share.to(output)[:, None])

    with ExitStack() as hooks:
        for layer in model.modules() if isinstance(model, nn.Module) else ():
            if isinstance(layer, nn.Embedding):
                hooks.callback(layer.register_forward_hook(mix).remove)
        yield


def in_batches(z: Tensor, y: Tensor | None, size: int) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yields latents and labels, so many at a time."""
    for first in range(0, len(z), size):
        yield z[first : first + size], None if y is None else y[first : first + size]
