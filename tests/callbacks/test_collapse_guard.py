"""The guard: what it says, and what it does about it."""

import csv
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.processes import together
from helpers.tiny import Blobs, equal, fit, ring, same, state, tiny_gan, toy_gan, weights
from helpers.variants import DECAY, SGD, play
from lightning.pytorch import Callback
from lightning.pytorch.loggers import CSVLogger

from gan_lightning import cli
from gan_lightning.callbacks import CollapseGuard, KeepCheckpoints, Progress, collapse_guard
from gan_lightning.callbacks.collapse_guard import state_of
from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.evaluation.metrics import Variety
from gan_lightning.training.optimization import Optimization

GOOD, BAD = Variety(40.0, 40.0, 0.0, 128), Variety(1.0, 40.0, 0.5, 128)


class Scripted(CollapseGuard):
    """Finds samples bad in some iterations; compares every iteration and decides after two looks."""

    def __init__(self, bad: range, action: Any = "warn", **options: Any) -> None:
        super().__init__(**{"every_n_steps": 1, "patience": 2, "warm_up": 0, "action": action, **options})
        self.bad = bad

    def compared(self, model: Any) -> Variety:
        return BAD if model.global_step in self.bad else GOOD


@pytest.fixture(autouse=True)
def few_samples(monkeypatch):
    """As many as a batch has, so that it looks from the first iteration on."""
    monkeypatch.setattr(collapse_guard, "SAMPLES", 8)


# ---- what it says -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["two steps", "packs", "spectral norm", "auxiliary classifier", "VAE options",
                                  "VAEGAN options"])  # fmt: skip
def test_watching_changes_neither_weights_nor_the_global_stream(name):
    alone, watched, watcher = play(name), play(name), CollapseGuard(1, warm_up=0)
    fit(alone, Blobs(16))
    stream = torch.get_rng_state()
    fit(watched, Blobs(16), callbacks=[watcher])
    assert len(watcher.scores) == watcher.patience
    assert same(weights(alone), weights(watched))
    assert torch.equal(torch.get_rng_state(), stream)


