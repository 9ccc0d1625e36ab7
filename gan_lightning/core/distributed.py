"""What the processes of one training tell each other."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed
from lightning.pytorch.strategies import Strategy
from torch import Tensor

from gan_lightning.core.errors import TrainingError, UserError


def several() -> bool:
    """Whether this process is one of a group. (A group of one counts: it has messages, too.)"""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def follows() -> bool:
    """Whether another process of this machine has started this one and speaks for it."""
    return int(os.environ.get("LOCAL_RANK", "0")) > 0


def average(tensors: Sequence[Tensor]) -> None:
    """Replaces each tensor by its mean over processes, all in one message."""
    if not (several() and tensors):
        return
    flat = torch.cat([t.flatten() for t in tensors])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    parts = flat.split([t.numel() for t in tensors])
    torch._foreach_copy_(list(tensors), [part.view_as(t) for part, t in zip(parts, tensors, strict=True)])


class AllReduce(torch.autograd.Function):
    """The sum over processes. Its gradient is one, too, so that it can be differentiated any number of times."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, *grads: Tensor) -> Tensor:
        return AllReduce.apply(grads[0])  # type: ignore[return-value]


def mean_everywhere(x: Tensor) -> Tensor:
    """The mean over processes of a tensor that each has, differentiable any number of times. All must ask."""
    if not several():
        return x
    return AllReduce.apply(x) / torch.distributed.get_world_size()  # type: ignore[operator]


def joined(x: Tensor) -> Tensor:
    """The rows (N, ...) of all processes, (processes * N, ...), differentiable any number of times. All must ask."""
    if not several():
        return x
    rank, world = torch.distributed.get_rank(), torch.distributed.get_world_size()
    before, after = (x.new_zeros(count * len(x), *x.shape[1:]) for count in (rank, world - 1 - rank))
    return AllReduce.apply(torch.cat([before, x, after]))  # type: ignore[return-value]


def largest(number: int, device: torch.device) -> int:
    """The largest of the numbers of all processes. All must ask."""
    message = torch.tensor(number, device=device)
    torch.distributed.all_reduce(message, torch.distributed.ReduceOp.MAX)
    return int(message)


def total(number: float, device: torch.device) -> float:
    """The sum of the numbers of all processes. All must ask."""
    if not several():
        return number
    message = torch.tensor(number, device=device, dtype=torch.float32 if device.type == "mps" else torch.float64)
    torch.distributed.all_reduce(message)
    return message.item()


def place() -> tuple[int, int]:
    """The number of this process, and how many there are."""
    return (torch.distributed.get_rank(), torch.distributed.get_world_size()) if several() else (0, 1)


def gathered(note: Any) -> list[Any]:
    """What all processes have to say, in order. All must ask."""
    if not several():
        return [note]
    notes: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(notes, note)
    return notes


def together(strategy: Strategy, action: Callable[[], None], prefix: str = "", whole: bool = False) -> None:
    """Does something on every process; where it fails on one, all of them say so, and nobody waits for ever.

    Args:
        strategy: Has the processes.
        action: Raises `UserError` if it fails.
        prefix: Comes before the failure's words.
        whole: As in `TrainingError`.

    Raises:
        TrainingError: With the first failure, and the process's number where there are several.
    """
    problem = None
    try:
        action()
    except TrainingError:
        raise  # as all do
    except UserError as error:
        problem = str(error)
    if strategy.reduce_boolean_decision(problem is None, all=True):
        return
    notes = gathered(problem)
    process = next(i for i, note in enumerate(notes) if note)
    where = f"process {process}: " if len(notes) > 1 else ""
    raise TrainingError(f"{where}{prefix}{notes[process]}", whole)
