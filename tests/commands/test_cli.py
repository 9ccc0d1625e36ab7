"""The `gan` command as a user meets it."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers.commands import RUN, SMALL, TINY, gan, mistake
from helpers.processes import elsewhere
from PIL import Image

from gan_lightning.commands import run


@pytest.fixture(autouse=True)
def somewhere_else(in_tmp_path):
    pass


def test_a_training_writes_what_it_says_and_a_sampling_needs_nothing_else(capsys):
    gan("fit", *SMALL, *TINY)
    text = capsys.readouterr().out
    for path in re.findall(rf"{RUN}/\S+", text):
        assert Path(path).is_file(), path
    for name in ("config.yaml", "metrics.csv", "losses.png", "training.gif", "checkpoints/last.ckpt"):
        assert f"{RUN}/{name}" in text
    assert list(RUN.glob("events.out.tfevents*"))
    command = re.findall(r"make samples:\s+gan (.+)", text)[0]
    gan(*command.split(), "--samples.count", "5")
    assert sorted(p.name for p in Path("samples").iterdir()) == [*(f"000{i}.png" for i in range(5)), "grid.png"]
    assert np.asarray(Image.open("samples/0000.png")).shape == (28, 28)


def test_a_trial_run_leaves_no_files(tmp_path):
    gan("fit", *SMALL, *TINY, "--trainer.fast_dev_run", "true")
    assert not list(tmp_path.iterdir())


def test_samples_do_not_depend_on_batches_or_processes():
    gan("fit", *SMALL, *TINY)
    checkpoint = ["--ckpt_path", str(RUN / "checkpoints/last.ckpt"), "--samples.count", "7"]
    gan("predict", *checkpoint, "--samples.folder", "one", "--samples.npz", "true")
    two = ["--samples.folder", "two", "--samples.batch_size", "2", "--trainer.accelerator", "cpu"]
    command = [sys.executable, "-m", "gan_lightning", "predict", *checkpoint, *two, "--trainer.devices", "2"]
    subprocess.run([*command, "--trainer.strategy", "ddp"], check=True, capture_output=True)
    for path in Path("two").iterdir():
        assert path.read_bytes() == (Path("one") / path.name).read_bytes(), path
    assert len(list(Path("two").iterdir())) == 8


def test_the_saved_config_repeats_the_run():
    gan("fit", *SMALL, *TINY)
    gan("fit", "--config", str(RUN / "config.yaml"))
    again = RUN.with_name("version_1")
    last = sorted((RUN / "grids").iterdir())[-1]
    assert (again / "grids" / last.name).read_bytes() == last.read_bytes()


def test_later_configs_and_the_command_line_override_earlier_ones(capsys):
    Path("a.yaml").write_text(
        "data: Digits\nmodel: {discriminator_steps: 2, average_decay: 0.5}\ntrainer: {max_steps: 7}\n"
    )
    Path("b.yaml").write_text("model: {average_decay: 0.25}\n")
    with pytest.raises(SystemExit):
        gan("fit", "--config", "a.yaml", "--config", "b.yaml", "--trainer.max_steps", "9", "--print_config")
    config = yaml.safe_load(capsys.readouterr().out)
    assert config["model"]["discriminator_steps"] == 2
    assert config["model"]["average_decay"] == 0.25
    assert config["trainer"]["max_steps"] == 9
    assert config["model"]["objective"]["class_path"].endswith("NonSaturating")


def test_short_names_choose_classes_and_the_image_shape_is_linked(capsys):
    optimizer, scheduler = (f"--model.generator_optimization.{key}" for key in ("optimizer", "scheduler"))
    chosen = [optimizer, "RMSprop", scheduler, "StepLR", f"{scheduler}.step_size", "2"]
    gan("fit", *SMALL, *TINY, "--model.objective", "Hinge", *chosen)
    config = yaml.safe_load((RUN / "config.yaml").read_text())
    assert config["model"]["objective"]["class_path"] == "gan_lightning.objectives.Hinge"
    assert config["model"]["generator_optimization"]["optimizer"]["class_path"] == "torch.optim.RMSprop"


USERS_OWN = '''
import torch
from torch import nn
from torch.utils.data import TensorDataset
from gan_lightning.data import ImageData
from gan_lightning.networks import Generator
from gan_lightning.objectives import Objective


class Squares(ImageData):
    """Grey squares."""

    def __init__(self, batch_size: int = 8) -> None:
        super().__init__((2, 6, 4), batch_size)

    def load(self):
        return TensorDataset(torch.randint(256, (32, 2, 6, 4)).byte(), torch.zeros(32).long())


class Flat(Generator):
    """One number for all pixels."""

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int = 2) -> None:
        super().__init__()
        self.image_shape, self.latent_dim, self.layer = image_shape, latent_dim, nn.Linear(latent_dim, 1)

    def forward(self, z, y=None):
        return self.layer(z).tanh()[:, :, None, None].expand(-1, *self.image_shape)


class Linear(Objective):
    """Wasserstein's."""

    def discriminator(self, real, fake):
        return (fake - real).mean()

    def generator(self, fake, real):
        return -fake.mean()
