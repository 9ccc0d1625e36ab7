"""One player's turn: the other stands still, and the loss of the one who moves is a sum of named terms."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from functools import reduce
from operator import add

from lightning.pytorch.strategies import Strategy
from torch import Tensor, nn
from torch.optim import Optimizer


class Turn:
    """What a player learns in its turn.

    Args:
        player: "generator" or "discriminator".
        parts: How often `learn` will be called: each call counts for as large a share of the loss.
        backward: Makes the gradients of a loss.
    """

    def __init__(self, player: str, parts: int, backward: Callable[[Tensor], None]) -> None:
        self.player, self.parts, self.backward = player, parts, backward
        self.terms: dict[str, Tensor] = {}
        self.statistics: dict[str, Tensor] = {}

    def learn(self, **terms: Tensor) -> None:
        """Makes the gradients of the sum of these terms, scalars, and remembers the value of each."""
        self.backward(reduce(add, terms.values()) / self.parts)
        for name, term in terms.items():
            share = term.detach() / self.parts
            self.terms[name] = self.terms[name] + share if name in self.terms else share

    @property
    def loss(self) -> Tensor:
        """The sum of all terms; over the batches of all processes once the turn is over."""
        return reduce(add, self.terms.values())


def parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    """What an optimizer moves: one player."""
    return [p for group in optimizer.param_groups for p in group["params"]]


def gradients(optimizer: Optimizer) -> list[Tensor]:
    """The gradients that an optimizer is about to use."""
    return [p.grad for p in parameters(optimizer) if p.grad is not None]


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
