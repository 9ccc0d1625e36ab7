"""Compiled functions: those that compute the players' losses, second derivatives of penalties included.

Functions are compiled, not networks or the module: a compiled network cannot be differentiated twice from outside. Each
function is compiled whole, so that nothing of a loss gets lost between two compiled pieces.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch._dynamo
import torch._functorch.config
from torch import Tensor
from torch._dynamo.backends.registry import lookup_backend
from torch._dynamo.exc import BackendCompilerFailed, TorchDynamoException
from torch.fx import GraphModule

from gan_lightning.core.errors import UserError


def plainly(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls a function."""
    return function(*arguments)


class Compiled:
    """Calls functions after compiling them, each once for every kind of arguments.

    Random draws are those of the function as it is; inductor would draw others.

    Args:
        backend: The compiler.
        **options: Options of inductor.
    """

    def __init__(self, backend: str = "inductor", **options: Any) -> None:
        patches = {"config_patches": {"fallback_random": True, **options}} if backend == "inductor" else {}
        self.backend = partial(translated, backend, patches)
        self.compiled: dict[str, Callable[..., Any]] = {}

    def __call__(self, function: Callable[..., Any], *arguments: Any) -> Any:
        name = function.__name__
        if name not in self.compiled:
            self.compiled[name] = torch.compile(function, fullgraph=True, dynamic=False, backend=self.backend)
        with refused_in_one_line(), unaltered():
            return self.compiled[name](*arguments)


def translated(backend: str, options: dict[str, Any], graph: GraphModule, inputs: list[Tensor]) -> Callable:
    """Returns a graph as a compiled function.

    Raises:
        UserError: A layer has a backward pass of its own. Slopes through it would be constants, without a warning.
    """
    for part in graph.modules():
        nodes = part.graph.nodes if isinstance(part, GraphModule) else ()
        if any(getattr(node.target, "__name__", "") == "autograd_function_apply" for node in nodes):
            raise UserError("a layer has a backward pass of its own, a torch.autograd.Function")
    return lookup_backend(backend)(graph, inputs, **options)


@contextmanager
def unaltered() -> Iterator[None]:
    """Compiles without cuts for DistributedDataParallel, and backward passes without autocast."""
    with (
        torch._dynamo.config.patch(optimize_ddp=False),
        torch._functorch.config.patch(backward_pass_autocast="off"),
    ):
        yield


@contextmanager
def refused_in_one_line() -> Iterator[None]:
    """Raises a `UserError` in place of the compiler's errors."""
    try:
        yield
    except TorchDynamoException as error:
        cause = error.inner_exception if isinstance(error, BackendCompilerFailed) else error
        reason = next(iter(str(cause).strip().splitlines()), type(cause).__name__)
        raise UserError(
            f"model.compile is true, but torch cannot compile this model: {reason}; leave it out"
        ) from error
