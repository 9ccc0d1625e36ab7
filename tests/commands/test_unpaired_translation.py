"""A translator without pairs as a user meets it: train, look, translate, test."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import RUN, gan, mistake
from PIL import Image

CONFIGS = Path(__file__).parents[2] / "configs"
LAST = str(RUN / "checkpoints/last.ckpt")
SMALL = [
    *("--data.image_size", "16", "--data.held_out", "0.4", "--trainer.max_steps", "2", "--grid.rows", "2"),
    *("--model.generator.width=4", "--model.discriminator.width=4", "--data.a", "dark", "--data.b", "light"),
]
BOTH = ["--model.backward_generator.width=4", "--model.backward_discriminator.width=4"]


@pytest.fixture(autouse=True)
def folders(in_tmp_path):
    """Sixty dark images and as many light ones, and some to translate."""
    for side, least in (("dark", 0), ("light", 128)):
        Path(side).mkdir()
        for i in range(60):
            noise = np.random.default_rng(i + least).integers(least, least + 128, (4, 4, 3), dtype=np.uint8)
            Image.fromarray(noise).resize((20, 16), Image.Resampling.BICUBIC).save(f"{side}/{i}.png")
    Path("new").mkdir()
    Image.new("RGB", (13, 9), (20, 30, 40)).save("new/odd.png")
    Path("new/broken.png").write_bytes(b"no picture")


def train(name: str, *options: str) -> None:
    gan("fit", "--config", str(CONFIGS / f"{name}.yaml"), *SMALL, *(BOTH if name == "unpaired" else []), *options)


def pixels_in(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def test_both_directions_from_two_folders_to_pictures_and_a_table(capsys):
    train("unpaired")
    assert "make images:       gan predict lightning_logs/version_0/checkpoints/last.ckpt --images FOLDER" in (
        capsys.readouterr().out
    )
    height, width, _ = pixels_in(RUN / "grids/step-0000002.png").shape
    assert width / height == pytest.approx((6 * 17 - 1) / (2 * 17 - 1)), "A, B', A'', B, A', B''"

    gan("predict", "last", "--images", "new", "--folder", "there")
    printed = capsys.readouterr()
    assert "skipped: cannot read new/broken.png" in printed.err
    gan("predict", "last", "--images", "new/odd.png", "--folder", "back", "--direction", "b_to_a")
    one, other = (pixels_in(f"{folder}/odd.png") for folder in ("there", "back"))
    assert one.shape == other.shape == (9, 13, 3)
    assert (one != other).any()
    assert "name images to translate with --images FOLDER" in mistake(capsys, "predict", "last")

    gan("test", "last", "--judge.extractor", "Colour")
    picture = pixels_in(RUN / "test-last/comparison.png")
    assert (picture.shape[1] / 3 - 2) % 16 == 0, "A, A to B, and back: three columns of images of 16 pixels, enlarged"
    printed = capsys.readouterr().out
    report = json.loads((RUN / "test-last/report.json").read_text())
    assert [*report["scores"]] == ["A to B", "A, unchanged", "B, real", "B to A", "B, unchanged", "A, real"]
    assert {*report["scores"]["A to B"]} == {
        "there and back (dB)",
        "back from 8 bits (dB)",
        "back from noise 1 (dB)",
        "back from noise 2 (dB)",
        "changed (grey levels)",
        "kernel distance",
    }
    assert "A to B: too few images for a Fréchet distance with this extractor" in printed
    assert {*report["faults"]} == {"A to B", "B to A"}
    assert "held-out images of Unpaired of A" in printed


def test_one_direction_has_no_way_back(capsys):
    train("cut")
    height, width, _ = pixels_in(RUN / "grids/step-0000002.png").shape
    assert width / height == pytest.approx((2 * 17 - 1) / (2 * 17 - 1)), "A and B'"
    capsys.readouterr()
    gan("validate", "last", "--judge.extractor", "Colour")
    assert "there and back" not in capsys.readouterr().out
    said = mistake(capsys, "predict", "--ckpt_path", LAST, "--images", "new", "--direction", "b_to_a")
    assert said.endswith("this model translates from A to B alone: leave out direction")


def test_mistakes_are_answered_in_one_line(capsys):
    config = ("fit", "--config", str(CONFIGS / "unpaired.yaml"), *SMALL, *BOTH)
    assert "data.a and data.b are both" in mistake(capsys, *config, "--data.b", "dark")
    assert "data.b is none, which is not there" in mistake(capsys, *config, "--data.b", "none")
    said = mistake(capsys, *config, "--model.backward_generator", "null")
    assert "there is model.backward_discriminator, but no model.backward_generator" in said
    both = ("--model.backward_generator", "null", "--model.backward_discriminator", "null")
    assert "Cycle translates back, and there is no model.backward_generator" in mistake(capsys, *config, *both)
    said = mistake(
        capsys,
        "fit",
        "--kind",
        "CycleTranslator",
        "--data",
        "ImageFolder",
        "--data.root",
        "dark",
        "--data.batch_size=8",
    )
    assert said.endswith("from images of two sides, and ImageFolder has one: set data to Unpaired")
    said = mistake(capsys, "fit", "--config", "super_resolution", "--data.root", "dark", "--model.terms+=Cycle")
    assert "model.terms is Cycle, but there is no such term; there are Charbonnier, FeatureMatching, L1" in said