'''


def test_a_users_own_classes_are_found_in_the_working_directory_and_need_trust_in_a_checkpoint(capsys):
    Path("my_parts.py").write_text(USERS_OWN)
    own = ["--data", "my_parts.Squares", "--model.generator", "my_parts.Flat", "--model.objective", "my_parts.Linear"]
    gan("fit", *own, "--trainer.max_steps", "3", "--trainer.log_every_n_steps", "1")
    predict = ["predict", "--ckpt_path", str(RUN / "checkpoints/last.ckpt")]
    refused = elsewhere(*predict)
    assert refused.status == 2
    assert refused.errors.strip().splitlines()[-1].endswith("add --trust my_parts.Flat on the command line")
    assert elsewhere(*predict, "--trust", "[my_parts.Flat]").status == 0
    assert np.asarray(Image.open("samples/0000.png")).shape == (6, 8), "two channels, side by side"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model.discriminator_step", "3"], "did you mean model.discriminator_steps?"),
        (["--trainer.max_stepz", "3"], "did you mean trainer.max_steps?"),
        (["--model.generator.latent_dims", "3"], "no option latent_dims; did you mean latent_dim?"),
        (["--model.generator_optimization.optimizer.lrr", "3"], "did you mean lr?"),
        (["--data.batchsize", "3"], "did you mean batch_size?"),
        (["--data", "MINST"], "there is no such data set; did you mean MNIST?"),
        (["--model.objective", "Hing"], "did you mean Hinge?"),
        (["--model.penalties", "R1"], "model.penalties is a list: --model.penalties+=R1 on the command line, or [R1]"),
        (["--model.penalties+=R11"], "there is no such penalty; did you mean R1?"),
        (["--model.penalties+=R1", "--model.penalties.wight", "3"], "R1 in model.penalties has no option wight"),
        (["--model.generator", "torch.nn.Linear"], "which is no generator: choose "),
        (["--model.generator", "nowhere.Net"], "No module named 'nowhere'"),
        (["--model.discriminator_steps", "two"], "model.discriminator_steps is two; it must be a whole number"),
        (["--data.batch_size", "[3]"], "data.batch_size is [3]; it must be a whole number"),
        (["--guard.action", "stopp"], "guard.action is stopp; it must be warn, stop or roll_back"),
        (["--checkpoint.mode", "up"], "checkpoint.mode is up; it must be min, max or null"),
        (
            ["--model.generator_optimization.optimizer.lr", "x"],
            "model.generator_optimization.optimizer.lr is x; it must be a number",
        ),
        (["--model.generator.hidden", "x"], "model.generator.hidden is x; it must be a list"),
        (["--judge", "null"], "judge is null, which is no file of options; set single ones: --judge.every_n_steps"),
        (["--model.average_decay", "1"], "model.average_decay is 1.0"),
        (["--data.batch_size", "5000"], "set data.batch_size to at most 1797"),
        (["--data.batch_size", "0"], "data.batch_size is 0"),
        (["--grid.rows", "0"], "grid.rows is 0"),
        (["--config", "nowhere.yaml"], "there is no config nowhere.yaml"),
        (["--ckpt_path", "nowhere.ckpt"], "there is no checkpoint nowhere.ckpt"),
        (["--ckpt_path", "http://127.0.0.1:9/a.ckpt"], "http://127.0.0.1:9/a.ckpt is a URL: download"),
        (["--trainer.accelerator", "tpu"], "the trainer refuses its options"),
        (["--seed", "-1"], "seed is -1; it must be a whole number from 0 to 4294967295"),
        (["stray"], "stray is no option, config or folder"),
    ],
)
def test_a_mistake_ends_with_one_line_that_helps(arguments, words, capsys):
    assert words in mistake(capsys, "fit", *SMALL, *arguments)


def test_a_training_that_is_refused_leaves_nothing_behind(capsys):
    judging = ["--judge.every_n_steps", "2", "--judge.extractor", "MNIST"]
    assert "at least 20 are needed" in mistake(capsys, "fit", *SMALL, *judging, "--data.held_out", "0.01")
    assert not list(Path().glob("lightning_logs/*"))


def test_a_mistake_in_a_config_file_names_the_nearest_key(capsys):
    Path("a.yaml").write_text("data: Digits\nmodel: {objectiv: Hinge}\n")
    assert "did you mean model.objective?" in mistake(capsys, "fit", "--config", "a.yaml")


def test_what_must_be_given_is_asked_for(capsys):
    assert "data must be given: --data MNIST" in mistake(capsys, "fit")
    assert "data.root must be given" in mistake(capsys, "fit", "--data", "ImageFolder")
    assert "ckpt_path must be given" in mistake(capsys, "predict")


def test_a_bug_of_ours_shows_its_traceback(monkeypatch):
    def bug(*_):
        raise KeyError("ours")

    monkeypatch.setitem(run.HANDLERS, "fit", bug)
    with pytest.raises(KeyError):
        gan("fit")


@pytest.mark.parametrize("command", ["fit", "predict", "validate", "test"])
def test_the_help_of_a_command_lists_its_options_with_their_meaning(command, capsys):
    with pytest.raises(SystemExit) as caught:
        gan(command, "--help")
    assert caught.value.code == 0
    text = capsys.readouterr().out
    judging = ["--judge.extractor", "The feature extractor"]
    words = {"fit": ["--model.discriminator_steps", "Updates of D per update of G"], "predict": ["--samples.count"]}
    assert all(word in text for word in words.get(command, judging))


def test_help_answers_without_importing_torch():
    code = "import sys; from gan_lightning.cli import main\n"
    code += "try: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "gan fit --config digits" in done.stdout


def test_a_command_that_is_interrupted_before_it_trains_ends_quietly(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setitem(run.HANDLERS, "fit", interrupted)
    with pytest.raises(SystemExit) as caught:
        gan("fit")
    assert caught.value.code == 130


def test_the_loss_of_another_process_is_said_in_one_line(monkeypatch, capsys):
    def lost(*_):
        raise RuntimeError("[pair.cc:561] Connection closed by peer [127.0.0.1]:50870.")

    monkeypatch.setitem(run.HANDLERS, "fit", lost)
    assert "another process of this training has ended" in mistake(capsys, "fit")


def test_an_address_is_no_checkpoint_to_sample_from(capsys):
    assert "http://127.0.0.1:9/a.ckpt is a URL" in mistake(
        capsys, "predict", "--ckpt_path", "http://127.0.0.1:9/a.ckpt"
    )


def test_a_full_disk_is_said_in_one_line(monkeypatch, capsys):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(run.HANDLERS, "fit", full)
    assert (
        mistake(capsys, "fit")
        == "gan fit: No space left on device where the run is written: make room, then resume with --ckpt_path last"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model.augmentation", "ADA", "--model.augmentation.p", "2"], "p of ADA is 2.0; it must be a probability"),
        (["--model.penalties+=WGANGP", "--model.penalties.weight", "null"], "the weight of WGANGP is null"),
        (["--model.discriminator.hidden", "[0]"], "hidden[0] is 0; it must be at least 1"),
        (["--data.batch_size", "1"], "batch normalisation needs at least two images at once"),
        (["--model.discriminator", "DCGANDiscriminator", "--model.discriminator.minibatch_stddev", "-1"], "at least 1"),
        (["--kind", "vae"], "did you mean VAE?"),
        (["--kind", "VAE", "--model.objective", "Hinge"], "model.objective is not an option"),
    ],
)
def test_options_of_parts_that_are_out_of_range_are_refused_in_one_line(options, message, capsys):
    error = mistake(capsys, "fit", "--data", "Digits", "--trainer.max_steps", "1", *options)
    assert message in error
    assert len(error.splitlines()) == 1
