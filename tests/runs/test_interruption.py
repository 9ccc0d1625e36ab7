"""The command is killed, stopped, moved and changed in the middle of a training."""

import os
import random
import signal
import socket
import time
from functools import partial
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
import torch
import yaml
from helpers.processes import as_they_come, free_port, gan, start, start_two, status, torchrun, wait_until
from helpers.tiny import equal, state
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_lightning.runs.metrics_csv import rows

RUN = Path("lightning_logs/version_0")
LAST = RUN / "checkpoints" / "last.ckpt"
TRAINING = [
    *("fit", "--data", "Digits", "--data.batch_size", "16", "--trainer.max_steps", "150"),
    *("--trainer.log_every_n_steps", "3", "--checkpoint.every_n_steps", "7", "--grid.every_n_steps", "100"),
    *("--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]", "--grid.rows", "2"),
    *("--trainer.accelerator", "cpu"),
]
TWO = ["--trainer.devices", "2", "--trainer.strategy", "ddp", "--data.batch_size", "8", "--trainer.max_steps", "90"]


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The folder of the training without interruption."""
    return without_interruption(tmp_path_factory.mktemp("whole"), *TRAINING)


def without_interruption(folder: Path, *arguments: str) -> Path:
    assert status(start(within, folder, *arguments)) == 0, output(folder)
    return folder / RUN


def within(folder: Path, *arguments: str) -> None:
    os.chdir(folder)
    gan(*arguments)


def output(folder: Path = Path()) -> str:
    return (folder / "output.txt").read_text()


def logged(folder: Path = Path()) -> int:
    return len(rows(folder / RUN / "metrics.csv"))


def assert_same_run(run: Path, whole: Path) -> None:
    """All that a training leaves, bit for bit."""
    assert equal(state(run / "checkpoints/last.ckpt"), state(whole / "checkpoints/last.ckpt"))
    files = sorted(p.relative_to(whole) for p in whole.rglob("*") if p.suffix not in (".ckpt",) and p.is_file())
    for path in (p for p in files if "tfevents" not in p.name):
        assert (run / path).read_bytes() == (whole / path).read_bytes(), path
    assert sorted(p.name for p in (run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]
    assert shown(run) == shown(whole)


def shown(run: Path) -> list[tuple[int, float]]:
    """The curve that TensorBoard shows."""
    events = EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars("loss/generator")]


def train_and_kill(training: list[str], kills: int, between: int, seed: int) -> None:
    """Kills the training at random moments, at most so many rows of its table apart, and goes on each time."""
    moments, killed = random.Random(seed), 0
    for _ in range(kills):
        process = start(gan, *training, "--ckpt_path", "last")
        goal = logged() + moments.randrange(1, between)
        wait_until(lambda goal=goal: logged() >= goal, process)
        time.sleep(moments.random() * 0.05)
        os.kill(process.pid, signal.SIGKILL)  # type: ignore[arg-type]
        killed += status(process) == 128 + signal.SIGKILL
    assert killed > kills / 2, output()
    assert status(start(gan, *training, "--ckpt_path", "last")) == 0, output()


def test_a_training_that_is_killed_at_random_moments_ends_where_it_would_have_ended(whole):
    """Killed six times; with `-m long`, another one is killed twenty times."""
    train_and_kill(TRAINING, kills=6, between=8, seed=1)
    assert_same_run(RUN, whole)


@pytest.mark.long
def test_a_training_that_is_killed_twenty_times_ends_where_it_would_have_ended(tmp_path_factory):
    longer = [*TRAINING, "--trainer.max_steps", "300"]
    train_and_kill(longer, kills=20, between=5, seed=0)
    assert_same_run(RUN, without_interruption(tmp_path_factory.mktemp("whole"), *longer))


def under_way(process: ForkServerProcess, folder: Path) -> bool:
    assert process.exitcode is None, output(folder)
    return logged(folder) > 10


def test_a_signal_saves_and_stops_with_its_status(whole):
    codes = {"SIGTERM": 143, "SIGINT": 130, "SIGUSR1": 138, "SIGHUP": 129}
    for name in codes:
        Path(name).mkdir()
    started = {name: start(within, Path(name), *TRAINING) for name in codes}
    for name in as_they_come({name: partial(under_way, process, Path(name)) for name, process in started.items()}):
        os.kill(started[name].pid, getattr(signal, name))  # type: ignore[arg-type]
    assert {name: status(process) for name, process in started.items()} == codes, output(Path("SIGTERM"))
    for name in codes:
        assert f"{name}: stopped after iteration" in output(Path(name))
        assert "Traceback" not in output(Path(name))
    resumed = [start(within, Path(name), *TRAINING, "--ckpt_path", str(LAST)) for name in codes]
    assert [status(process) for process in resumed] == [0, 0, 0, 0], output(Path("SIGTERM"))
    for name in codes:
        assert_same_run(Path(name) / RUN, whole)


def test_a_signal_to_one_of_two_processes_stops_both_and_loses_nothing(tmp_path_factory):
    def group(folder: Path, *arguments: str) -> list:
        return start_two(within, folder, *TRAINING, *TWO, "--grid.every_n_steps", "40", *arguments)

    other = tmp_path_factory.mktemp("whole")
    assert [status(p) for p in group(other)] == [0, 0], output(other)
    first = group(Path())
    wait_until(lambda: logged() > 10, first[0])
    os.kill(first[1].pid, signal.SIGTERM)
    assert [status(p) for p in first] == [143, 0], output()
    assert [status(p) for p in group(Path(), "--ckpt_path", "last")] == [0, 0], output()
    assert_same_run(RUN, other / RUN)


# ---- two at once --------------------------------------------------------------------------------------------------

ENDLESS = [*TRAINING, "--trainer.max_steps", "1000000", "--grid.every_n_steps", "1000000"]  # no new files meanwhile


def files() -> list[Path]:
    return sorted(path for path in RUN.rglob("*") if ".part" not in path.name)


def test_a_run_that_is_being_trained_is_not_resumed_by_others():
    """By a second process, or by a group of two."""
    first = start(gan, *ENDLESS)
    wait_until(lambda: logged() > 5, first)
    before = files()
    second = start(partial(gan, output="second.txt"), *ENDLESS, "--ckpt_path", "last")
    assert status(second) == 2
    said = Path("second.txt").read_text().splitlines()[-1]
    assert f"{RUN} is being trained by process {first.pid} on {socket.gethostname()}" in said
    group = start_two(partial(gan, output="third.txt"), *TRAINING, *TWO, "--ckpt_path", "last")
    assert [status(process) for process in group] == [2, 0]
    said = Path("third.txt").read_text().splitlines()
    assert f"is being trained by process {first.pid}" in said[-1]
    assert len(said) == 1, "nothing else is said"
    assert files() == before
    os.kill(first.pid, signal.SIGTERM)  # type: ignore[arg-type]
    assert status(first) == 143, output()
    assert not (RUN / ".lock").exists()


@pytest.mark.long
def test_twenty_trainings_that_start_at_once_do_not_disturb_each_other():
    job = [*TRAINING, "--trainer.max_steps", "20"]
    group = [start(partial(gan, output=f"{seed}.txt"), *job, "--seed", str(seed)) for seed in range(20)]
    assert [status(process) for process in group] == [0] * 20
    runs = [RUN.with_name(f"version_{i}") for i in range(20)]
    assert sorted(RUN.parent.iterdir()) == sorted(runs)
    seeds = {yaml.safe_load((run / "config.yaml").read_text())["seed"] for run in runs}
    assert seeds == {*range(20)}
    for run in runs:
        assert torch.load(run / "checkpoints/last.ckpt", weights_only=True)["global_step"] == 20
        assert [row["step"] for row in rows(run / "metrics.csv")] == ["3", "6", "9", "12", "15", "18"]
        assert sorted(path.name for path in (run / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]
        assert len([*run.glob("*tfevents*")]) == 1


# ---- going on with other settings ---------------------------------------------------------------------------------


def test_a_changed_learning_rate_takes_effect_and_is_reported():
    assert status(start(gan, *TRAINING, "--trainer.max_steps", "10")) == 0, output()
    changed = ["--model.generator_optimization.optimizer.lr", "0.5", "--trainer.max_steps", "12", "--ckpt_path", "last"]
    assert status(start(gan, *TRAINING, *changed)) == 0, output()
    assert "changed: model.generator_optimization.optimizer.lr: 0.0002 -> 0.5" in output()
    assert "changed: trainer.max_steps: 10 -> 12" in output()
    assert output().count("changed: ") == 2
    optimizer_d, optimizer_g = torch.load(LAST, weights_only=True)["optimizer_states"]
    assert (optimizer_d["param_groups"][0]["lr"], optimizer_g["param_groups"][0]["lr"]) == (2e-4, 0.5)
    assert optimizer_g["state"][0]["step"] == 12, "what Adam has learnt stays"
    assert (
        yaml.safe_load((RUN / "config.yaml").read_text())["model"]["generator_optimization"]["optimizer"]["init_args"][
            "lr"
        ]
        == 0.5
    )


def test_going_on_from_an_older_checkpoint_begins_a_new_folder_and_leaves_the_old_one():
    short = ["--trainer.max_steps", "9"]
    assert status(start(gan, *TRAINING, *short)) == 0, output()
    old = RUN / "checkpoints" / "old.ckpt"
    LAST.rename(old)
    before = (RUN / "metrics.csv").read_text()
    assert status(start(gan, *TRAINING, "--trainer.max_steps", "15", "--ckpt_path", str(old))) == 0, output()
    assert [row["step"] for row in rows(RUN / "metrics.csv")] == ["3", "6", "9", "12", "15"], "it went no further"
    assert status(start(gan, *TRAINING, "--trainer.max_steps", "12", "--ckpt_path", str(old))) == 0, output()
    assert f"in a new folder: {RUN} is left as it is" in output()
    new = RUN.with_name("version_1")
    assert (new / "metrics.csv").read_text().startswith(before)
    assert [row["step"] for row in rows(new / "metrics.csv")] == ["3", "6", "9", "12"]
    assert len(rows(RUN / "metrics.csv")) == 5


def test_every_option_of_a_run_survives_in_its_checkpoint():
    options = [
        "--seed",
        "7",
        "--model.average_decay",
        "0.5",
        "--model.generator_optimization.gradient_clip",
        "2",
        "--trainer.max_steps",
    ]
    assert status(start(gan, *TRAINING, *options, "4")) == 0, output()
    assert status(start(gan, *TRAINING, *options, "6", "--ckpt_path", "last")) == 0, output()
    assert output().count("changed: ") == 1
    assert status(start(gan, "predict", "--ckpt_path", "last", "--samples.count", "2")) == 0, output()


def test_a_folder_that_cannot_hold_a_run_is_refused_in_one_line():
    for root in ("/dev/null", "/proc/nowhere"):
        assert status(start(gan, *TRAINING, "--trainer.default_root_dir", root)) == 2
        assert f"default_root_dir is {root}, which cannot hold a run" in output().splitlines()[-1]
    assert "Traceback" not in output()


def test_last_starts_from_the_beginning_where_there_is_none_and_does_nothing_where_all_is_done():
    job = [*TRAINING, "--trainer.max_steps", "5", "--ckpt_path", "last"]
    assert status(start(gan, *job)) == 0, output()
    assert "there is no last.ckpt yet: starting from the beginning" in output()
    before = LAST.read_bytes()
    assert status(start(gan, *job)) == 0, output()
    assert "nothing to do" in output()
    assert LAST.read_bytes() == before
    assert [p.name for p in RUN.parent.iterdir()] == ["version_0"]


def test_the_best_checkpoint_is_the_one_with_the_best_number():
    best = ["--checkpoint.monitor", "D/fake", "--checkpoint.mode", "max", "--checkpoint.every_n_steps", "3"]
    assert status(start(gan, *TRAINING, *best, "--trainer.max_steps", "60")) == 0, output()
    table = {int(row["step"]): float(row["D/fake"]) for row in rows(RUN / "metrics.csv")}
    kept = torch.load(RUN / "checkpoints" / "best.ckpt", weights_only=True)["global_step"]
    assert kept == max(table, key=table.__getitem__)
    assert kept < 60
    assert status(start(gan, "predict", "--ckpt_path", "best", "--samples.count", "2")) == 0, output()


def test_a_run_is_not_overwritten_where_runs_have_no_folders_of_their_own():
    job = [*TRAINING, "--trainer.max_steps", "5", "--trainer.logger", "false"]
    assert status(start(gan, *job)) == 0, output()
    before = Path("checkpoints/last.ckpt").read_bytes()
    assert status(start(gan, *job)) == 2
    assert "holds a run already: resume it with --ckpt_path" in output().splitlines()[-1]
    assert Path("checkpoints/last.ckpt").read_bytes() == before
    assert status(start(gan, *job, "--ckpt_path", ".", "--trainer.max_steps", "6")) == 0, output()


def listens(port: int) -> bool:
    """Whether a process waits for others at this port."""
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def test_ctrl_c_while_two_processes_wait_for_each_other_ends_at_once():
    """One of two is started; it waits for the other, who never comes."""
    port = free_port()
    process = start(gan, *TRAINING, *TWO, **torchrun(0, 2, str(port)))
    wait_until(lambda: listens(port), process)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)  # type: ignore[arg-type]
    assert status(process) == 130
    assert "Traceback" not in output()
