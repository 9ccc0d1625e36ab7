"""One player's turn: the other stands still, gradients are averaged over the processes, one optimizer steps."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext

import torch
import torch.distributed
from lightning.pytorch.strategies import Strategy
from torch import nn
from torch.optim import Optimizer


def parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    """What an optimizer moves: one player."""
    return [p for group in optimizer.param_groups for p in group["params"]]


@contextmanager
def frozen(player: Iterable[nn.Parameter]) -> Iterator[None]:
    """Gradients pass through the player, but none are made for its parameters. What was frozen before stays so."""
    learning = [p for p in player if p.requires_grad]
    for p in learning:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in learning:
            p.requires_grad_(True)


def without_sync(strategy: Strategy):
    """Keeps DistributedDataParallel from averaging: it waits for gradients of both players in every turn."""
    return getattr(strategy, "block_backward_sync", nullcontext)()


def average_gradients(optimizer: Optimizer) -> None:
    """The mean over processes of the gradients that this optimizer is about to use, in one message."""
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return
    gradients = [p.grad for p in parameters(optimizer) if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    sizes = [g.numel() for g in gradients]
    torch._foreach_copy_(gradients, [f.view_as(g) for f, g in zip(flat.split(sizes), gradients, strict=True)])
