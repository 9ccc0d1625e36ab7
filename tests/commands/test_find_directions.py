"""`gan directions` as a user meets it."""

from pathlib import Path

import pytest
import torch
from helpers.commands import SMALL, TINY, gan, mistake
from PIL import Image

from gan_lightning.commands.directions import sheet_names
from gan_lightning.editing.latent_files import Latents, write_latents

QUICK = ["--samples", "100", "--swept", "2"]


@pytest.fixture
def trained(in_tmp_path, capsys) -> None:
    gan("fit", *SMALL, *TINY)
    capsys.readouterr()


def test_directions_are_written_with_their_purity_and_take_a_walk_and_photos(trained, capsys):
    for folder in ("one", "two"):
        gan("directions", "last", *QUICK, "--count", "3", "--folder", folder)
    text = capsys.readouterr().out
    assert "| 0 | SeFa 0 |" in text
    assert "class kept" in text
    assert {path.name for path in Path("one").iterdir()} == {"directions.safetensors", "directions.md", "seed-0.png"}
    for path in Path("one").iterdir():
        assert path.read_bytes() == (Path("two") / path.name).read_bytes()
    along = ["--along", "one/directions.safetensors"]
    gan("walk", "last", *along, "--direction", "2", "--steps", "5", "--seeds", "0", "1")
    with Image.open("walk/walk.gif") as film:
        assert film.n_frames == 5  # type: ignore[attr-defined]
    write_latents("found.npz", Latents(torch.ones(1, 100), None, ["my cat.png"]))
    gan("directions", "last", *QUICK, "--method", "GANSpace", "--latents", "found.npz", "--folder", "edited")
    assert Path("edited/my-cat.png").is_file()
    assert "there is no direction 3" in mistake(capsys, "walk", "last", *along, "--direction", "3")


def test_directions_of_attributes_and_of_seeds_that_a_user_picks(trained, capsys):
    attributes = ["--attributes", "slant", "stroke width", "--unchanged", "3"]
    gan("directions", "last", *QUICK, *attributes, "--folder", "attributes")
    gan("directions", "last", *QUICK, "--positive", "1", "5", "--negative", "2", "--folder", "picked")
    text = capsys.readouterr().out
    assert "| 1 | stroke width |" in text
    assert "| 0 | from negative to positive |" in text


def test_a_mistake_in_directions_ends_with_one_line_that_helps(trained, capsys):
    for arguments, words in [
        (["--attributes", "slnt"], "attributes: there is no measure slnt (stroke width"),
        (["--attributes", "10"], "there is no class 10: the classifier knows 0 to 9"),
        (["--attributes", "slant", "--unchanged", "slant"], "are the same"),
        (["--unchanged", "slant"], "unchanged is given, but no attributes"),
        (["--positive", "1"], "positive and negative belong together"),
        (["--positive", "1", "--negative", "1"], "some seeds are on both sides"),
        (["--positive", "1", "--negative", "2", "--attributes", "slant"], "give only one"),
        (["--method", "Sefa"], "did you mean SeFa?"),
        (["--method", "GANSpace", "--method.layer", "none"], "choose one of l"),
        (["--classifier", "nowhere"], "there is no file nowhere: classifier takes"),
        (["--classifier", "Colour"], "classifier is Colour, which reads no classes"),
        (["--samples", "5"], "samples is 5; it must be at least 100"),
        (["--extent", "0"], "extent is 0; it must be above 0"),
    ]:
        assert words in mistake(capsys, "directions", "last", *QUICK, *arguments), arguments


def test_a_sheet_is_named_after_its_image_whatever_a_file_of_latents_says():
    assert sheet_names(["seed 1", "a/b.png", "c/b.png", "..", "\0\n", "x" * 300]) == [
        *("seed-1.png", "b-1.png", "b-2.png", "image-3.png", "image-4.png", "x" * 60 + ".png")
    ]
