"""Back to an earlier state, with smaller steps."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from helpers.tiny import same, weights
from torch import nn
from torch.optim import lr_scheduler as schedulers

from gan_lightning.training.rollback import restore_snapshot, slow_down, snapshot


def sequence(optimizer: torch.optim.Optimizer) -> schedulers.SequentialLR:
    parts = [schedulers.LinearLR(optimizer, 0.1, 1, 4), schedulers.ExponentialLR(optimizer, 0.9)]
    return schedulers.SequentialLR(optimizer, parts, milestones=[4])


SCHEDULES: dict[str, Callable] = {
    "exponential": partial(schedulers.ExponentialLR, gamma=0.9),
    "steps": partial(schedulers.MultiStepLR, milestones=[2, 9], gamma=0.1),
    "cosine": partial(schedulers.CosineAnnealingLR, T_max=20, eta_min=1e-3),
    "restarts": partial(schedulers.CosineAnnealingWarmRestarts, T_0=7),
    "lambda": partial(schedulers.LambdaLR, lr_lambda=lambda t: 1 / (1 + t)),
    "one cycle": partial(schedulers.OneCycleLR, max_lr=0.5, total_steps=20),
    "sequence": sequence,
}


def rates(schedule: Callable, slowed_at: int) -> list[float]:
    optimizer = torch.optim.SGD(nn.Linear(1, 1).parameters(), lr=0.3, momentum=0.9)
    scheduler, seen = schedule(optimizer), []
    for t in range(15):
        if t == slowed_at:
            slow_down([optimizer], [scheduler], 0.25)
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


@pytest.mark.parametrize("name", SCHEDULES)
def test_rates_are_those_of_the_schedule_times_the_factor_from_then_on(name):
    whole, slowed = rates(SCHEDULES[name], -1), rates(SCHEDULES[name], 6)
    assert slowed == pytest.approx([rate * (0.25 if t >= 6 else 1) for t, rate in enumerate(whole)])


def test_going_back_restores_weights_and_what_the_optimizer_has_learnt_but_not_its_rates():
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    adam = torch.optim.Adam(net.parameters(), lr=0.1)

    def learn(steps: int) -> None:
        for i in range(steps):
            adam.zero_grad()
            net(torch.full((2, 3), float(i)) * torch.tensor([[1.0], [2.0]])).square().sum().backward()
            adam.step()

    learn(3)
    state, before = snapshot(net, [adam]), weights(net)
    learn(2)
    after = weights(net)
    assert not same(before, after)
    for _ in range(2):  # a snapshot does not change with what is made of it
        adam.param_groups[0]["lr"] = 0.1
        restore_snapshot(state, net, [adam])
        assert same(weights(net), before)
        assert adam.param_groups[0]["lr"] == 0.1
        learn(2)
        assert same(weights(net), after)
    adam.param_groups[0]["lr"] = 0.05
    restore_snapshot(state, net, [adam])
    assert adam.param_groups[0]["lr"] == 0.05


def test_going_back_to_the_beginning_leaves_an_optimizer_without_a_past():
    net = nn.Linear(2, 1)
    adam = torch.optim.Adam(net.parameters())
    state = snapshot(net, [adam])
    net(torch.ones(1, 2)).sum().backward()
    adam.step()
    restore_snapshot(state, net, [adam])
    assert not adam.state
