"""Promotion of 16-bit tensors where 16 bits are too few."""

import torch
from torch import Tensor


def promoted(x: Tensor) -> Tensor:
    """Converts a tensor to at least 32 bits: 16-bit values become float32, others are unchanged."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
