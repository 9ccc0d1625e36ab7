"""What the CPU does not notice and a GPU would."""

from collections.abc import Iterator

import pytest
import torch
from torch.overrides import TorchFunctionMode

MAKERS = (torch.eye, torch.zeros, torch.ones, torch.arange, torch.empty, torch.full)


class NamedDevices(TorchFunctionMode):
    """Lets no tensor be made without saying on which device."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        assert func not in MAKERS or "device" in kwargs, f"{func.__name__} makes a tensor on the default device"
        return func(*args, **kwargs)


@pytest.fixture
def named_devices() -> Iterator[None]:
    with NamedDevices():
        yield
