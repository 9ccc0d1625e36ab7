"""`gan walk` as a user meets it."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.commands import SMALL, TINY, gan, mistake
from PIL import Image

from gan_lightning.commands.stops import stop_arguments
from gan_lightning.editing.latent_files import Latents, write_latents

QUICK = ["--steps", "3", "--batch_size", "5"]


@pytest.fixture
def trained(in_tmp_path, capsys) -> None:
    gan("fit", *SMALL, *TINY, "--model.generator.classes", "10", "--model.discriminator.classes", "10")
    capsys.readouterr()


def written(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_a_walk_is_the_same_whatever_the_batch_and_begins_with_the_sample_of_its_seed(trained):
    gan("walk", "last", "--seeds", "3", "1", *QUICK, "--folder", "one")
    gan("walk", "last", "--seeds", "3", "1", "--steps", "3", "--folder", "two")
    assert written("one") == written("two")
    gan("predict", "last", "--samples.first_seed", "3", "--samples.count", "1")
    with Image.open("one/walk.gif") as film:
        shown = np.asarray(film.convert("L"))
        assert film.n_frames == 4  # type: ignore[attr-defined]
    sample = np.asarray(Image.open("samples/0003.png"))
    assert np.abs(shown.reshape(28, 9, 28, 9)[:, 0, :, 0].astype(int) - sample).max() <= 9, "16 greys"


def test_a_walk_goes_through_classes_and_inverted_images(trained):
    gan("walk", "last", "--labels", "all", "--loop", "true", *QUICK, "--folder", "classes")
    with Image.open("classes/walk.gif") as film:
        assert film.n_frames == 30  # type: ignore[attr-defined]
    write_latents("found.npz", Latents(torch.zeros(2, 100), torch.tensor([1, 2]), ["a.png", "b.png"]))
    gan("walk", "last", "--latents", "found.npz", "--truncation", "TowardsMean", *QUICK, "--folder", "found")
    gan("walk", "last", "--seeds", "1", "2", "--truncation", "RejectUnlikely", *QUICK, "--folder", "likely")
    assert {*written("found")} == {*written("likely")} >= {"strip.png", "walk.gif"}


def test_without_the_encoder_one_line_says_what_to_install(trained, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    gan("walk", "last", *QUICK)
    assert {*written("walk")} == {"strip.png", "walk.gif"}
    assert capsys.readouterr().err.strip() == 'for an MP4, too: pip install "gan-lightning[video]"'


def test_a_mistake_in_a_walk_ends_with_one_line_that_helps(trained, capsys):
    Path("empty").mkdir()
    Path("empty/file").touch()
    for arguments, words in [
        (["--seeds"], "--seeds needs a value, such as --seeds 1 2 3"),
        (["--seeds", "1", "-2"], "-2 is not a seed"),
        (["--seeds", "1", "x"], "seeds is [1, 'x']; it must be"),
        (["--labels", "ten"], "labels: there is no class ten"),
        (["--labels", "10"], "10 is no label of this model"),
        (["--seeds", "1", "2", "3", "--labels", "1", "2"], "there are 3 latents and 2 labels"),
        (["--latents", "nowhere.npz"], "there is no file nowhere.npz"),
        (["--latents", "nowhere.npz", "--seeds", "1"], "seeds and latents are both given"),
        (["--steps", "0"], "steps is 0"),
        (["--styles", "4"], "this network has no stages"),
        (["--truncation", "TowardMean"], "did you mean TowardsMean?"),
        (["--truncation", "TowardsMean", "--truncation.psi", "2"], "truncation.psi is 2.0"),
        (["--interpolation", "Slurp"], "did you mean Slerp?"),
        (["--folder", "empty"], "choose another with --folder, or add --overwrite true"),
    ]:
        assert words in mistake(capsys, "walk", "last", *arguments)


def test_a_model_of_points_has_no_walk(in_tmp_path, capsys):
    ring = ["--data", "Ring", "--data.batch_size", "8", "--trainer.max_steps", "2", "--grid.every_n_steps", "0"]
    gan("fit", *ring, "--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]")
    capsys.readouterr()
    assert "makes points of the plane, not images" in mistake(capsys, "walk", "last")


def test_several_words_make_a_list():
    assert stop_arguments(["last", "--seeds", "1", "2", "--loop", "true"]) == [
        *("--ckpt_path", "last", "--seeds", "[1, 2]", "--loop", "true")
    ]
    assert stop_arguments(["--labels", "a b", "3"]) == ["--labels", '["a b", 3]']
    for word in ("[1, 2]", "all"):
        assert stop_arguments(["--labels", word]) == ["--labels", word]
    assert stop_arguments(["--seeds", "4"]) == ["--seeds", "[4]"]