class Constant(Callback):
    """Lets the averaged generator make one image only, from an iteration on."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        if trainer.global_step >= 3:
            assert isinstance(pl_module.average_generator.network, torch.nn.Module)  # type: ignore[union-attr]
            for p in pl_module.average_generator.parameters():  # type: ignore[union-attr]
                p.zero_()


@pytest.mark.parametrize("points", [False, True])
def test_a_generator_of_one_image_is_found_failing_once_and_with_the_numbers(points, capsys):
    watcher = CollapseGuard(1, warm_up=3)
    gan, data = (toy_gan(), ring()) if points else (tiny_gan(), Blobs())
    fit(gan, data, callbacks=[Constant(), watcher], max_steps=12)
    assert watcher.state == "failing"
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("iteration")]
    assert line.startswith("iteration 6: samples are alike: 1.0 of 8 are distinct, against ")


def test_real_images_as_samples_are_healthy():
    class Copies(CollapseGuard):
        def compared(self, model: Any) -> Variety:
            return collapse_guard.variety(self.real, self.real.flip(0))

    watcher = Copies(1, warm_up=0)
    fit(tiny_gan(), callbacks=[watcher])
    assert watcher.state == "healthy"
    assert max(watcher.scores) < 0.3


def test_what_was_failing_and_gets_well_is_said_too(capsys):
    watcher = Scripted(range(3, 6))
    fit(tiny_gan(), callbacks=[watcher], max_steps=9)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("iteration")]
    assert [line.split(": ")[0] for line in lines] == ["iteration 4", "iteration 7"]
    assert lines[1].endswith("samples are healthy again")


@pytest.mark.parametrize(
    ("scores", "before", "expected"),
    [
        ([0.1, 0.1, 0.1], "healthy", "healthy"),
        ([0.1, 0.9, 0.1], "healthy", "warning"),
        ([0.9, 0.9], "healthy", "warning"),
        ([0.8, 0.9, 0.8], "warning", "failing"),
        ([0.9, 0.8, 0.7], "warning", "warning"),  # still getting better
        ([0.9, 0.1, 0.1], "failing", "failing"),
        ([0.1, 0.1, 0.1], "failing", "healthy"),
    ],
)
def test_a_failure_takes_as_many_bad_looks_as_its_end_takes_good_ones(scores, before, expected):
    assert state_of(scores, before, 3) == expected


def test_nothing_is_said_of_the_beginning(capsys):
    fit(tiny_gan(), callbacks=[Scripted(range(10), warm_up=5)])
    assert "iteration" not in capsys.readouterr().err


def test_numbers_are_logged_at_every_look_and_the_bar_shows_the_score(tmp_path, capsys):
    logger = CSVLogger(tmp_path, name="", version="")
    callbacks = [Scripted(range(4, 99), every_n_steps=2), Progress(0)]
    fit(tiny_gan(), callbacks=callbacks, logger=logger, enable_progress_bar=True)
    rows = [*csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines())]
    rows = [row for row in rows if row["guard/score"]]
    assert {row["step"]: round(float(row["guard/score"]), 2) for row in rows} == {"2": 0.14, "4": 0.9, "6": 0.9}
    assert float(rows[-1]["guard/distinct"]) == 1
    assert "collapse 0.9" in capsys.readouterr().err


def test_an_interval_of_zero_looks_at_nothing(capsys):
    watcher = Scripted(range(99), action="stop", every_n_steps=0)
    fit(tiny_gan(), callbacks=[watcher])
    assert not watcher.scores


@pytest.mark.parametrize(
    "options",
    [{"every_n_steps": -1}, {"patience": 0}, {"warm_up": -1}, {"roll_backs": -1}, {"rate_factor": 0.0}],
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(UserError, match=rf"guard\.{next(iter(options))} is"):
        CollapseGuard(**options)


# ---- stopping -----------------------------------------------------------------------------------------------------


def kept(folder: Path, *callbacks: Callback, **options: Any) -> Any:
    options = {"enable_checkpointing": True, "default_root_dir": folder, "max_steps": 12, **options}
    gan = options.pop("gan", None) or tiny_gan()
    return fit(gan, callbacks=[*callbacks, KeepCheckpoints(options.pop("every", 3))], **options)


def test_stopping_names_the_last_checkpoint_after_which_samples_were_still_healthy(tmp_path):
    with pytest.raises(TrainingError) as caught:
        kept(tmp_path, Scripted(range(7, 99), "stop"))
    message, path = str(caught.value), tmp_path / "checkpoints" / "healthy.ckpt"
    assert message.startswith("training stopped in iteration 8: samples are alike: 1.0 of 128 are distinct")
    assert message.endswith(f"The last checkpoint found healthy, of iteration 3, is {path}")
    assert torch.load(path, weights_only=True)["global_step"] == 3
    assert torch.load(path.with_name("last.ckpt"), weights_only=True)["global_step"] == 6


def test_a_command_that_is_stopped_ends_with_one_line_and_status_2(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tiny = ["--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]", "--trainer.max_steps", "30"]
    early = ["--guard.every_n_steps", "2", "--guard.warm_up", "0", "--guard.action", "stop", "--data", "Digits"]
    with pytest.raises(SystemExit) as caught:
        cli.main(["fit", *early, *tiny])
    assert caught.value.code == 2
    *_, line = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("gan fit: training stopped in iteration ")
    assert "samples are" in line
    assert line.endswith("No checkpoint was found healthy")


# ---- going back ---------------------------------------------------------------------------------------------------


class Seen(Callback):
    """The weights, and the rate of the last optimizer, after each iteration; stands after the guard."""

    def __init__(self) -> None:
        self.weights, self.rates = {}, {}

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.weights[trainer.global_step] = weights(pl_module)
        self.rates[trainer.global_step] = trainer.optimizers[-1].param_groups[0]["lr"]


def test_a_roll_back_restores_the_last_healthy_state_and_lowers_the_rates(capsys):
    seen = Seen()
    gan = tiny_gan(generator_optimization=Optimization(SGD, DECAY))
    fit(gan, callbacks=[Scripted(range(5, 7), "roll_back"), seen], max_steps=9)
    assert same(seen.weights[6], seen.weights[4])
    assert not same(seen.weights[7], seen.weights[5]), "the noise is that of a new iteration"
    rates = [0.05 * 0.9**t * (0.5 if t >= 6 else 1) for t in range(1, 10)]
    assert [*seen.rates.values()] == pytest.approx(rates)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("iteration")]
    assert line.startswith("iteration 6: samples are alike: 1.0 of 128 are distinct")
    assert line.endswith("restored the state of iteration 4, learning rates times 0.5 (roll-back 1 of 3)")


def test_a_training_that_was_never_healthy_begins_anew():
    gan, seen = tiny_gan(), Seen()
    before = weights(gan)
    fit(gan, callbacks=[Scripted(range(3), "roll_back"), seen], max_steps=3)
    assert same(seen.weights[2], before)


def test_who_begins_anew_has_the_warm_up_again_and_who_was_healthy_has_not():
    for bad, rolled_back in ((range(99), {6, 12}), (range(8, 99), {9, 11})):
        seen = Seen()
        fit(tiny_gan(), callbacks=[Scripted(bad, "roll_back", warm_up=4), seen], max_steps=12)
        lowered = {t for t in range(2, 13) if seen.rates[t] < seen.rates[t - 1]}
        assert lowered == rolled_back


def test_who_was_healthy_in_the_warm_up_goes_back_to_that():
    seen = Seen()
    fit(tiny_gan(), callbacks=[Scripted(range(4, 7), "roll_back", warm_up=4), seen], max_steps=6)
    assert same(seen.weights[6], seen.weights[3])


def test_after_so_many_roll_backs_it_stops():
    with pytest.raises(TrainingError, match=r"stopped in iteration 6 after 2 roll-backs: samples are alike"):
        fit(tiny_gan(), callbacks=[Scripted(range(99), "roll_back", roll_backs=2)], max_steps=20)


VARIED: dict[str, Any] = {
    "generator_optimization": Optimization(scheduler=DECAY),
    "discriminator_optimization": Optimization(SGD),
}


def run(folder: Path, stop: int, ckpt_path: Path | None = None, name: str = "two steps", **options: Any) -> Path:
    """Trains, failing in iterations 4 and 5, with what is needed to go on; the path of the last checkpoint."""
    torch.manual_seed(stop)
    watchers = [Scripted(range(4, 6), "roll_back"), KeepCheckpoints(0)]
    options = {"enable_checkpointing": True, "log_every_n_steps": 1, "default_root_dir": folder, **options}
    fit(play(name, **VARIED), max_steps=stop, callbacks=watchers, ckpt_path=ckpt_path, **options)
    return folder / "checkpoints" / "last.ckpt"


def test_interrupted_before_or_after_a_roll_back_a_training_ends_bit_for_bit_where_it_would_have_ended(tmp_path):
    whole = state(run(tmp_path / "whole", 8))
    assert whole["callbacks"]["Scripted"]["rolled_back"] == 1
    for stop in range(1, 8):
        first = run(tmp_path / f"{stop}", stop)
        assert equal(whole, state(run(tmp_path / f"{stop}-resumed", 8, first))), stop


def in_two_processes(folder: Path) -> tuple[dict[str, torch.Tensor], list[bool]]:
    collapse_guard.SAMPLES = 8
    two = {"devices": 2, "strategy": "ddp"}
    gan = tiny_gan()
    fit(gan, callbacks=[Scripted(range(3, 5), "roll_back"), CollapseGuard(1, warm_up=0)], **two)
    whole = state(run(folder / "whole", 8, **two))
    resumed = [state(run(folder / f"{i}-on", 8, run(folder / f"{i}", i, **two), **two)) for i in (4, 6)]
    return weights(gan), [equal(whole, one) for one in resumed]


def test_two_processes_go_back_together_and_resume_exactly(tmp_path):
    (one, results), (other, _) = together(in_two_processes, tmp_path)
    assert same(one, other)
    assert results == [True, True]


def stopped(folder: Path) -> str:
    collapse_guard.SAMPLES = 8
    try:
        kept(folder, Scripted(range(5, 99), "stop"), devices=2, strategy="ddp")
    except TrainingError as error:
        return str(error)
    return "no error"


def test_two_processes_stop_with_the_same_words(tmp_path):
    one, other = together(stopped, tmp_path)
    assert one == other
    assert one.endswith(f"of iteration 3, is {tmp_path}/checkpoints/healthy.ckpt")
