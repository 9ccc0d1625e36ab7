"""What one gets without learning: images that baselines make of the inputs of a degradation."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from gan_lightning.data import ImageData
from gan_lightning.degradations import Degradation, Grey, Holes
from gan_lightning.degradations.grey import luminance

Make = Callable[[Tensor], Tensor]
"""Makes images (N, C, H, W) in [-1, 1] from inputs (N, c, h, w)."""

MOST_FOR_COLOUR = 1000
"""Training images from which the mean colour is taken."""


class Baselines(NamedTuple):
    """The baselines of a degradation by name, and why one is missing, in words."""

    makers: Mapping[str, Make]
    missing: str = ""


def baselines_for(degradation: Degradation, data: ImageData, channels: int) -> Baselines:
    """Returns what can be made of inputs without learning: first, always, the inputs as they are."""
    own = OF_DEGRADATIONS.get(type(degradation), lambda data: Baselines({}))(data)
    as_is = as_they_are(degradation)
    return Baselines(
        {as_is: lambda inputs: degradation.shown(inputs, channels).clamp(-1, 1), **own.makers}, own.missing
    )


def as_they_are(degradation: Degradation) -> str:
    """The name of the inputs as they are."""
    return "bicubic" if degradation.factor > 1 else "input"


def mean_colour(data: ImageData) -> Baselines:
    """The grey of the input, and the mean colour of training images: x minus its luminance, (3,)."""
    assert data.source is not None
    count = len(data.source)  # type: ignore[arg-type]
    chosen = torch.linspace(0, count - 1, min(count, MOST_FOR_COLOUR)).long()
    return Baselines({"mean colour": coloured(chroma(data.source, chosen, data))})


def chroma(images: Dataset, chosen: Tensor, data: ImageData) -> Tensor:
    """Returns the mean over pixels of colour images minus their luminance, (3,)."""
    parts = [data.as_floats(images[some][0]) for some in chosen.split(100)]
    return sum((x - luminance(x)).mean((2, 3)).sum(0) for x in parts) / len(chosen)  # type: ignore[return-value]


def coloured(colour: Tensor) -> Make:
    return lambda inputs: (inputs + colour.to(inputs).view(3, 1, 1)).clamp(-1, 1)


def biharmonic(data: ImageData) -> Baselines:
    """Smooth surfaces over holes, by scikit-image.

    Damelin and Hoang, "On surface completion and image inpainting by biharmonic functions: numerical aspects", 2018.
    https://doi.org/10.1155/2018/3950312
    """
    try:
        from skimage.restoration import inpaint_biharmonic  # pyright: ignore[reportMissingImports]
    except ImportError:
        return Baselines({}, "biharmonic inpainting is not compared: pip install scikit-image")
    return Baselines({"biharmonic": lambda inputs: smoothed(inputs, inpaint_biharmonic)})


def smoothed(inputs: Tensor, inpaint: Callable[..., Any]) -> Tensor:
    """Returns images (N, C, H, W) whose holes are filled; the last channel of the inputs tells where they are."""
    pixels = inputs.permute(0, 2, 3, 1).double().cpu().numpy()
    filled = [inpaint(one[..., :-1], one[..., -1] > 0.5, channel_axis=-1) for one in pixels]
    return torch.from_numpy(np.stack(filled)).permute(0, 3, 1, 2).to(inputs).clamp(-1, 1)


OF_DEGRADATIONS: Mapping[type[Degradation], Callable[[ImageData], Baselines]] = {Grey: mean_colour, Holes: biharmonic}
