"""Whose turn it is."""

import torch
from torch import nn

from gan_lightning.training.update import frozen


def test_a_frozen_player_passes_gradients_on_but_gets_none():
    player, x = nn.Linear(2, 1), torch.ones(1, 2, requires_grad=True)
    with frozen(player.parameters()):
        player(x).sum().backward()
    assert player.weight.grad is None
    assert x.grad is not None


def test_what_was_frozen_before_stays_frozen_after():
    player = nn.Linear(2, 1)
    player.bias.requires_grad_(False)
    with frozen(player.parameters()):
        assert not player.weight.requires_grad
    assert player.weight.requires_grad
    assert not player.bias.requires_grad


def test_an_error_inside_a_turn_does_not_leave_the_opponent_frozen():
    player = nn.Linear(2, 1)
    try:
        with frozen(player.parameters()):
            raise KeyError
    except KeyError:
        pass
    assert player.weight.requires_grad
