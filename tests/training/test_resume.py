"""Interrupted anywhere and resumed, a training ends where it would have ended."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.processes import together
from helpers.tiny import Blobs, Ends, equal, fit, half, state, tiny_gan
from helpers.variants import FEW, SGD, VARIANTS, play

from gan_lightning.callbacks import KeepCheckpoints, LossCurves, SampleGrid
from gan_lightning.core.differences import differences
from gan_lightning.training.optimization import Optimization

ITERATIONS = 6
"""Of which three make an epoch."""
PRECISIONS = ["32-true", "bf16-mixed"]

pytestmark = pytest.mark.usefixtures("one_thread")  # which is faster, with networks as small as these


class Curves(LossCurves):
    """Keeps its curves, but draws no picture of them."""

    def draw(self, trainer) -> None:
        pass


def train(name: str, folder: Path, stop: int = ITERATIONS, ckpt_path: Path | None = None, **options: Any) -> Path:
    """Trains a variant up to an iteration, with everything that watches; the path of the last checkpoint."""
    grids = [SampleGrid(2, 2, 2)] if hasattr(play(name), "sample") else []
    watchers = [Ends(stop), *grids, Curves(), KeepCheckpoints(0)]
    data = Blobs(batch_size=16 if "devices" not in options else 8)
    options = {"max_steps": ITERATIONS, "enable_checkpointing": True, "log_every_n_steps": 1, **options}
    options |= options.pop("fresh", dict)()
    torch.manual_seed(stop)  # what the process has drawn before does not matter
    fit(play(name), data, callbacks=watchers, default_root_dir=folder, ckpt_path=ckpt_path, **options)
    return folder / "checkpoints" / "last.ckpt"


def resumed_equals_whole(name: str, folder: Path, stops: list[int], **options: Any) -> list[bool]:
    whole = state(train(name, folder / "whole", **options))
    results = []
    for stop in stops:
        first = train(name, folder / f"{stop}", stop, **options)
        second = train(name, folder / f"{stop}-resumed", ckpt_path=first, **options)
        results.append(equal(whole, state(second)))
    return results


@pytest.mark.parametrize("stop", [2, 4])
def test_it_holds_with_mirror_images(stop, tmp_path):
    def trained(name: str, mirror: bool = True, **options: Any) -> dict[str, Any]:
        data = Blobs(batch_size=16)
        data.mirror = mirror
        watchers = [Ends(options.pop("stop", ITERATIONS)), KeepCheckpoints(0)]
        options = {
            "max_steps": ITERATIONS,
            "enable_checkpointing": True,
            "default_root_dir": tmp_path / name,
            **options,
        }
        fit(tiny_gan(), data, callbacks=watchers, **options)
        return state(tmp_path / name / "checkpoints" / "last.ckpt")

    whole = trained("whole")
    trained("half", stop=stop)
    resumed = trained("resumed", ckpt_path=tmp_path / "half" / "checkpoints" / "last.ckpt")
    assert equal(whole, resumed)
    assert not equal(whole, trained("without", mirror=False))


WAYS = [
    pytest.param(name, precision, marks=[] if name in FEW or precision == "32-true" else pytest.mark.long)
    for name in VARIANTS
    for precision in PRECISIONS
]


@pytest.mark.parametrize(("name", "precision"), [*WAYS, ("two steps", "64-true")])
def test_a_resumed_training_ends_bit_for_bit_where_it_would_have_ended(name, precision, tmp_path):
    """By default all variants in 32 bits, and a few in bf16; with `-m long` all in bf16, too."""
    assert resumed_equals_whole(name, tmp_path, [4], precision=precision) == [True]


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=[] if n == "two steps" else pytest.mark.long) for n in VARIANTS]
)
def test_it_may_be_interrupted_at_any_iteration(name, tmp_path):
    """By default with one variant, with `-m long` with all of them."""
    stops = list(range(1, ITERATIONS))
    assert resumed_equals_whole(name, tmp_path, stops) == [True] * len(stops)


def test_it_holds_with_as_many_threads_as_there_are_cores(tmp_path):
    torch.set_num_threads(os.cpu_count() or 1)  # the fixture puts it back
    assert resumed_equals_whole("generator=ResNetGenerator with classes", tmp_path, [4]) == [True]


def test_a_training_that_has_ended_and_is_made_longer_ends_where_a_longer_one_would_have_ended(tmp_path):
    whole = state(train("two steps", tmp_path / "whole"))
    for end in range(1, ITERATIONS):
        first = train("two steps", tmp_path / f"{end}", max_steps=end)
        assert equal(whole, state(train("two steps", tmp_path / f"{end}-resumed", ckpt_path=first))), end


def test_a_gradient_scaler_goes_on_with_its_scale(tmp_path):
    fresh = partial(half, scale=2.0**20, growth_interval=3)
    assert resumed_equals_whole("two steps", tmp_path, [4, 5], fresh=fresh) == [True, True]


def test_data_that_is_read_in_the_background_goes_on_in_the_middle_of_an_epoch(tmp_path, monkeypatch):
    monkeypatch.setattr(Blobs, "workers", 2, raising=False)
    monkeypatch.setattr(Blobs, "__setattr__", lambda s, k, v: k == "workers" or object.__setattr__(s, k, v))
    assert resumed_equals_whole("two steps", tmp_path, [4, 5]) == [True, True]


# ---- with other settings ------------------------------------------------------------------------------------------

ADAM = partial(torch.optim.Adam, lr=0.02, betas=(0.5, 0.99))
DECAY = partial(torch.optim.lr_scheduler.ExponentialLR, gamma=0.5)
COSINE = partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=20)


def rates(trainer) -> list[float]:
    return [optimizer.param_groups[0]["lr"] for optimizer in trainer.optimizers]


@pytest.mark.parametrize(
    "before",
    [
        {},
        {"generator_optimization": Optimization(scheduler=COSINE)},
        {"discriminator_optimization": Optimization(scheduler=DECAY)},
    ],
)
@pytest.mark.parametrize("after", [None, DECAY, COSINE])
def test_rates_after_a_change_are_those_of_a_training_that_had_them_from_the_start(before, after, tmp_path):
    fit(tiny_gan(**before), max_steps=3).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    changed = {"generator_optimization": Optimization(ADAM, after)}
    resumed = fit(tiny_gan(**changed), max_steps=7, ckpt_path=tmp_path / "a.ckpt")
    assert rates(resumed) == rates(fit(tiny_gan(**changed), max_steps=7))
    assert resumed.optimizers[1].param_groups[0]["betas"] == (0.5, 0.99)
    assert int(resumed.optimizers[1].state_dict()["state"][0]["step"]) == 7


def test_another_optimizer_begins_without_a_past(tmp_path):
    fit(tiny_gan(), max_steps=3).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    resumed = fit(tiny_gan(generator_optimization=Optimization(SGD)), max_steps=5, ckpt_path=tmp_path / "a.ckpt")
    optimizer_d, optimizer_g = resumed.optimizers
    assert isinstance(optimizer_g, torch.optim.SGD)
    assert int(optimizer_d.state_dict()["state"][0]["step"]) == 5


def test_a_script_is_told_what_has_changed(tmp_path, caplog):
    fit(tiny_gan(), max_steps=3).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    with caplog.at_level("INFO", logger="lightning.pytorch"):
        fit(
            tiny_gan(generator_optimization=Optimization(ADAM), average_decay=0.5),
            max_steps=5,
            ckpt_path=tmp_path / "a.ckpt",
        )
    said = [record.message for record in caplog.records if record.message.startswith("changed")]
    assert "changed: model.generator_optimization.optimizer.lr: 0.0002 -> 0.02" in said
    assert "changed: model.average_decay: 0.999 -> 0.5" in said


@pytest.mark.parametrize("size", [4, 12, 48])
def test_another_batch_size_goes_on_without_complaint(size, tmp_path):
    fit(tiny_gan(), max_steps=4).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    assert fit(tiny_gan(), Blobs(size), max_steps=20, ckpt_path=tmp_path / "a.ckpt").global_step == 20


def in_two_processes(folder: Path, cases: list[tuple[str, str, list[int]]]) -> dict[str, list[bool]]:
    two = {"devices": 2, "strategy": "ddp"}
    return {
        f"{name} {precision}": resumed_equals_whole(name, folder / name / precision, stops, precision=precision, **two)
        for name, precision, stops in cases
    }


@pytest.mark.parametrize(
    "cases",
    [
        pytest.param([*((name, "32-true", [4]) for name in FEW), ("two steps", "bf16-mixed", [2, 3, 5])], id="few"),
        *(
            pytest.param([(name, precision, [4]) for name in VARIANTS], id=precision, marks=pytest.mark.long)
            for precision in PRECISIONS
        ),
    ],
)
def test_the_same_holds_for_two_processes(cases, tmp_path):
    """By default for a few variants, with `-m long` for all of them at both precisions."""
    for results in together(in_two_processes, tmp_path, cases):
        assert len(results) == len(cases)
        assert all(all(equal) for equal in results.values()), results


def test_changes_are_told_by_the_keys_that_users_write():
    def adam(lr: float, **options: Any) -> dict[str, Any]:
        return {"class_path": "Adam", "init_args": {"lr": lr, **options}}

    sgd = {"class_path": "SGD", "init_args": {"lr": 0.2, "momentum": 0.0}}
    before = {"model": {"optimizer": adam(0.1, eps=1e-8), "seed": 1}, "trainer": {"precision": None}}
    assert differences(before, before) == []
    after = {"model": {"optimizer": adam(0.2, eps=1e-8), "seed": 1}, "trainer": {"precision": "bf16-mixed"}}
    told = ["model.optimizer.lr: 0.1 -> 0.2", "trainer.precision: default -> bf16-mixed"]
    assert differences(before, after) == told
    after["model"]["optimizer"] = sgd
    assert differences(before, after) == ["model.optimizer: Adam -> SGD", *told], "not what the other never had"
