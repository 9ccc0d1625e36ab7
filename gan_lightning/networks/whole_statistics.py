"""Instance normalisation of a large image that is put through a network in parts."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Measured:
    """The statistics of an instance normalisation over all parts: measured, then used in place of those of each part.

    Args:
        norm: The layer.
    """

    def __init__(self, norm: nn.InstanceNorm2d) -> None:
        self.norm = norm
        self.pixels, self.sums = 0, torch.zeros(2, 1, norm.num_features, dtype=torch.float64)
        self.used: tuple[Tensor, ...] | None = None
        self.handle = norm.register_forward_hook(self.normalised)

    def normalised(self, norm: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        """Measures a part (1, C, h, w) until that is settled; from then on, returns it normalised by all parts."""
        (x,) = inputs
        if self.used is not None:
            return x * self.used[0] + self.used[1]
        rows = x.double().flatten(2)
        self.pixels += rows.shape[2]
        self.sums += torch.stack([rows.sum(2), rows.square().sum(2)]).cpu()
        return output

    def settle(self) -> None:
        """Uses what was measured from now on, for every part."""
        mean, square = self.sums / self.pixels
        weight, bias = (p.detach()[None].cpu() for p in (self.norm.weight, self.norm.bias))
        scale = weight / (square - mean.square()).clamp(min=0).add(self.norm.eps).sqrt()
        self.used = tuple(n[..., None, None].to(self.norm.weight) for n in (scale, bias - mean * scale))


@contextmanager
def whole_statistics(network: nn.Module, show: Callable[[], object]) -> Iterator[None]:
    """Normalises parts of an image by nearly the means and variances of the whole, so that all are treated alike.

    They are measured beforehand, while each part is normalised by itself, so those of deep layers are not quite exact.

    Args:
        network: What parts are put through. Without instance normalisation, there is nothing to do.
        show: Puts all parts through it.
    """
    layers = [Measured(layer) for layer in network.modules() if isinstance(layer, nn.InstanceNorm2d)]
    try:
        if layers:
            show()
        for layer in layers:
            layer.settle()
        yield
    finally:
        for layer in layers:
            layer.handle.remove()
