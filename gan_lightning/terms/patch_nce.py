"""The term that keeps each patch recognisable."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.core.precision import promoted
from gan_lightning.core.seeding import Draw
from gan_lightning.networks import ImageToImage
from gan_lightning.terms.unpaired import OneWay, UnpairedTerm


class PatchNCE(UnpairedTerm):
    """A patch of G(a) is to be told, by its features, as that of a at its place, among other patches of the same image.

    The features are those of G itself, in several layers, each seen through an MLP of two layers that learns with G. In
    each, E[-log(exp(q k / tau) / sum over patches of exp(q k' / tau))], for q of G(a) and k of a, all of length 1; then
    the mean over layers. It needs no way back, so one direction is enough.

    Park et al., "Contrastive learning for unpaired image-to-image translation", 2020, Equations 2 to 4 (CUT, with both
    images and a weight of 1; FastCUT, with the source, a weight of 10, and half of the images mirrored).
    https://arxiv.org/abs/2007.15651

    Args:
        weight: The factor of the term.
        temperature: tau.
        patches: Patches of each image, at random places; fewer where a layer has fewer.
        width: Width of the MLPs.
        images: source; or both, to also tell the patches of G(b), which should be b, with half of the weight each.
        mirrored: Share of the images of which a is mirrored before its features are taken, and the features of G(a) in
            their turn, so that G learns to treat mirror images alike; 0.5 in FastCUT.
    """

    compares_maps = True

    def __init__(
        self,
        weight: float = 10.0,
        temperature: float = 0.07,
        patches: int = 256,
        width: int = 256,
        images: Literal["source", "both"] = "source",
        mirrored: float = 0.0,
    ) -> None:
        super().__init__(weight)
        if not temperature > 0:
            raise UserError(f"temperature of PatchNCE is {temperature}; it must be above 0")
        for name, number, least in (("patches", patches, 2), ("width", width, 1)):
            if number < least:
                raise UserError(f"{name} of PatchNCE is {number}; it must be at least {least}")
        if not 0 <= mirrored <= 1:
            raise UserError(f"mirrored of PatchNCE is {mirrored}, a share; it must be from 0 to 1")
        self.temperature, self.patches, self.width, self.images = temperature, patches, width, images
        self.mirrored = mirrored
        self.heads: Any = nn.ModuleList()

    def suit(self, generators: Sequence[ImageToImage]) -> None:
        self.heads = nn.ModuleList(
            nn.ModuleList(projection(channels, self.width) for channels in generator.map_channels)
            for generator in generators
        )

    def forward(self, inputs: OneWay) -> Tensor:
        source = self.contrast(inputs, inputs.source, inputs.made)
        if self.images == "source":
            return source
        return (source + self.contrast(inputs, inputs.target, inputs.generator(inputs.target))) / 2

    def contrast(self, inputs: OneWay, x: Tensor, made: Tensor) -> Tensor:
        """Returns the mean over layers of the loss of images (N, C, H, W) made of x (N, C, H, W)."""
        turned = inputs.uniform(len(x)) < self.mirrored if self.mirrored else torch.zeros(len(x), dtype=torch.bool)
        with torch.no_grad():
            theirs = inputs.generator.feature_maps(mirrored_where(turned, x))
        ours = [mirrored_where(turned, maps) for maps in inputs.generator.feature_maps(made)]
        losses = []
        for head, a, b in zip(self.heads[inputs.number], ours, theirs, strict=True):
            chosen = some_places(a, self.patches, inputs.uniform)
            queries, keys = (F.normalize(promoted(head(features_at(maps, chosen))), dim=2) for maps in (a, b))
            losses.append(contrastive(queries, keys.detach(), self.temperature))
        return torch.stack(losses).mean()


def projection(channels: int, width: int) -> nn.Sequential:
    """Returns the MLP through which features are compared."""
    return nn.Sequential(nn.Linear(channels, width), nn.ReLU(), nn.Linear(width, width))


def mirrored_where(chosen: Tensor, maps: Tensor) -> Tensor:
    """Returns maps (N, C, H, W), of which those that are chosen (N,) have left and right exchanged."""
    return torch.where(chosen.view(-1, 1, 1, 1).to(maps.device), maps.flip(3), maps) if chosen.any() else maps


def some_places(maps: Tensor, most: int, uniform: Draw) -> Tensor:
    """Returns different places (N, P), of an index each, in maps (N, C, H, W), at random for each image."""
    places = maps[0, 0].numel()
    return uniform(len(maps), places).topk(min(most, places), dim=1).indices


def features_at(maps: Tensor, places: Tensor) -> Tensor:
    """Returns the features (N, P, C) of maps (N, C, H, W) at places (N, P)."""
    return maps.flatten(2).gather(2, places[:, None].expand(-1, maps.shape[1], -1)).transpose(1, 2)


def contrastive(queries: Tensor, keys: Tensor, temperature: float) -> Tensor:
    """Returns the cross-entropy of telling the key (N, P, F) at the place of each query (N, P, F) from the others."""
    logits = queries @ keys.transpose(1, 2) / temperature
    own = torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)
    return F.cross_entropy(logits.flatten(0, 1), own.flatten())
