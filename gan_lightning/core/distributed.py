"""Communication between the processes of one training run."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed
from lightning.pytorch.strategies import Strategy
from torch import Tensor

from gan_lightning.core.errors import TrainingError, UserError


def several() -> bool:
    """Whether this process belongs to a process group. (A group of one counts: it exchanges messages, too.)"""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def follows() -> bool:
    """Whether another process on this machine started this one and reports for it."""
    return int(os.environ.get("LOCAL_RANK", "0")) > 0


def average(tensors: Sequence[Tensor]) -> None:
    """Replaces each tensor by its mean over processes, in a single message."""
    if not (several() and tensors):
        return
    flat = torch.cat([t.flatten() for t in tensors])
    torch.distributed.all_reduce(flat)
    flat /= torch.distributed.get_world_size()
    parts = flat.split([t.numel() for t in tensors])
    torch._foreach_copy_(list(tensors), [part.view_as(t) for part, t in zip(parts, tensors, strict=True)])


class AllReduce(torch.autograd.Function):
    """Sum over processes. Its gradient is also an `AllReduce`, so it can be differentiated any number of times."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        total = x.clone(memory_format=torch.contiguous_format)
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx, *grads: Tensor) -> Tensor:
        return AllReduce.apply(grads[0])  # type: ignore[return-value]


def mean_everywhere(x: Tensor) -> Tensor:
    """The mean of a tensor over processes, differentiable any number of times. All processes must call it."""
    if not several():
        return x
    return AllReduce.apply(x) / torch.distributed.get_world_size()  # type: ignore[operator]


def largest(number: int, device: torch.device) -> int:
    """The largest number over processes. All processes must call it."""
    message = torch.tensor(number, device=device)
    torch.distributed.all_reduce(message, torch.distributed.ReduceOp.MAX)
    return int(message)


def total(number: float, device: torch.device) -> float:
    """The sum of a number over processes. All processes must call it."""
    if not several():
        return number
    message = torch.tensor(number, device=device, dtype=torch.float32 if device.type == "mps" else torch.float64)
    torch.distributed.all_reduce(message)
    return message.item()


def place() -> tuple[int, int]:
    """The rank of this process and the number of processes."""
    return (torch.distributed.get_rank(), torch.distributed.get_world_size()) if several() else (0, 1)


def gathered(note: Any) -> list[Any]:
    """One value from each process, in order of rank. All processes must call it."""
    if not several():
        return [note]
    notes: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(notes, note)
    return notes


def rows_of_all(x: Tensor) -> Tensor:
    """The rows of a tensor (N, ...) of each process, in order of rank. All processes must call it, with equal sizes."""
    if not several():
        return x
    parts = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(place()[1])]
    torch.distributed.all_gather(parts, x.contiguous())
    return torch.cat(parts)


def together(strategy: Strategy, action: Callable[[], None], prefix: str = "", whole: bool = False) -> None:
    """Runs an action on every process. If it fails on one, all of them raise the error, so that none waits forever.

    Args:
        strategy: The trainer's strategy.
        action: Raises `UserError` if it fails.
        prefix: Text before the error message.
        whole: As in `TrainingError`.

    Raises:
        TrainingError: The first failure, with the rank of its process if there are several.
    """
    problem = None
    try:
        action()
    except TrainingError:
        raise  # every process raises this one
    except UserError as error:
        problem = str(error)
    if strategy.reduce_boolean_decision(problem is None, all=True):
        return
    notes = gathered(problem)
    process = next(i for i, note in enumerate(notes) if note)
    where = f"process {process}: " if len(notes) > 1 else ""
    raise TrainingError(f"{where}{prefix}{notes[process]}", whole)
