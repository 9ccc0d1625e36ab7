"""What `gan` trains besides GANs, as a user meets it."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from helpers.commands import RUN, gan, mistake
from PIL import Image

from gan_lightning.commands.experiment import fit_parser
from gan_lightning.commands.kinds import defaults, kind_of, kinds
from gan_lightning.core.errors import UserError
from gan_lightning.objectives import NonSaturating

SMALL = ["--data", "Digits", "--trainer.max_steps", "4", "--trainer.log_every_n_steps", "2", "--grid.rows", "2"]
LAST = str(RUN / "checkpoints/last.ckpt")


@pytest.fixture(autouse=True)
def somewhere_else(in_tmp_path):
    pass


def test_the_kind_is_the_last_one_that_is_named():
    Path("a.yaml").write_text("kind: VAE\n")
    Path("b.yaml").write_text("model: {beta: 2.0}\n")
    Path("c.yaml").write_text("kind: GAN\n")
    for words, kind in {
        "": "GAN",
        "--kind VAE": "VAE",
        "--kind=VAE": "VAE",
        "--config a.yaml": "VAE",
        "--config=a.yaml --config b.yaml": "VAE",
        "--config a.yaml --config c.yaml": "GAN",
        "--config a.yaml --kind GAN": "GAN",
        "--kind GAN --config a.yaml": "VAE",
        "--config nowhere.yaml --config": "GAN",
    }.items():
        assert kind_of(words.split()) is kinds()[kind], words


def test_a_part_that_is_named_alone_has_the_defaults_of_its_class():
    """What a kind begins with would be merged into it, so `objective: X` would depend on what X is named after."""
    for kind in kinds().values():
        for key, words in defaults(kind).items():
            for one in words if isinstance(words, list) else [words]:
                assert "optimizer" in key or [*one] == ["class_path"], f"{kind.__name__} {key}"
    named = fit_parser(kinds()["GAN"]).parse_args(["--data", "Digits", "--model.objective", "NonSaturating"])
    assert named.model.objective.init_args.discriminator_weight == NonSaturating().discriminator_weight


@pytest.mark.parametrize("kind", ["VAE", "VAEGAN"])
def test_other_models_train_sample_and_go_on_like_a_gan(kind, capsys):
    gan("fit", *SMALL, "--kind", kind, "--model.generator.hidden", "[8]")
    text = capsys.readouterr().out
    for name in ("config.yaml", "metrics.csv", "losses.png", "training.gif", "reconstructions/step-0000004.png"):
        assert f"{RUN}/{name}" in text
        assert (RUN / name).is_file()
    assert yaml.safe_load((RUN / "config.yaml").read_text())["kind"] == kind
    gan("predict", "--ckpt_path", LAST, "--samples.count", "3", "--samples.traverse", "2")
    assert np.asarray(Image.open("samples/0000.png")).shape == (28, 28)
    assert Path("samples/traversal.png").is_file()
    gan("fit", "--config", str(RUN / "config.yaml"), "--trainer.max_steps", "6", "--ckpt_path", "last")
    assert (RUN / "grids/step-0000006.png").is_file()


def test_the_saved_config_of_a_vae_repeats_the_run():
    gan("fit", *SMALL, "--kind", "VAE")
    gan("fit", "--config", str(RUN / "config.yaml"))
    one, other = (run / "grids/step-0000004.png" for run in (RUN, RUN.with_name("version_1")))
    assert one.read_bytes() == other.read_bytes()


def test_a_traversal_shows_a_coordinate_a_row_of_a_gan_too():
    gan("fit", *SMALL)
    gan("predict", "--ckpt_path", LAST, "--samples.count", "3", "--samples.traverse", "4", "--samples.first_seed", "2")
    pixels = np.asarray(Image.open("samples/traversal.png"))
    assert pixels.shape[0] / pixels.shape[1] == pytest.approx((4 * 29 - 1) / (9 * 29 - 1))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--kind", "VEA"], "kind is VEA; did you mean VAE?"),
        (
            ["--kind", "diffusion"],
            "kind is diffusion; there are GAN, CycleTranslator, FeatureLearner, Translator, VAE, VAEGAN",
        ),
        (["--kind", "VAE", "--model.objective", "Hinge"], "model.objective is not an option"),
        (["--kind", "VAE", "--model.bta", "2"], "did you mean model.beta?"),
        (["--kind", "VAE", "--model.likelihood", "Gausian"], "did you mean Gaussian?"),
        (["--kind", "VAE", "--model.beta", "-2"], "model.beta is -2.0"),
        (["--kind", "VAE", "--model.encoder.packing", "2"], "model.encoder.packing is 2"),
        (["--model.beta", "2"], "model.beta is not an option"),
    ],
)
def test_a_mistake_ends_with_one_line_that_helps(arguments, words, capsys):
    assert words in mistake(capsys, "fit", *SMALL, *arguments)


def test_a_run_does_not_go_on_as_something_else(capsys):
    gan("fit", *SMALL, "--kind", "VAE")
    line = mistake(capsys, "fit", *SMALL, "--ckpt_path", LAST)
    assert line.endswith(
        "holds a VAE, from which a GAN cannot resume: set kind to VAE, or start over without ckpt_path"
    )


def test_more_coordinates_than_there_are_cannot_be_traversed(capsys):
    gan("fit", *SMALL)
    line = mistake(capsys, "predict", "--ckpt_path", LAST, "--samples.traverse", "101")
    assert line == "gan predict: samples.traverse is 101; it must be from 0 to 100, the coordinates of a latent"


def test_the_help_of_each_kind_lists_its_options(capsys):
    for kind, option in (
        ("GAN", "--model.discriminator_steps"),
        ("VAE", "--model.free_bits"),
        ("VAEGAN", "--model.gamma"),
    ):
        with pytest.raises(SystemExit):
            gan("fit", "--kind", kind, "--help")
        text = capsys.readouterr().out
        assert option in text
        assert "GAN, CycleTranslator, FeatureLearner, Translator, VAE, VAEGAN, or a model" in " ".join(text.split())


def test_what_is_no_kind_is_refused_wherever_it_stands():
    Path("a.yaml").write_text("kind: [VAE]\n")
    with pytest.raises(UserError, match="kind is"):
        kind_of(["--config", "a.yaml"])
