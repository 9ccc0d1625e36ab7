"""Whatever folder a user has, `gan fit` ends in pictures or in one sentence."""

import io
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gan_lightning import cli
from gan_lightning.data import ImageFolder
from gan_lightning.data.image_source import image_source

RANDOM = np.random.default_rng(0)
SMALL = ["--data.image_size", "8", "--data.batch_size", "3", "--trainer.max_steps", "2"]
NETWORKS = ["--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]"]


def noise(*shape: int, kind: type = np.uint8) -> Image.Image:
    return Image.fromarray(RANDOM.integers(np.iinfo(kind).max, size=shape).astype(kind))


def saved(image: Image.Image, *names: str, **options) -> None:
    for name in names:
        path = Path("images") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **options)


def six(ending: str) -> list[str]:
    return [f"{i}{ending}" for i in range(6)]


def grey() -> None:
    saved(noise(9, 9), *six(".png"))


def grey_and_alpha() -> None:
    saved(noise(9, 9, 4).convert("LA"), *six(".png"))


def colour_and_alpha() -> None:
    saved(noise(9, 9, 4), *six(".png"))


def printed() -> None:
    saved(noise(9, 9, 3).convert("CMYK"), *six(".jpg"))


def sixteen_bits() -> None:
    saved(noise(9, 9, kind=np.uint16), *six(".png"))
    saved(noise(9, 9, kind=np.uint16), *six(".tif"))


def uneven() -> None:
    saved(noise(31, 47, 3), *six(".png"))


def mixed() -> None:
    for make in (grey, colour_and_alpha, printed, sixteen_bits):
        make()
    saved(noise(300, 2, 3), "narrow.png")
    saved(noise(1, 1, 3), "dot.png")


def three() -> None:
    saved(noise(9, 9, 3), "a.png", "b.png", "c.png")


def animated() -> None:
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    saved(frames[0], *six(".gif"), save_all=True, append_images=frames[1:])


def modern() -> None:
    saved(noise(9, 9, 3), *six(".webp"), *six(".avif"))


def deep() -> None:
    saved(noise(9, 9, 3), *(f"{a}/{b}/{c}.png" for a in "xy" for b in "12" for c in "pq"))


def one_broken() -> None:
    three()
    Path("images/b2.png").write_bytes(Path("images/b.png").read_bytes()[:60])


def empty() -> None:
    Path("images/inner").mkdir(parents=True)


def no_images() -> None:
    Path("images").mkdir()
    Path("images/notes.txt").write_text("hello")


def phone() -> None:
    Path("images").mkdir()
    for i in range(12):
        Path(f"images/IMG_{i:04}.HEIC").write_bytes(b"....ftypheic")


PICTURES = [
    grey, grey_and_alpha, colour_and_alpha, printed, sixteen_bits, uneven, mixed, three, animated, modern, deep,
]  # fmt: skip

SENTENCES: list[tuple[Callable[[], None], str]] = [
    (one_broken, r"b2\.png \(.*\): remove it, or skip unreadable files with data.skip_corrupt true"),
    (empty, "no image found in images or below it"),
    (no_images, "no image found in images or below it"),
    (phone, "no image found in images or below it but 12 .heic files, which are not read: convert them to JPEG or PNG"),
]


def in_zip(folder: str) -> str:
    """Packs a folder as a file manager would."""
    return shutil.make_archive(folder, "zip", ".", folder)


def trained(root: str, *options: str) -> None:
    cli.main(["fit", "--data", "ImageFolder", "--data.root", root, *SMALL, *NETWORKS, *options])


def sentence(capsys: pytest.CaptureFixture, root: str, *options: str) -> str:
    """What `gan fit` says where it ends without a picture."""
    with pytest.raises(SystemExit) as caught:
        trained(root, *options)
    assert caught.value.code == 2
    error = capsys.readouterr().err.strip().splitlines()
    assert error[-1].startswith("gan fit: ")
    assert not any("Traceback" in line for line in error)
    return error[-1]


@pytest.mark.parametrize("make", PICTURES)
def test_a_difficult_folder_ends_in_pictures(make, in_tmp_path):
    make()
    trained("images")
    assert [*Path("lightning_logs").rglob("grids/*.png")]


def test_a_difficult_folder_in_a_zip_file_ends_in_pictures(in_tmp_path):
    mixed()
    trained(in_zip("images"))
    assert [*Path("lightning_logs").rglob("grids/*.png")]


@pytest.mark.parametrize("pack", [str, in_zip], ids=["folder", "zip"])
@pytest.mark.parametrize(("make", "words"), SENTENCES)
def test_a_folder_without_what_it_takes_ends_in_one_sentence(make, words, pack, in_tmp_path, capsys):
    make()
    root = pack("images")
    expected = words.replace("in images or", f"in {root} or")
    assert re.search(expected, sentence(capsys, root))


def test_one_broken_file_is_skipped_on_request(in_tmp_path, capsys):
    one_broken()
    with pytest.warns(UserWarning, match=r"skipped 1 of 4 images that cannot be read, first images/b2\.png"):
        trained("images", "--data.skip_corrupt", "true")
    assert [*Path("lightning_logs").rglob("grids/*.png")]


def test_fewer_images_than_a_batch_end_in_one_sentence(in_tmp_path, capsys):
    three()
    words = sentence(capsys, "images", "--data.batch_size", "64")
    assert "ImageFolder has 3 images, fewer than one batch of 64: set data.batch_size to at most 3" in words


def test_the_folder_of_a_run_is_refused_and_skipped_where_the_images_are_beside_it(in_tmp_path, capsys):
    three()
    trained("images", "--trainer.default_root_dir", "images")
    (run,) = Path("images/lightning_logs").iterdir()
    words = sentence(capsys, str(run))
    assert f"{run} is the folder of a run, and its pictures are grids: name a folder of images" in words
    with pytest.warns(UserWarning, match=r"skipped 1 that are folders of runs, with grids in them, first images/light"):
        assert image_source("images").names == ["a.png", "b.png", "c.png"]


def test_pictures_of_phones_among_others_are_left_out_and_counted(in_tmp_path):
    phone()
    saved(noise(9, 9, 3), "a.png")
    for root in ("images", in_zip("images")):
        with pytest.warns(UserWarning, match=r"left out 12 \.heic files, which are not read, first .*: convert them"):
            assert len(image_source(root).names) == 1


def test_of_an_animation_the_first_picture_is_taken(in_tmp_path):
    animated()
    data = ImageFolder("images", 4)
    data.setup("fit")
    assert data.source.tensors[0].float().mean((0, 2, 3)).tolist() == [255, 0, 0]  # type: ignore[union-attr]


def test_folders_of_folders_of_folders_are_classes_by_the_first(in_tmp_path):
    deep()
    data = ImageFolder("images", 4)
    data.setup("fit")
    assert data.class_names == ("x", "y")


@pytest.mark.long
def test_fifty_thousand_files_are_read(in_tmp_path):
    stream = io.BytesIO()
    noise(3, 3, 3).save(stream, "PPM")
    with zipfile.ZipFile("images.zip", "w") as archive:
        for i in range(50_000):
            archive.writestr(f"{i % 10}/{i}.ppm", stream.getvalue())
    with zipfile.ZipFile("images.zip") as archive:
        archive.extractall("images")
    for root in ("images", "images.zip"):
        data = ImageFolder(root, 4)
        data.setup("fit")
        assert len(data.source) == 50_000  # type: ignore[arg-type]
        assert data.classes == 10
