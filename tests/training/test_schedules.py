"""Schedules and fading penalties are as long as the training, also where it is made longer on the way."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import Ends, fit, tiny_gan
from lightning.pytorch import Callback
from torch import nn

from gan_lightning import GAN, cli
from gan_lightning.core.errors import UserError
from gan_lightning.penalties import R1, Fading, Penalty, PenaltyInput
from gan_lightning.training.optimization import Optimization, SchedulerFactory
from gan_lightning.training.schedules import CosineDecay, PolynomialDecay

RATE_G, RATE_D = 0.02, 0.03
POLYNOMIAL: SchedulerFactory = partial(PolynomialDecay, power=0.7)
COSINE: SchedulerFactory = partial(CosineDecay, end=0.1)


def polynomial(t: int, length: int) -> float:
    return (1 - t / length) ** 0.7


def cosine(t: int, length: int) -> float:
    return 0.1 + 0.9 * (1 + math.cos(math.pi * t / length)) / 2


class Rates(Callback):
    """The learning rates of G and D in each iteration."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        discriminator, generator = (optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers)
        self.seen.append((generator, discriminator))


def scheduled(**options: Any):
    """A GAN whose players have the two schedules, without a length of their own."""

    def adam(lr: float) -> Any:
        return partial(torch.optim.Adam, lr=lr)

    return tiny_gan(
        generator_optimization=Optimization(adam(RATE_G), POLYNOMIAL),
        discriminator_optimization=Optimization(adam(RATE_D), COSINE),
        **options,
    )


def expected(iterations: range, length: int) -> list[tuple[float, float]]:
    return [(RATE_G * polynomial(t, length), RATE_D * cosine(t, length)) for t in iterations]


def assert_close(seen: list[tuple[float, float]], rates: list[tuple[float, float]]) -> None:
    assert [rate for pair in seen for rate in pair] == pytest.approx([r for pair in rates for r in pair], rel=1e-12)


# ---- closed forms -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [1.0, 0.5, 3.0])
@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_polynomial_decay_is_a_power_of_the_share_that_is_left_and_stays_at_zero(power, length):
    values = multipliers(PolynomialDecay(optimizer(), length, power), length + 3)
    assert values == pytest.approx([max(0.0, 1 - t / length) ** power for t in range(length + 3)], rel=1e-12, abs=1e-12)
    assert values[length:] == [0, 0, 0]


@pytest.mark.parametrize("end", [0.0, 0.25, 1.0])
@pytest.mark.parametrize("length", [1, 2, 7])
def test_a_cosine_decay_is_half_a_cosine_down_to_its_end_and_stays_there(end, length):
    values = multipliers(CosineDecay(optimizer(), length, end), length + 3)
    angles = [math.pi * min(t, length) / length for t in range(length + 3)]
    assert values == pytest.approx([end + (1 - end) * math.cos(a / 2) ** 2 for a in angles], rel=1e-12, abs=1e-12)
    assert values[length:] == pytest.approx([end] * 3, rel=1e-12, abs=1e-12)


def test_both_decays_have_known_values_half_way():
    assert multipliers(PolynomialDecay(optimizer(), 8, 2.0), 5)[4] == pytest.approx(0.25, rel=1e-12)
    assert multipliers(CosineDecay(optimizer(), 8, 0.2), 5)[4] == pytest.approx(0.6, rel=1e-12)
    assert multipliers(CosineDecay(optimizer(), 6), 3)[2] == pytest.approx(0.75, rel=1e-12)


def optimizer() -> torch.optim.Optimizer:
    """Two groups, so that a schedule of one rate for all would be seen."""
    groups = [{"params": [nn.Parameter(torch.zeros(1))], "lr": lr} for lr in (1.0, 0.125)]
    return torch.optim.SGD(groups)


def multipliers(scheduler: torch.optim.lr_scheduler.LRScheduler, count: int) -> list[float]:
    """What the rates are multiplied by in the first iterations."""
    found = []
    for _ in range(count):
        first, second = (group["lr"] for group in scheduler.optimizer.param_groups)
        assert second == pytest.approx(0.125 * first, rel=1e-12)
        found.append(first)
        scheduler.optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize("schedule", [PolynomialDecay, CosineDecay])
@pytest.mark.parametrize("length", [None, 0, -3])
def test_a_schedule_without_a_length_is_refused(schedule, length):
    with pytest.raises(UserError, match=f"iterations of the schedule is {length}; it must be at least 1"):
        schedule(optimizer(), length)


# ---- the length of the training -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "length"),
    [({"max_steps": 5}, 5), ({"max_steps": -1, "max_epochs": 2}, 12), ({"max_steps": 4, "max_epochs": 1}, 4)],
)
def test_schedules_without_a_length_have_that_of_the_training(limits, length):
    """An epoch has six iterations."""
    rates = Rates()
    fit(scheduled(discriminator_steps=2), callbacks=[rates], **limits)
    assert_close(rates.seen, expected(range(len(rates.seen)), length))


