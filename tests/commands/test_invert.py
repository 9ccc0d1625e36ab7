"""`gan invert` and `gan complete`, as a user meets them."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.commands import RUN, SMALL, TINY, gan, mistake
from PIL import Image

from gan_lightning.commands.complete import captions
from gan_lightning.commands.edited import picture_arguments
from gan_lightning.commands.stops import editable
from gan_lightning.commands.trust import open_checkpoint
from gan_lightning.core.errors import UserError
from gan_lightning.editing.latent_files import read_latents
from gan_lightning.editing.pictures import picture_paths

LAST, AGAIN = ["--ckpt_path", "last"], ["--overwrite", "true"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A folder with a run on digits, two of its samples, and pictures that are none."""
    folder, before = tmp_path_factory.mktemp("trained"), Path.cwd()
    os.chdir(folder)
    gan("fit", *SMALL, *TINY)
    gan("predict", "last", "--samples.count", "2")
    Image.new("L", (28, 20)).save("low.png")
    Image.new("RGB", (28, 28)).save("colour.png")
    Image.new("L", (28, 28)).save("black.png")
    Image.new("L", (28, 28), 255).save("white.png")
    Path("text.png").write_text("no picture")
    os.chdir(before)
    return folder


@pytest.fixture(autouse=True)
def there(trained, monkeypatch):
    monkeypatch.chdir(trained)


def test_the_overview_of_a_folder_of_samples_is_no_picture_unless_it_is_named():
    assert [path.name for path in picture_paths(["samples"])] == ["0000.png", "0001.png"]
    assert [str(path) for path in picture_paths(["samples/grid.png"])] == ["samples/grid.png"]
    Path("overviews").mkdir(exist_ok=True)
    Image.new("L", (28, 28)).save("overviews/grid.png")
    with pytest.raises(UserError, match="there are no images in overviews but overviews: check images"):
        picture_paths(["overviews"])


def test_samples_are_found_again_and_reported(capsys):
    gan("invert", "samples/0000.png", "samples/0001.png", *LAST, "--candidates", "200")
    assert "2 of 2 at 35 dB or better" in capsys.readouterr().out
    z, y, names = read_latents("inverted/latents.npz")
    assert z.shape[0] == 2
    assert y is None
    assert names == ["0000.png", "0001.png"]
    rows = json.loads(Path("inverted/report.json").read_text())["images"]
    assert all(row["psnr"] > 35 and row["feature_distance"] < 0.2 for row in rows)
    assert "| 0000.png |" in Path("inverted/report.md").read_text()
    before = Path("inverted/latents.npz").read_bytes()
    gan("invert", "samples/0000.png", "samples/0001.png", *LAST, "--candidates", "200", "--match", "pixels", *AGAIN)
    assert Path("inverted/latents.npz").read_bytes() == before
    gan("invert", "samples/0000.png", *LAST, "--candidates", "200", "--match", "MNIST", "--features", "MNIST", *AGAIN)
    assert json.loads(Path("inverted/report.json").read_text())["features"] == "features of MNIST"


def test_a_tuned_generator_makes_another_picture_and_the_checkpoint_stays(capsys):
    before = (RUN / "checkpoints/last.ckpt").read_bytes()
    quick = ["--candidates", "50", "--starts", "1", "--folder", "tuning", *AGAIN]
    gan("invert", "black.png", *LAST, *quick)
    plain = json.loads(Path("tuning/report.json").read_text())["images"][0]["psnr"]
    gan("invert", "black.png", *LAST, *quick, "--tune", "40")
    assert json.loads(Path("tuning/report.json").read_text())["images"][0]["psnr"] > plain + 0.3
    assert (RUN / "checkpoints/last.ckpt").read_bytes() == before
    changed = ["--tuned", "tuning/tuned.safetensors", "--samples.folder", "tuned_samples"]
    gan("predict", "last", "--samples.count", "1", *changed)
    assert Path("tuned_samples/0000.png").read_bytes() != Path("samples/0000.png").read_bytes()
    gan("invert", "black.png", *LAST, *quick, "--tuned", "tuning/tuned.safetensors")
    assert json.loads(Path("tuning/report.json").read_text())["images"][0]["psnr"] > plain + 0.3
    gan("complete", "black.png", "--hole", "left", *LAST, *quick, "--count", "1", "--tuned", "tuning/tuned.safetensors")
    checkpoint = open_checkpoint("last")
    plain, tuned = (editable(checkpoint, "cpu", path).model for path in (None, "tuning/tuned.safetensors"))
    assert not torch.equal(plain.sample([0]), tuned.sample([0]))


