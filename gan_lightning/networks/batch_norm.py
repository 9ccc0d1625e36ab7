"""Batch normalisation over the batches of all processes."""

import torch
import torch.distributed
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_lightning.core.distributed import mean_everywhere, several
from gan_lightning.core.precision import promoted

Normalisation = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation with the mean and variance of the batches of all processes together.

    Two processes with batches of 64 thus make the same step as one with a batch of 128. Unlike torch's SyncBatchNorm,
    it also runs on CPUs, and can be differentiated twice, as gradient penalties require. Statistics have at least 32
    bits.

    Ioffe and Szegedy, "Batch normalization: accelerating deep network training by reducing internal covariate shift",
    2015, Algorithm 1. https://arxiv.org/abs/1502.03167

    Args:
        local: The layer to replace. Its parameters and statistics are used, not copied.
    """

    def __init__(self, local: _BatchNorm) -> None:
        super().__init__(local.num_features, local.eps, local.momentum, affine=False, track_running_stats=False)
        self.weight, self.bias, self.affine = local.weight, local.bias, local.affine
        self.track_running_stats = local.track_running_stats
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(local, name))
        self.training = local.training

    def _check_input_dim(self, input: Tensor) -> None:  # noqa: A002  torch's name
        """Checks nothing: the replaced layer already suited its input."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name
        if not several() or not (self.training or self.running_mean is None):
            return super().forward(input)
        x = promoted(input)
        axes = [0, *range(2, x.dim())]
        mean = mean_everywhere(x.mean(axes))
        centred = x - shaped(mean, x)
        variance = mean_everywhere(centred.square().mean(axes))
        self.remember(mean, variance, torch.distributed.get_world_size() * x.numel() // x.shape[1])
        y = centred * shaped(torch.rsqrt(variance + self.eps), x)
        if self.affine:
            y = y * shaped(self.weight, x) + shaped(self.bias, x)
        return y.to(input.dtype)

    @torch.no_grad()
    def remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Updates the running statistics; as in torch, the running variance is unbiased."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        weight = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean), weight)
        self.running_var.lerp_(variance.to(self.running_var) * (count / max(1, count - 1)), weight)


def shaped(values: Tensor, x: Tensor) -> Tensor:
    """Reshapes values (C,) to broadcast against x (N, C, ...)."""
    return values.view(1, -1, *[1] * (x.dim() - 2))


def share_batch_norm(network: nn.Module) -> None:
    """Replaces every batch normalisation layer in a network by one over all processes."""
    for name, child in network.named_children():
        if isinstance(child, Normalisation):
            setattr(network, name, SharedBatchNorm(child))
        else:
            share_batch_norm(child)
