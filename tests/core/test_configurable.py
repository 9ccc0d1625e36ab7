"""Words for parts, and parts from words."""

from functools import partial

import pytest
import torch
from helpers.tiny import SHAPE
from torch import nn

from gan_lightning.core.configurable import describe, rebuild
from gan_lightning.core.errors import UserError
from gan_lightning.networks import MLPGenerator
from gan_lightning.objectives import LeastSquares


def test_a_part_is_rebuilt_from_its_words_with_the_same_arguments():
    words = describe(LeastSquares(0.0, c=1.0))
    assert words == {"class_path": "gan_lightning.objectives.LeastSquares", "init_args": {"a": 0.0, "c": 1.0}}
    again = rebuild(words)
    assert (again.a, again.b, again.c) == (0.0, 1.0, 1.0)


def test_a_network_is_rebuilt_with_the_same_layers():
    net = MLPGenerator(SHAPE, latent_dim=5, hidden=(7, 6))
    again = rebuild(describe(net))
    assert [p.shape for p in again.parameters()] == [p.shape for p in net.parameters()]


def test_an_optimizer_is_named_by_a_partial_and_comes_back_as_one():
    make = rebuild(describe(partial(torch.optim.Adam, lr=0.5, betas=(0.1, 0.2))))
    optimizer = make([nn.Parameter(torch.zeros(1))])
    assert isinstance(optimizer, torch.optim.Adam)
    assert optimizer.defaults["lr"] == 0.5
    assert list(optimizer.defaults["betas"]) == [0.1, 0.2]


@pytest.mark.parametrize("value", [lambda p: torch.optim.Adam(p), nn.ReLU(), nn.ReLU, object(), print])
def test_what_a_checkpoint_cannot_name_is_refused(value):
    with pytest.raises(UserError, match="a checkpoint cannot name"):
        describe(value)


@pytest.mark.parametrize("path", ["os.system", "subprocess.Popen", "torch.nn.modules.linear.Linear", "nowhere.Net"])
def test_words_can_name_only_parts_that_are_loaded(path):
    with pytest.raises(UserError, match="--trust"):
        rebuild({"class_path": path, "init_args": {}})
