"""One update of one player, while the others are frozen."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import reduce
from operator import add

import torch
from lightning.pytorch.strategies import Strategy
from torch import Tensor, nn
from torch.optim import Optimizer


class Update:
    """The loss of one update, a sum of named terms, and the network outputs recorded for logging.

    Args:
        player: The player's name, such as "generator".
        microbatches: Number of calls to `backward`, each an equal share of the loss.
        backward_pass: Computes the gradients of a loss.
    """

    def __init__(self, player: str, microbatches: int, backward_pass: Callable[[Tensor], None]) -> None:
        self.player, self.microbatches, self.backward_pass = player, microbatches, backward_pass
        self.terms: dict[str, Tensor] = {}
        self.statistics: dict[str, Tensor] = {}
        self.records: dict[str, list[Tensor]] = {}

    def backward(self, **terms: Tensor) -> None:
        """Computes the gradients of the sum of these scalar terms, and adds the value of each to `terms`."""
        self.backward_pass(reduce(add, terms.values()) / self.microbatches)
        for name, term in terms.items():
            share = term.detach() / self.microbatches
            self.terms[name] = self.terms[name] + share if name in self.terms else share

    def record(self, **outputs: Tensor) -> None:
        """Records network outputs for this microbatch, rows of any kind, for logging."""
        for name, output in outputs.items():
            self.records.setdefault(name, []).append(output.detach())

    def recorded(self, name: str) -> Tensor:
        """The recorded rows of all microbatches."""
        return torch.cat(self.records[name])

    @property
    def loss(self) -> Tensor:
        """The sum of all terms; the mean over all processes once the update is over."""
        return reduce(add, self.terms.values())


def parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    """The parameters of an optimizer: those of one player."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def gradients(optimizer: Optimizer) -> list[Tensor]:
    """The gradients that an optimizer is about to apply."""
    return [p.grad for p in parameters(optimizer) if p.grad is not None]


@contextmanager
def frozen(player: Iterable[nn.Parameter]) -> Iterator[None]:
    """Lets gradients pass through a player but computes none for its parameters. Those frozen before stay frozen."""
    learning = [p for p in player if p.requires_grad]
    for p in learning:
        p.requires_grad_(False)
    try:
        yield
    finally:
        for p in learning:
            p.requires_grad_(True)


def without_sync(strategy: Strategy):
    """Stops DistributedDataParallel from averaging: it would wait for gradients of all players in every update."""
    return getattr(strategy, "block_backward_sync", nullcontext)()
