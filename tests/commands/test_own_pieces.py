"""Models, networks, objectives and data of a user's own, from the command line to the report."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from helpers.commands import RUN, gan, mistake
from helpers.processes import elsewhere

import gan_lightning
from gan_lightning import GAN, from_config
from gan_lightning.core.errors import UserError
from gan_lightning.models.generative import GenerativeModel

SHORT = ["--trainer.max_steps", "2", "--trainer.log_every_n_steps", "1", "--grid.rows", "2", "--grid.columns", "2"]
LAST = str(RUN / "checkpoints/last.ckpt")

OWN = '''
"""Pieces of a user's own."""

import torch
from lightning.pytorch import LightningDataModule
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from gan_lightning import GAN
from gan_lightning.data import ImageData
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.networks import Generator
from gan_lightning.objectives import Objective
from gan_lightning.training.batch_checks import images_and_labels
from gan_lightning.training.optimization import Optimization, Player


class Flat(Generator):
    """One number for all pixels."""

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int = 2) -> None:
        super().__init__()
        self.image_shape, self.latent_dim, self.layer = image_shape, latent_dim, nn.Linear(latent_dim, 1)

    def forward(self, z, y=None):
        return self.layer(z).tanh()[:, :, None, None].expand(-1, *self.image_shape)


class Critic(Objective):
    """Wasserstein's."""

    def discriminator(self, real, fake):
        return (fake - real).mean()

    def generator(self, fake, real):
        return -fake.mean()


class Bars(ImageData):
    """Noise, 8x8."""

    def __init__(self, batch_size: int = 8, seed: int = 0, held_out: float = 0.0) -> None:
        super().__init__((1, 8, 8), batch_size, seed, held_out=held_out)

    def load(self):
        return TensorDataset(torch.randint(256, (120, 1, 8, 8)).byte(), torch.zeros(120).long())


class Plain(LightningDataModule):
    """A data module that knows nothing of this package."""

    def setup(self, stage):
        self.images = TensorDataset(torch.rand(32, 1, 8, 8) * 2 - 1)

    def train_dataloader(self):
        return DataLoader(self.images, 8)


class Louder(GAN):
    """A GAN with an option more.

    Args:
        volume: How loud.
    """

    def __init__(self, volume: float = 1.0, **options) -> None:
        super().__init__(**options)
        self.volume = volume


class Moments(GenerativeModel):
    """A generator that matches the mean image."""

    def __init__(
        self, generator: Generator, generator_optimization: Optimization = Optimization(), seed: int = 0
    ) -> None:
        super().__init__(generator, 0.9, seed)
        self.players = {"generator": Player(generator, generator_optimization)}

    def training_step(self, batch, batch_idx):
        with self.update_of("generator") as update:
            for x, y, z in self.microbatches(images_and_labels(batch), update):
                update.backward(mean=(x.mean(0) - self.generator(z, y).mean(0)).square().mean())
        self.finish_iteration()
        self.log_at_steps(lambda: {"loss/mean": update.terms["mean"]})
