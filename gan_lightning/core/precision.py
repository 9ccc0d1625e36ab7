"""Where 16 bits are too few."""

import torch
from torch import Tensor


def promoted(x: Tensor) -> Tensor:
    """The tensor in 32 bits at least: 16-bit values become float32, others stay as they are."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