def test_an_image_is_completed_in_several_ways(capsys):
    gan("complete", "samples/0001.png", "--hole", "left", "--count", "3", "--candidates", "200", *LAST)
    assert "wrote 3 completions" in capsys.readouterr().out
    known = np.asarray(Image.open("samples/0001.png"))[:, 14:]
    for k in range(3):
        assert np.array_equal(np.asarray(Image.open(f"completed/0001-{k}.png"))[:, 14:], known)
    assert read_latents("completed/latents.npz").names == ["0001.png 0", "0001.png 1", "0001.png 2"]
    mask = Image.new("L", (28, 28))
    mask.paste(255, (0, 0, 14, 28))
    mask.save("mask.png")
    before = Path("completed/completions.png").read_bytes()
    gan("complete", "samples/0001.png", "--mask", "mask.png", "--count", "3", "--candidates", "200", *LAST, *AGAIN)
    assert Path("completed/completions.png").read_bytes() == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("invert nowhere.png", "there is no picture nowhere.png"),
        ("invert low.png", "low.png is L (grey) of 20x28, and this model makes L (grey) of 28x28"),
        ("invert colour.png", "colour.png is RGB (colour) of 28x28"),
        ("invert text.png", "cannot read text.png"),
        ("invert black.png --labels 3", "this model was trained without labels: leave out labels"),
        ("invert black.png --match nothing", "there is no file nothing: match takes pixels, discriminator,"),
        ("invert black.png --features nothing", "there is no file nothing: features takes"),
        ("invert black.png --tune 0", "tune is 0; it must be at least 1 step"),
        ("invert black.png --tune 1 --tuned t.safetensors", "tune and tuned are both given"),
        ("invert black.png --tuned nowhere", "there is no file nowhere: tuned takes"),
        ("invert black.png --folder samples", "choose another with --folder, or add --overwrite true"),
        ("complete black.png --hole left --folder samples", "choose another with --folder, or add --overwrite true"),
        ("complete black.png", "mask and hole are both missing"),
        ("complete black.png --hole left --mask black.png", "mask and hole are both given"),
        ("complete black.png --hole left --read_samples 100", "read_samples is 100, but the model has no classes"),
        ("complete black.png --hole middle", "hole is middle"),
        ("complete black.png --mask low.png", "the mask must have their size"),
        ("complete black.png --mask black.png", "the mask hides nothing"),
        ("complete black.png --mask white.png", "the mask hides the whole image"),
        ("complete black.png --mask nowhere.png", "there is no picture nowhere.png"),
    ],
)
def test_bad_input_is_refused_in_one_line(line, words, capsys):
    capsys.readouterr()
    assert words in mistake(capsys, *line.split(), *LAST)
    assert RUN.is_dir()


def test_several_labels_end_where_a_picture_begins():
    words = picture_arguments(["--labels", "3", "a b", "black.png", "--hole", "left"])
    assert words == ["--labels", '[3, "a b"]', "--images+", "black.png", "--hole", "left"]
    assert picture_arguments(["black.png", "--labels", "[3, 4]"]) == ["--images+", "black.png", "--labels", "[3, 4]"]
    assert picture_arguments(["--labels", "samples", "black.png"])[:2] == ["--labels", "samples"], "a class's name"


def test_completions_are_called_by_number_and_class():
    assert captions(None, 2, 2, []) == [["0", "1"]] * 2
    y = torch.tensor([1, 0, 0, 1])
    assert captions(y, 2, 2, ["cat", "dog"]) == [["0: dog", "1: cat"], ["0: cat", "1: dog"]]
    assert captions(y[:1], 1, 1, []) == [["0: class 1"]]


def test_other_pictures_can_be_fitted_as_in_training():
    gan("invert", "colour.png", "low.png", *LAST, "--fit", "true", "--starts", "1", "--candidates", "100", *AGAIN)
    assert len(read_latents("inverted/latents.npz").names) == 2
