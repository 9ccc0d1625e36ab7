"""Interrupted anywhere and resumed, a training ends where it would have ended."""

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import Blobs, fit
from processes import together
from variants import VARIANTS, play

from gan_lightning.callbacks import KeepCheckpoints, LossCurves, SampleGrid

ITERATIONS = 8
"""Of which three make an epoch."""


def equal(a: Any, b: Any) -> bool:
    """Equal bit for bit, in every leaf."""
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(equal, a, b))
    return type(a) is type(b) and a == b


def state(path: Path) -> dict[str, Any]:
    """Everything that a checkpoint holds of a training: players, average, optimizers, schedulers, curves."""
    checkpoint = torch.load(path, weights_only=True)
    return {k: checkpoint[k] for k in checkpoint if k not in ("loops", "pytorch-lightning_version")}


def train(name: str, folder: Path, stop: int = ITERATIONS, ckpt_path: Path | None = None, **options: Any) -> Path:
    """Trains a variant up to an iteration, with everything that watches; the path of the last checkpoint."""
    watchers = [SampleGrid(2, 2, 2), LossCurves(), KeepCheckpoints(0)]
    data = Blobs(batch_size=16 if "devices" not in options else 8)
    options = {"enable_checkpointing": True, "log_every_n_steps": 1, **options}
    torch.manual_seed(stop)  # what the process has drawn before does not matter
    gan = play(name)
    fit(gan, data, max_steps=stop, callbacks=watchers, default_root_dir=folder, ckpt_path=ckpt_path, **options)
    return folder / "checkpoints" / "last.ckpt"


def resumed_equals_whole(name: str, folder: Path, stops: list[int], **options: Any) -> list[bool]:
    whole = state(train(name, folder / "whole", **options))
    results = []
    for stop in stops:
        first = train(name, folder / f"{stop}", stop, **options)
        second = train(name, folder / f"{stop}-resumed", ckpt_path=first, **options)
        results.append(equal(whole, state(second)))
    return results


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
@pytest.mark.parametrize("name", VARIANTS)
def test_a_resumed_training_ends_bit_for_bit_where_it_would_have_ended(name, precision, tmp_path):
    assert resumed_equals_whole(name, tmp_path, [4], precision=precision) == [True]


def test_it_may_be_interrupted_at_any_iteration(tmp_path):
    stops = list(range(1, ITERATIONS))
    assert resumed_equals_whole("two steps", tmp_path, stops) == [True] * len(stops)


def in_two_processes(folder: Path) -> dict[str, list[bool]]:
    two = {"devices": 2, "strategy": "ddp"}
    stops = {name: [4] for name in VARIANTS} | {"two steps": [2, 3, 5]}
    return {
        f"{name} {precision}": resumed_equals_whole(name, folder / name / precision, stops, precision=precision, **two)
        for name, stops in stops.items()
        for precision in (["32-true", "bf16-mixed"] if name == "two steps" else ["32-true"])
    }


def test_the_same_holds_for_two_processes(tmp_path):
    for results in together(in_two_processes, tmp_path):
        assert all(all(equal) for equal in results.values()), results