@pytest.mark.parametrize(("before", "after"), [(3, 7), (6, 13), (8, 5)])
def test_a_training_that_is_made_longer_has_from_then_on_the_rates_of_one_that_was_from_the_start(
    before, after, tmp_path
):
    """Also one that is made shorter before its end."""
    stop = min(before, after - 1, 4)
    first = Rates()
    ended = fit(scheduled(), callbacks=[first, Ends(stop)], max_steps=before)
    ended.save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    assert_close(first.seen, expected(range(stop), before))
    rest = Rates()
    fit(scheduled(), callbacks=[rest], max_steps=after, ckpt_path=tmp_path / "a.ckpt")
    assert_close(rest.seen, expected(range(stop, after), after))
    whole = Rates()
    fit(scheduled(), callbacks=[whole], max_steps=after)
    assert rest.seen == whole.seen[stop:], "to the bit"


def test_a_schedule_with_a_length_of_its_own_keeps_it_in_a_longer_training(tmp_path):
    own = {
        "generator_optimization": Optimization(
            partial(torch.optim.Adam, lr=RATE_G), partial(PolynomialDecay, iterations=5, power=0.7)
        )
    }
    fit(tiny_gan(**own), max_steps=3).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    rest = Rates()
    fit(tiny_gan(**own), callbacks=[rest], max_steps=7, ckpt_path=tmp_path / "a.ckpt")
    values = [RATE_G * max(0.0, 1 - t / 5) ** 0.7 for t in range(3, 7)]
    assert [rate for rate, _ in rest.seen] == pytest.approx(values, rel=1e-12)


# ---- penalties that fade ------------------------------------------------------------------------------------------


class Strengths(Callback):
    """The strength of a fading penalty after each iteration."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        assert isinstance(pl_module, GAN)
        (fading,) = pl_module.penalties
        assert isinstance(fading, Fading)
        self.seen.append(fading.strength())


class Constant(Penalty):
    """One, so that what is added to D's loss is the strength with which it fades."""

    def __init__(self) -> None:
        super().__init__(weight=1.0)

    def forward(self, inputs: PenaltyInput) -> torch.Tensor:
        return inputs.real.sum() * 0 + 1


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_penalty_that_fades_over_the_whole_training_ends_at_the_last_of_ds_steps(steps):
    """In iteration i, D's steps are number i * steps + 1 to (i + 1) * steps; t counts those that are done."""
    strengths, gan = Strengths(), tiny_gan(penalties=[Fading(R1(), end=0.01)], discriminator_steps=steps)
    fit(gan, callbacks=[strengths], max_steps=5)
    assert strengths.seen == pytest.approx([0.01 ** (i / 5) for i in range(1, 6)], rel=1e-12)
    (fading,) = gan.penalties
    assert isinstance(fading, Fading)
    assert fading.taken == 5 * steps
    assert fading.strength() == pytest.approx(0.01, rel=1e-12), "at its end after the last of D's steps"


def test_d_sees_the_strength_of_each_of_its_steps():
    seen: list[float] = []

    class Told(Fading):
        def forward(self, inputs: PenaltyInput) -> torch.Tensor:
            seen.append(self.strength())
            return super().forward(inputs)

    fit(tiny_gan(penalties=[Told(Constant(), end=0.01)], discriminator_steps=2), max_steps=4)
    assert seen == pytest.approx([0.01 ** (t / 8) for t in range(8)], rel=1e-12)


def test_a_penalty_fades_in_a_longer_training_as_in_one_that_was_from_the_start(tmp_path):
    def faded() -> Any:
        return tiny_gan(penalties=[Fading(R1(), end=0.01)], discriminator_steps=2)

    fit(faded(), max_steps=3).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    rest = Strengths()
    fit(faded(), callbacks=[rest], max_steps=8, ckpt_path=tmp_path / "a.ckpt")
    assert rest.seen == pytest.approx([0.01 ** (i / 8) for i in range(4, 9)], rel=1e-12)


# ---- a training without an end ------------------------------------------------------------------------------------

ENDLESS: dict[str, Any] = {"max_steps": -1, "max_epochs": -1, "max_time": "00:00:01:00"}


@pytest.mark.parametrize(
    ("options", "key"),
    [
        (
            {"generator_optimization": Optimization(scheduler=PolynomialDecay)},
            "model.generator_optimization.scheduler.iterations",
        ),
        (
            {"discriminator_optimization": Optimization(scheduler=COSINE)},
            "model.discriminator_optimization.scheduler.iterations",
        ),
        ({"penalties": [Fading()]}, "steps of Fading"),
    ],
)
def test_a_training_without_a_planned_end_is_refused_where_something_follows_its_length(options, key):
    with pytest.raises(UserError) as caught:
        fit(tiny_gan(**options), **ENDLESS)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"{key} is null")
    assert line.endswith(f"set trainer.max_steps or trainer.max_epochs, or {key}")


@pytest.mark.parametrize("schedule", ["PolynomialDecay", "CosineDecay"])
def test_the_command_refuses_it_in_one_line(schedule, in_tmp_path: Path, capsys):
    key = "model.discriminator_optimization.scheduler"
    endless = ["--trainer.max_steps", "-1", "--trainer.max_epochs", "-1", "--trainer.max_time", "00:00:01:00"]
    with pytest.raises(SystemExit) as caught:
        cli.main(["fit", "--data", "Digits", f"--{key}", schedule, *endless])
    assert caught.value.code == 2
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert line.startswith(f"gan fit: {key}.iterations is null")
    assert "Traceback" not in line
