"""Runs that start from the weights of others."""

import pytest
import torch
from helpers.commands import RUN, gan, mistake

SMALL = ["--data", "Digits", "--trainer.enable_progress_bar", "false"]
STILL = [
    "--model.generator_optimization.optimizer",
    "torch.optim.SGD",
    "--model.generator_optimization.optimizer.lr",
    "0",
]
PLAYERS = ["--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]"]


def state(run: int) -> dict[str, torch.Tensor]:
    path = RUN.with_name(f"version_{run}") / "checkpoints/last.ckpt"
    return torch.load(path, weights_only=True)["state_dict"]


@pytest.fixture(autouse=True)
def first(in_tmp_path):
    gan("fit", *SMALL, *PLAYERS, "--trainer.max_steps", "3")


def test_a_new_run_starts_from_the_weights_of_another_and_from_nothing_else(capsys):
    gan("fit", *SMALL, *PLAYERS, *STILL, "--trainer.max_steps", "1", "--start_from", str(RUN))
    assert "starting from the generator and the discriminator of" in capsys.readouterr().out.replace("\n", " ")
    before, after = state(0), state(1)
    same = {name: torch.equal(before[name], after[name]) for name in before}
    assert all(
        value
        for name, value in same.items()
        if name.startswith("generator.") and "running" not in name and "num_b" not in name
    )
    assert not all(value for name, value in same.items() if name.startswith("discriminator."))
    gan("fit", *SMALL, *PLAYERS, "--trainer.max_steps", "2", "--start_from", str(RUN), "--ckpt_path", "last")
    assert "resuming from" in (text := capsys.readouterr().out)
    assert "starting from" not in text, "a resumed run has weights of its own"


def test_a_discriminator_of_another_class_begins_anew_and_is_named(capsys):
    other = ["--model.discriminator", "PatchDiscriminator", "--model.discriminator.halvings", "1"]
    gan("fit", *SMALL, *PLAYERS[:2], *other, *STILL, "--trainer.max_steps", "1", "--start_from", str(RUN))
    text = capsys.readouterr().out.replace("\n", " ")
    assert "starting from the generator of" in text
    assert "the discriminator begins anew (there it is MLPDiscriminator)" in text
    before, after = state(0), state(1)
    weights = [name for name in before if name.startswith("generator.") and name.endswith("weight")]
    assert all(torch.equal(before[name], after[name]) for name in weights if before[name].ndim > 1)


def test_weights_of_other_networks_are_refused_in_one_line(capsys):
    line = mistake(capsys, "fit", *SMALL, "--model.generator.hidden", "[16]", "--start_from", "last")
    assert "has another generator" in line
    assert "config.yaml of its run" in line
    assert "holds no network of this model (network)" in mistake(
        capsys, "fit", *SMALL, "--kind", "FeatureLearner", "--model.network.classes", "10", "--start_from", "last"
    )
    assert "no.ckpt" in mistake(capsys, "fit", *SMALL, *PLAYERS, "--start_from", "no.ckpt")
    assert not RUN.with_name("version_1").exists()
