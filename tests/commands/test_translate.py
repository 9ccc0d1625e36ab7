"""A translator as a user meets it: train, look, translate, test."""

import json
from pathlib import Path

import numpy as np
import pytest
from helpers.commands import RUN, gan, mistake
from PIL import Image

from gan_lightning.commands.arguments import fit_arguments
from gan_lightning.core.deep_files import deep_png, deep_tiff
from gan_lightning.data.own_pixels import own_picture
from gan_lightning.editing.pictures import pictures_with_names

CONFIGS = Path(__file__).parents[2] / "configs"
LAST = str(RUN / "checkpoints/last.ckpt")


@pytest.fixture(autouse=True)
def photos(in_tmp_path):
    """Forty photographs, and some files to translate."""
    Path("photos").mkdir()
    for i in range(40):
        noise = np.random.default_rng(i).integers(0, 256, (4, 6, 3), dtype=np.uint8)
        Image.fromarray(noise).resize((72, 48), Image.Resampling.BICUBIC).save(f"photos/{i}.png")
    Path("new").mkdir()
    Image.new("RGB", (13, 7), (200, 100, 50)).save("new/odd.png")
    Image.new("L", (9, 9), 128).save("new/grey.jpg")
    Path("new/broken.png").write_bytes(b"no picture")


