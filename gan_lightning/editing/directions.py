"""Directions in latent space along which images change in one way."""

from abc import ABC, abstractmethod
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.errors import UserError
from gan_lightning.editing.walk import Model, images_from, in_batches


class Directions(NamedTuple):
    """Directions in latent space.

    Args:
        vectors: Unit vectors (K, D), the strongest first. Of a vector and its opposite, it is the one whose largest
            coordinate is positive, unless it has a meaning: then that grows along it.
        strengths: How much images change along each, (K,), in units of the method.
        names: What each is called.
    """

    vectors: Tensor
    strengths: Tensor
    names: list[str]

    def chosen(self, number: int) -> Tensor:
        """Returns a direction (D,) by its number.

        Raises:
            UserError: There is none of this number.
        """
        if not 0 <= number < len(self.vectors):
            raise UserError(f"there is no direction {number}: the file has {len(self.vectors)}, counted from 0")
        return self.vectors[number]

    def strongest(self, count: int) -> "Directions":
        """Returns the first of them."""
        return Directions(self.vectors[:count], self.strengths[:count], self.names[:count])


class DirectionMethod(Configurable, ABC):
    """A way to find directions."""

    @abstractmethod
    def find(self, model: Model, z: Tensor, y: Tensor | None) -> Directions:
        """Returns directions, the same at every call.

        Args:
            model: Called as model(z, y); returns images.
            z: Latents to look at, (N, D), standard normal.
            y: Their labels (N,); None for a model without labels.
        """


class SeFa(DirectionMethod):
    """Closed-form factorization: the eigenvectors of A'A, where A is the first layer's weight for the latent.

    They are the unit vectors n that change the output of that layer most, ||A n||. Where several layers take the
    latent, A holds the rows of all of them.

    Shen and Zhou, "Closed-form factorization of latent semantics in GANs", 2021, Equations 4 to 8.
    https://arxiv.org/abs/2007.06600
    """

    def find(self, model: Model, z: Tensor, y: Tensor | None) -> Directions:
        weights = entrance(model, z[:2], None if y is None else y[:2])
        values, vectors = torch.linalg.eigh(weights.T @ weights)
        names = [f"SeFa {i}" for i in range(len(values))]
        return Directions(pointed(vectors.T.flip(0)), values.flip(0).clamp(min=0).sqrt(), names)


class GANSpace(DirectionMethod):
    """The principal components of a layer's activations, as directions of the latent.

    The components v of the activations are found first; then the directions U that best explain the latents by the
    coordinates x of their activations, min E||U x - z||^2.

    Härkönen et al., "GANSpace: discovering interpretable GAN controls", 2020, Section 3.2 (BigGAN).
    https://arxiv.org/abs/2004.02546

    Args:
        layer: The name of the layer, such as dense or layers.0. If null, the images themselves.
        components: Number of components, at most.
    """

    def __init__(self, layer: str | None = None, components: int = 32) -> None:
        if components < 1:
            raise UserError(f"method.components is {components}; it must be at least 1")
        self.layer, self.components = layer, components

    def find(self, model: Model, z: Tensor, y: Tensor | None) -> Directions:
        x = activations(model, self.layer, z, y).double()
        rank = min(self.components, z.shape[1], len(z) - 1, x.shape[1])
        centred = x - x.mean(0)
        values, vectors = principal(centred, rank)
        coordinates = centred @ vectors
        found = torch.linalg.lstsq(coordinates, z.double()).solution
        return Directions(pointed(F.normalize(found, dim=1)), values, [f"PC {i}" for i in range(rank)])


def principal(centred: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Returns the standard deviations (rank,) and the principal components (d, rank) of centred rows (N, d)."""
    n, d = centred.shape
    if d <= n:
        values, vectors = torch.linalg.eigh(centred.T @ centred / n)
        return values.flip(0)[:rank].clamp(min=0).sqrt(), vectors.flip(1)[:, :rank]
    values, left = torch.linalg.eigh(centred @ centred.T / n)  # the same components by way of the smaller matrix
    deviations, left = values.flip(0)[:rank].clamp(min=1e-12).sqrt(), left.flip(1)[:, :rank]
    return deviations, centred.T @ left / (deviations * n**0.5)


def directions(
    model: Model, method: DirectionMethod = SeFa(), latent_dim: int | None = None, classes: int = 0, samples: int = 2000
) -> Directions:
    """Finds directions, the same at every call.

    Args:
        model: Anything that is called as model(z, y).
        method: How to find them.
        latent_dim: Length of a latent; None for a model of this package, which knows it.
        classes: Number of classes; 0 for a model without labels, or one of this package, which knows it.
        samples: Latents to look at.
    """
    known = getattr(model, "generator", model)
    dim = latent_dim or known.latent_dim  # type: ignore[union-attr]
    z = torch.randn(samples, dim, generator=torch.Generator().manual_seed(0))
    kinds = classes or getattr(known, "classes", 0)
    return method.find(model, z, torch.arange(samples) % kinds if kinds else None)


def pointed(vectors: Tensor) -> Tensor:
    """Turns vectors (K, D) so that the largest coordinate of each is positive."""
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    return vectors * largest.sign()


@torch.no_grad()
def entrance(model: Model, z: Tensor, y: Tensor | None) -> Tensor:
    """Returns the weight (out, D) of the dense layers that take the latent, one below the other.

    Raises:
        UserError: There is none.
    """
    found: list[Tensor] = []
    with ExitStack() as hooks:
        for layer in model.modules() if isinstance(model, nn.Module) else ():
            if isinstance(layer, nn.Linear):
                hooks.callback(layer.register_forward_hook(partial(collect_weight, found, z)).remove)
        images_from(model, z, y)
    if not found:
        raise UserError("method is SeFa, but no dense layer of this network takes the latent: choose GANSpace")
    return torch.cat(found).detach().double().cpu()


def collect_weight(
    found: list[Tensor], z: Tensor, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor
) -> None:
    given, dim = inputs[0], z.shape[1]
    if given.dim() == 2 and given.shape[1] >= dim and torch.equal(given[:, :dim], z.to(given)):
        assert isinstance(layer, nn.Linear)
        found.append(layer.weight[:, :dim])


@torch.no_grad()
def activations(model: Model, layer: str | None, z: Tensor, y: Tensor | None, batch: int = 500) -> Tensor:
    """Returns what a layer puts out for latents (N, D), flattened, (N, d) float32; the images if there is no layer.

    Raises:
        UserError: The network has no such layer.
    """
    found: list[Tensor] = []
    network = getattr(getattr(model, "average_generator", None), "network", model)
    known = dict(network.named_modules()) if isinstance(network, nn.Module) else {}
    if layer is not None and layer not in known:
        names = ", ".join(name for name in known if name)  # the whole network has none
        raise UserError(f"method.layer is {layer}, which this network does not have: choose one of {names}")
    for some, labels in in_batches(z, y, batch):
        with ExitStack() as hooks:
            if layer is not None:
                hooks.callback(known[layer].register_forward_hook(lambda _, __, out: found.append(flat(out))).remove)
            images = images_from(model, some, labels)
        if layer is None:
            found.append(flat(images))
    if not found:
        raise UserError(f"method.layer is {layer}, which puts nothing out: choose a layer that is called")
    return torch.cat(found)


def flat(x: Tensor) -> Tensor:
    return x.flatten(1).float().cpu()