'''


@pytest.fixture(autouse=True)
def own(in_tmp_path) -> None:
    Path("my_own.py").write_text(OWN)
    sys.modules.pop("my_own", None)


def test_a_users_own_model_trains_resumes_and_samples(capsys):
    gan("fit", "--kind", "my_own.Louder", "--data", "my_own.Bars", "--model.volume", "3", *SHORT)
    assert yaml.safe_load((RUN / "config.yaml").read_text())["kind"] == "my_own.Louder"
    gan("fit", "--config", str(RUN / "config.yaml"), "--trainer.max_steps", "3", "--ckpt_path", "last")
    gan("predict", "last", "--samples.count", "3")
    assert len(list(Path("samples").glob("000*.png"))) == 3
    model = sys.modules["my_own"].Louder.load_from_checkpoint(LAST)
    assert model.volume == 3


def test_a_model_that_is_no_gan_needs_only_its_own_options(capsys):
    gan("fit", "--kind", "my_own.Moments", "--data", "my_own.Bars", *SHORT)
    assert "loss/mean" in (RUN / "metrics.csv").read_text().splitlines()[0]
    assert GenerativeModel.sampler_from_checkpoint(LAST).sample(range(2)).shape == (2, 1, 8, 8)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("my_own.Nothing", "kind is my_own.Nothing, but module 'my_own' has no attribute 'Nothing'"),
        ("nowhere.GAN", "kind is nowhere.GAN, but No module named 'nowhere'"),
        ("my_own.Bars", "kind is my_own.Bars, which is no model"),
    ],
)
def test_what_is_no_model_is_refused_in_one_line(kind, words, capsys):
    assert words in mistake(capsys, "fit", "--kind", kind, "--data", "Digits")


@pytest.mark.parametrize("kind", ["GAN", "VAE"])
def test_any_lightning_data_module_trains_any_kind(kind, capsys):
    gan("fit", "--kind", kind, "--data", "my_own.Plain", *SHORT)
    assert "gan test lightning_logs/version_0/checkpoints/last.ckpt --data DATA" in capsys.readouterr().out
    gan("predict", "last", "--samples.count", "2")
    assert "is no ImageData" in mistake(capsys, "test", "last")
    sys.modules["my_own"].Plain.image_shape = (1, 8, 8)


def test_evaluating_during_training_needs_an_image_data_and_says_so(capsys):
    line = mistake(capsys, "fit", "--data", "my_own.Plain", "--judge.every_n_steps", "1", *SHORT)
    assert "compares samples with the images of an ImageData" in line


def test_a_checkpoint_is_evaluated_on_a_users_own_data_if_it_is_trusted():
    gan("fit", "--data", "my_own.Bars", "--data.held_out", "0.5", "--model.generator", "my_own.Flat", *SHORT)
    refused = elsewhere("test", "last")
    assert refused.status == 2
    (line,) = refused.errors.splitlines()
    assert '--trust "[my_own.Flat, my_own.Bars]"' in line, "all that is missing, at once"
    trusted = elsewhere("test", "last", "--trust", "[my_own.Flat, my_own.Bars]")
    assert trusted.status == 0, trusted.errors
    assert "Colour" in trusted.output, "grey images are seen as colour"


def test_the_commands_that_a_training_prints_have_the_trust_that_they_need(capsys):
    gan("fit", "--data", "my_own.Bars", "--model.generator", "my_own.Flat", *SHORT)
    text = capsys.readouterr().out
    assert f"gan predict {LAST} --trust my_own.Flat" in text
    assert f'gan test {LAST} --trust "[my_own.Flat, my_own.Bars]"' in text


def test_sampling_needs_no_class_but_the_generators():
    gan("fit", "--data", "my_own.Bars", "--model.objective", "my_own.Critic", *SHORT)
    done = elsewhere("predict", "last", "--samples.count", "2")
    assert done.status == 0, done.errors


@pytest.mark.parametrize("command", ["predict", "test"])
def test_a_runs_config_can_be_given_to_every_command(command, capsys):
    gan("fit", "--data", "Digits", *SHORT)
    options = {"predict": ["--samples.count", "2"], "test": ["--judge.samples", "20"]}[command]
    gan(command, "--config", str(RUN / "config.yaml"), "--ckpt_path", "last", *options)
    assert f"left out of gan {command}" in capsys.readouterr().err


# ---- objects from configs -----------------------------------------------------------------------------------------


def test_a_config_gives_the_objects_that_the_command_would_train():
    options = {"trainer.max_steps": 2, "model.generator.hidden": [8], "model.discriminator_steps": 2}
    experiment = from_config("digits", **options)
    assert isinstance(experiment.model, GAN)
    assert experiment.model.discriminator_steps == 2
    trainer = experiment.trainer()
    trainer.fit(experiment.model, experiment.data)
    assert trainer.global_step == 2
    assert (RUN / "checkpoints/last.ckpt").is_file()


def test_how_a_gpu_multiplies_is_an_option_of_the_trainer(tmp_path):
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    options = {"trainer.default_root_dir": str(tmp_path), "trainer.fast_dev_run": True}
    try:
        for precision, convolutions in (("high", True), ("highest", False)):
            experiment = from_config("digits", **options, **{"trainer.matmul_precision": precision})
            assert experiment.trainer().default_root_dir == str(tmp_path)
            assert torch.get_float32_matmul_precision() == precision
            assert torch.backends.cudnn.allow_tf32 == convolutions
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def test_a_mistake_in_a_config_is_an_exception_in_a_script():
    with pytest.raises(UserError, match="discriminator_stepz is not an option"):
        from_config("digits", **{"model.discriminator_stepz": 2})


# ---- pieces of the package ----------------------------------------------------------------------------------------


def test_a_piece_of_the_package_is_one_file():
    """A network, a data set and a model, each a file in its folder, and nothing else: all are found by their names."""
    package = Path(shutil.copytree(Path(gan_lightning.__file__).parent, "copy/gan_lightning"))
    shutil.copytree(Path(gan_lightning.__file__).parents[1] / "configs", "copy/configs")
    head = OWN.split("\n\n\n")[0].replace("from gan_lightning import GAN\n", "")
    known = {
        "networks": "from gan_lightning.networks.contract import Generator",
        "data": "from gan_lightning.data.image_data import ImageData",
        "models": "\n".join(line for line in head.splitlines() if "gan_lightning" in line),
    }
    for room, name in {"networks": "Flat", "data": "Bars", "models": "Moments"}.items():
        (piece,) = (text for text in OWN.split("\n\n\n") if text.startswith(f"class {name}("))
        others = "\n".join(line for line in head.splitlines() if "gan_lightning" not in line)
        (package / room / "own.py").write_text(f"{others}\n{known[room]}\n\n\n{piece}\n")
    fit = ["fit", "--kind", "Moments", "--data", "Bars", "--model.generator", "Flat", *SHORT]
    predict = ["predict", "last", "--samples.count", "2"]
    code = f"import sys; sys.path.insert(0, 'copy'); from gan_lightning.cli import main; main({fit}); main({predict})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Moments: Flat" in done.stdout
    assert len([*Path("samples").glob("000?.png")]) == 2


def test_a_model_calls_its_averaged_generator(tmp_path):
    torch.manual_seed(0)
    gan("fit", "--data", "Digits", *SHORT)
    model = GAN.load_from_checkpoint(LAST)
    z = torch.randn(3, model.generator.latent_dim)
    assert torch.equal(model(z), model.average_generator(z).clamp(-1, 1))
    assert np.abs(model(z).detach().numpy()).max() <= 1


def test_a_model_with_labels_asks_for_them():
    classes = ["--model.generator.classes", "10", "--model.discriminator.classes", "10"]
    gan("fit", "--data", "Digits", *classes, *SHORT)
    model = GAN.load_from_checkpoint(LAST)
    assert model(torch.zeros(2, 100), torch.tensor([1, 2])).shape == (2, 1, 28, 28)
    with pytest.raises(UserError, match="10 classes"):
        model(torch.zeros(2, 100))