def pixels_in(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.array(image)


def train(name: str, *options: str) -> None:
    small = ["--data.image_size", "24", "--data.batch_size", "4", "--data.held_out", "0.5", "--trainer.max_steps", "2"]
    width = [
        f"--model.{player}.width=4" for player in ("generator", *(["discriminator"] if "super" not in name else []))
    ]
    gan("fit", "--config", str(CONFIGS / f"{name}.yaml"), "--data.root", "photos", *small, *width, *options)


def test_super_resolution_from_a_folder_to_larger_pictures_and_a_table(capsys):
    judged = ["--judge.every_n_steps", "1", "--checkpoint.monitor", "val/PSNR"]
    train("super_resolution", "--grid.rows", "2", "--grid.columns", "1", *judged)
    assert "val/PSNR" in (RUN / "metrics.csv").read_text().splitlines()[0]
    height, width, _ = pixels_in(RUN / "grids/step-0000002.png").shape
    assert width / height == pytest.approx((3 * 25 - 1) / (2 * 25 - 1)), "input, output, truth"
    assert f"make images:       gan predict {LAST} --images FOLDER\n" in capsys.readouterr().out

    gan("predict", "last", "--images", "new", "--folder", "large")
    printed = capsys.readouterr()
    assert pixels_in("large/odd.png").shape == (28, 52, 3)
    assert pixels_in("large/grey.jpg").shape == (36, 36), "grey, and in its own format"
    colour = pixels_in("large/odd.png")[8:-8, 8:-8].mean((0, 1))
    assert colour == pytest.approx([200, 100, 50], abs=12), "it begins as bicubic interpolation"
    assert "skipped: cannot read new/broken.png" in printed.err
    assert "wrote 2 images into large; skipped 1" in printed.out

    before = Path("large/odd.png").read_bytes()
    assert "no image could be translated" in mistake(
        capsys, "predict", "--ckpt_path", LAST, "--images", "new/odd.png", "--folder", "large"
    )
    assert Path("large/odd.png").read_bytes() == before, "what exists is not replaced"

    gan("test", "last")
    printed = capsys.readouterr().out
    assert "luminance (BT.601), without a border of 4 pixels" in printed
    report = json.loads((RUN / "test-last/report.json").read_text())
    assert {*report["scores"]} == {"version_0/last", "bicubic", "the true images"}
    assert {*report["scores"]["bicubic"]} == {"PSNR", "SSIM", "features"}
    assert "held-out images of ImagePatches" in report["images"]
    assert any(line.startswith("too few images for this extractor: ") for line in report["verdict"])
    header, *lines = (RUN / "test-last/samples.csv").read_text().splitlines()
    assert header == "image,made by,PSNR,SSIM,features"
    assert len(lines) == 3 * int(report["images"].split()[0])
    assert pixels_in(RUN / "test-last/comparison.png").shape[2] == 3

    assert "hold the same model" in mistake(capsys, "test", LAST, str(RUN / "checkpoints/best.ckpt"))
    train("super_resolution", "--seed", "1")
    gan("test", LAST, LAST.replace("version_0", "version_1"), "--judge.folder", "both", "--judge.samples", "20")
    assert "version_1/last against version_0/last: PSNR (dB)" in Path("both/report.md").read_text()


def test_inpainting_fills_what_is_transparent_and_nothing_else(capsys):
    train("inpainting")
    pixels = np.full((20, 30, 4), 255, dtype=np.uint8)
    pixels[..., 0] = 90
    pixels[5:10, 5:12, 3] = 0
    Image.fromarray(pixels).save("hole.png")
    Image.fromarray(np.zeros_like(pixels)).save("nothing.png")
    capsys.readouterr()
    gan("predict", "last", "--images", "hole.png", "nothing.png", "new/odd.png")
    errors = capsys.readouterr().err
    assert "nothing.png: all of it is transparent" in errors
    assert "new/odd.png: nothing in it is (more than half) transparent: erase what is to be made up" in errors
    made = pixels_in("translated/hole.png")
    hole = pixels[..., 3] == 0
    assert (made[~hole] == [90, 255, 255]).all()
    assert (made[hole] != [90, 255, 255]).any()


def test_colours_are_made_of_grey_pictures(capsys):
    train("colour")
    gan("predict", "--ckpt_path", LAST, "--images", "new/grey.jpg")
    assert pixels_in("translated/grey.jpg").shape == (9, 9, 3)
    said = mistake(capsys, "predict", LAST, "--folder", "coloured")
    assert said.endswith(f"{LAST} holds a translator, which makes images from images: name some with --images")
    gan("validate", LAST)
    printed = capsys.readouterr().out
    assert "all channels of all pixels" in printed
    assert "\nmean colour " in printed
    assert "colourfulness" in printed


def test_pictures_come_back_in_their_own_form_and_folders(capsys):
    train("super_resolution")
    deep = np.random.default_rng(0).integers(0, 65536, (9, 11, 4), dtype=np.uint16)
    deep[:, :, :3] = 40_000
    for name in ("in/a", "in/b"):
        Path(name).mkdir(parents=True)
        Path(name, "deep.png").write_bytes(deep_png(deep))
    Path("in/deep.TIFF").write_bytes(deep_tiff(deep[:, :, :1]))
    Image.new("RGB", (8, 8), "red").save("in/red.webp")
    Image.new("P", (8, 8)).save("in/old.gif")
    Image.new("P", (8, 8)).save("in/red.gif")
    gan("predict", "last", "--images", "in", "--folder", "in/out")
    found = sorted(str(path.relative_to("in/out")) for path in Path("in/out").rglob("*.*"))
    assert found == ["a/deep.png", "b/deep.png", "deep.TIFF", "old.png", "red.gif.png", "red.webp"]
    with Image.open("in/out/a/deep.png") as image:
        large = own_picture(image)
    assert (large.pixels.shape, large.pixels.dtype) == ((36, 44, 3), np.uint16)
    assert np.abs(large.pixels[8:-8, 8:-8] - 40_000.0).max() < 2_000, "it begins as bicubic interpolation"
    assert large.alpha is not None
    assert np.abs(large.alpha[2::4, 2::4, 0].astype(float) - deep[:, :, 3]).mean() < 8_000
    with Image.open("in/out/deep.TIFF") as image:
        assert image.mode == "I;16"
    capsys.readouterr()
    gan("predict", "last", "--images", "in", "--folder", "in/other")
    assert "wrote 12 images" in capsys.readouterr().out, "those below another folder of results, too"
    assert "all images are in in/out" in mistake(
        capsys, "predict", "--ckpt_path", LAST, "--images", "in/out", "--folder", "in/out"
    )


def test_pictures_of_equal_names_keep_the_names_of_their_folders():
    for name in ("x/deep", "y"):
        Path(name).mkdir(parents=True)
        Image.new("L", (2, 2)).save(f"{name}/a.png")
    Image.new("L", (2, 2)).save("x/a.png")
    found = [str(name) for _, name in pictures_with_names(["x", "y", "new/odd.png"])]
    assert found == ["x/a.png", "deep/a.png", "y/a.png", "odd.png"]
    assert [str(name) for _, name in pictures_with_names(["x/a.png", "x/deep/a.png"])] == ["x/a.png", "deep/a.png"]


def test_a_folder_alone_is_the_root_of_data_that_a_config_cuts_or_pairs(capsys):
    def data_of(config: str, *words: str) -> list[str]:
        return fit_arguments(["--config", str(CONFIGS / f"{config}.yaml"), *words])[2:]

    assert data_of("super_resolution", "photos") == ["--data", "ImagePatches", "--data.root", "photos"]
    assert data_of("paired", "--data=photos") == ["--data", "Pairs", "--data.root", "photos"]
    assert data_of("mnist", "photos") == ["--data", "ImageFolder", "--data.root", "photos"]
    assert fit_arguments(["--config=a: 1\n" + 300 * "b", "photos"])[1:] == [
        "--data",
        "ImageFolder",
        "--data.root",
        "photos",
    ]
    said = mistake(capsys, "fit", "--config", str(CONFIGS / "unpaired.yaml"), "photos")
    assert "photos is one folder, and Unpaired reads two: name them as --data.a and --data.b" in said


def test_mistakes_are_answered_in_one_line(capsys):
    said = mistake(
        capsys,
        "fit",
        "--config",
        str(CONFIGS / "super_resolution.yaml"),
        "--data.root",
        "photos",
        "--data.image_size=30",
    )
    assert "images of 30x30 cannot be made 4 times smaller" in said
    train("super_resolution")
    assert "name images to translate with --images FOLDER" in mistake(capsys, "predict", "last")
    assert "images must be given: --images my_images" in mistake(capsys, "predict", "last", "--images")
    assert "there is no picture nowhere" in mistake(capsys, "predict", "last", "--images", "nowhere")
    gan("fit", "--data", "Digits", "--trainer.max_steps", "1", "--trainer.default_root_dir", "other")
    run = "other/lightning_logs/version_0"
    assert "holds a GAN, which makes no images from images" in mistake(capsys, "predict", run, "--images", "new")
