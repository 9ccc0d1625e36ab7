"""The moving average of the generator, which makes every sample."""

import copy

import torch
from torch import Tensor, nn


class MovingAverage(nn.Module):
    """Exponential moving average of a generator: average <- d * average + (1 - d) * generator after each iteration.

    The game circles its equilibrium; the average is nearer to it than any single iterate (Yazici et al., "The unusual
    effectiveness of averaging in GAN training", 2019, https://arxiv.org/abs/1806.04498). Floating-point buffers (the
    statistics of batch normalisation) are averaged like the weights; counters are copied.

    The average makes samples in evaluation mode and has no gradients.

    Args:
        generator: The network to follow; it is copied.
    """

    def __init__(self, generator: nn.Module) -> None:
        super().__init__()
        self.network = copy.deepcopy(generator).requires_grad_(False)

    def forward(self, *inputs: Tensor | None) -> Tensor:
        training = self.network.training  # Lightning puts every module of a model into training mode, and back
        self.network.eval()
        try:
            return self.network(*inputs)
        finally:
            self.network.train(training)

    @torch.no_grad()
    def update(self, generator: nn.Module, decay: float) -> None:
        """Updates the average with the generator.

        Args:
            generator: The network to follow.
            decay: d, from 0 (a copy of the generator) to below 1.
        """
        averages: list[Tensor] = list(self.network.parameters())
        values: list[Tensor] = list(generator.parameters())
        for average, value in zip(self.network.buffers(), generator.buffers(), strict=True):
            if average.is_floating_point():
                averages.append(average)
                values.append(value)
            else:
                average.copy_(value)
        if averages:
            torch._foreach_lerp_(averages, values, 1 - decay)


def warmed_up(decay: float, iteration: int) -> float:
    """Returns min(decay, (1 + t) / (10 + t)) at iteration t, so that the random initial weights are forgotten."""
    return min(decay, (1 + iteration) / (10 + iteration))


def decay_of(half_life: float, images: int) -> float:
    """Returns 0.5^(images / half_life): the decay that halves the weight of the past every `half_life` images.

    Args:
        half_life: In images; 0 for no average.
        images: Images of an iteration, over all processes.
    """
    return 0.5 ** (images / half_life) if half_life else 0.0
