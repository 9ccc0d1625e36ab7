"""Image files that strangers made neither run programs, nor fill the memory, nor keep the reader waiting."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.bombs import BOMBS, TOO_LARGE, WHOLE, gif, progressive
from PIL import Image, ImageOps
from PIL import __version__ as PILLOW

from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageFolder, image_files
from gan_lightning.data.decoding import decode as decode_file
from gan_lightning.data.decoding import fitted
from gan_lightning.data.folder_files import FilesInFolder
from gan_lightning.data.image_files import ENDINGS, FileOnDisk, Limit, formats, read_image, reading
from gan_lightning.evaluation import stored_samples

SHAPE = (3, 8, 8)
POSTSCRIPT = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\nshowpage\n%%EOF\n"
SAVED = {
    "a.png": {},
    "a.jpg": {},
    "a.webp": {},
    "a.bmp": {},
    "a.gif": {},
    "a.tif": {},
    "b.tif": {"compression": "tiff_lzw"},
    "a.ppm": {},
    "a.jp2": {},
    "a.avif": {},
}


def picture_file(path: Path, size: tuple[int, int] = (8, 8), **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise(size, 90).convert("RGB").save(path, **options)
    return path


def load(folder: Path, **options) -> ImageFolder:
    data = ImageFolder(str(folder), image_size=8, **options)
    data.setup("fit")
    return data


def decode(path: Path, image_shape: tuple[int, int, int]) -> torch.Tensor:
    return decode_file(FileOnDisk(path), image_shape)


def found_in(root: Path) -> list[Path]:
    """The image files below a folder, in order."""
    return [root / name for name in FilesInFolder(root).names]


def refusal(path: Path) -> str:
    """Why the file cannot be decoded, in one line."""
    with pytest.raises(UserError) as caught, reading(image_files.MAX_PIXELS):
        decode(path, SHAPE)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- programs -------------------------------------------------------------------------------------------------------


@pytest.fixture
def ghostscript(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that is there once something has started `gs`."""
    marker, programs = tmp_path / "started", tmp_path / "bin"
    programs.mkdir()
    (programs / "gs").write_text(f"#!/bin/sh\ntouch {marker}\n")
    (programs / "gs").chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)
    monkeypatch.setattr("PIL.EpsImagePlugin.gs_binary", None)  # Pillow remembers what it has found
    return marker


@pytest.mark.parametrize("read", [load, lambda folder: stored_samples(folder, SHAPE)], ids=["fit", "test"])
def test_postscript_under_the_name_of_a_picture_starts_no_program(read, ghostscript, tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_bytes(POSTSCRIPT)
    with pytest.raises(UserError, match=r"cannot read .*a\.png \(it is damaged, or none of PNG, JPEG, "):
        read(tmp_path / "images")
    assert not ghostscript.exists()


@pytest.mark.parametrize(
    "start",
    [
        POSTSCRIPT,
        b"\xd7\xcd\xc6\x9a" + bytes(60),
        b"SIMPLE  =                    T".ljust(80) + b"END".ljust(80),
        b'/* XPM */\nstatic char *a[] = {"1 1 1 1",\n"a c #000000",\n"a"};',
        b"#define a_width 8\n#define a_height 1\nstatic char a_bits[] = {0};",
        b"8BPS" + bytes(60),
        b"icns" + bytes(60),
        b"qoif" + bytes(60),
        b"\x89HDF\r\n\x1a\n" + bytes(60),
    ],
    ids=["ps", "wmf", "fits", "xpm", "xbm", "psd", "icns", "qoi", "hdf"],
)
def test_other_formats_are_refused_whatever_they_are_called(start, tmp_path):
    (tmp_path / "a.png").write_bytes(start)
    assert "it is damaged, or none of PNG" in refusal(tmp_path / "a.png")


def test_every_ending_has_its_format():
    Image.init()
    assert {Image.EXTENSION[ending] for ending in ENDINGS} == {*formats()} - {"DIB"}


@pytest.mark.parametrize("name", SAVED)
def test_a_supported_format_is_read_under_any_name(name, tmp_path):
    path = picture_file(tmp_path / name, **SAVED[name])
    other = path.rename(tmp_path / "other.png")
    assert decode(other, SHAPE).shape == SHAPE


def test_the_first_of_the_pictures_in_a_photograph_is_read(tmp_path):
    white, black = Image.new("RGB", (8, 8), "white"), Image.new("RGB", (8, 8))
    white.save(tmp_path / "a.jpg", "MPO", save_all=True, append_images=[black])
    assert (decode(tmp_path / "a.jpg", SHAPE) == 255).all()


# ---- memory ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOO_LARGE)
def test_too_many_pixels_are_refused_by_the_header_alone(name, tmp_path):
    if name == "a.webp" and int(PILLOW.split(".")[0]) < 13:
        pytest.skip("Pillow before 13 refuses such a file by itself, without its size")
    (tmp_path / name).write_bytes(TOO_LARGE[name]())
    message = refusal(tmp_path / name)
    assert "pixels, and data.max_pixels is 80,000,000" in message
    assert int(message.split("it has ")[1].split(" pixels")[0].replace(",", "")) > 80_000_000


def test_what_files_hold_beside_their_pixels_takes_no_memory(tmp_path):
    """In a process of its own, whose peak no other test has raised."""
    for name, make in {**TOO_LARGE, **BOMBS}.items():
        (tmp_path / name).write_bytes(make())
    picture_file(tmp_path / "whole.png")
    script = f"""if True:
        import resource, warnings
        from gan_lightning.data import ImageFolder
        peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        before = peak()
        warnings.simplefilter("ignore")
        ImageFolder({str(tmp_path)!r}, skip_corrupt=True).setup("fit")
        print(peak() - before)"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) * (1 if sys.platform == "darwin" else 1024) < 200 * 2**20, done.stdout


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_an_image_or_one_line(name, tmp_path):
    (tmp_path / name).write_bytes(BOMBS[name]())
    if name in WHOLE:
        assert decode(tmp_path / name, SHAPE).shape == SHAPE
    else:
        refusal(tmp_path / name)


def test_bombs_are_skipped_like_other_files_that_cannot_be_read(tmp_path):
    (tmp_path / "a.png").write_bytes(TOO_LARGE["a.png"]())
    picture_file(tmp_path / "b.png")
    with pytest.warns(UserWarning, match=r"skipped 1 of 2 images that cannot be read, first .*a\.png"):
        assert len(load(tmp_path, skip_corrupt=True).source) == 1  # type: ignore[arg-type]


def test_only_the_first_frame_of_an_endless_animation_is_read(tmp_path):
    (tmp_path / "a.gif").write_bytes(gif(4, 4, frames=100_000))
    assert decode(tmp_path / "a.gif", SHAPE).shape == SHAPE


def test_a_file_with_more_bytes_than_any_image_is_not_read(tmp_path):
    with open(picture_file(tmp_path / "a.webp"), "r+b") as file:
        file.truncate(2**40)  # takes no room on disk
    assert "it has 1,099,511,627,776 bytes" in refusal(tmp_path / "a.webp")


@pytest.mark.parametrize("scans", [6, 100, 101])
def test_a_jpeg_does_not_go_over_its_pixels_again_and_again(scans, tmp_path):
    (tmp_path / "a.jpg").write_bytes(progressive(scans))
    if scans > 100:
        assert "it has more than 100 scans" in refusal(tmp_path / "a.jpg")
    else:
        assert (decode(tmp_path / "a.jpg", SHAPE) == 128).all()


@pytest.mark.parametrize("name", SAVED)
def test_a_file_that_ends_early_is_refused_in_one_line(name, tmp_path):
    whole = picture_file(tmp_path / name, (40, 40), **SAVED[name]).read_bytes()
    for length in (0, 1, 12, len(whole) // 3, len(whole) // 2):
        (tmp_path / name).write_bytes(whole[:length])
        refusal(tmp_path / name)


def test_the_limit_on_pixels_can_be_lowered_and_raised(tmp_path, monkeypatch):
    picture_file(tmp_path / "a.png", (30, 20))
    with pytest.raises(UserError, match=r"it has 600 pixels, and data.max_pixels is 599\): remove it"):
        load(tmp_path, max_pixels=599)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)  # Pillow refuses 201
    for memory_gib in (1.0, 0.0):
        data = load(tmp_path, max_pixels=600, memory_gib=memory_gib)
        assert data.source[torch.tensor([0])][0].shape == (1, *SHAPE)  # type: ignore[index]
    assert Image.MAX_IMAGE_PIXELS == 100


@pytest.mark.parametrize("max_pixels", [0, -1])
def test_a_limit_that_no_image_keeps_is_refused(max_pixels, tmp_path):
    with pytest.raises(UserError, match=rf"data.max_pixels is {max_pixels}; it must be at least 1"):
        ImageFolder(str(tmp_path), max_pixels=max_pixels)


@pytest.mark.parametrize(("large", "together"), [(9_999, 1), (10_000, 2)])
def test_large_images_are_decoded_one_at_a_time(large, together, tmp_path, monkeypatch):
    monkeypatch.setattr(image_files, "LARGE", large)
    path, limit = tmp_path / "a.png", Limit(10**6, "", "")
    Image.new("L", (100, 100)).save(path)
    inside, most, both = [], [], threading.Barrier(2)

    def use(image: Image.Image) -> None:
        inside.append(1)
        if together == 2:
            both.wait(10)
        most.append(len(inside))
        inside.pop()

    threads = [threading.Thread(target=read_image, args=(FileOnDisk(path), use, limit)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == together


def test_an_error_does_not_keep_the_pixels(tmp_path):
    path = picture_file(tmp_path / "a.png")
    seen = []

    def use(image: Image.Image) -> None:
        image.load()
        seen.append(image)
        raise OSError("no")

    with pytest.raises(UserError) as caught:
        read_image(FileOnDisk(path), use, Limit(10**6, "", ""))
    assert caught.value.__context__ is None
    with pytest.raises(ValueError, match="closed image"):
        seen[0].getpixel((0, 0))


# ---- conversions ----------------------------------------------------------------------------------------------------

MODES = ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "LAB", "HSV"]
DEEP = ["I", "I;16", "I;16B", "F"]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("mode", MODES + DEEP)
def test_images_of_every_mode_can_be_read(mode, channels):
    image = fitted(Image.new(mode, (9, 7)), (channels, 4, 4))
    assert image.shape == (channels, 4, 4)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_tiff_of_lab_colours_is_read_as_the_colours_that_they_are(channels, tmp_path):
    Image.new("LAB", (8, 8), (round(0.5 * 255), 128, 128)).save(tmp_path / "a.tif")
    image = decode(tmp_path / "a.tif", (channels, 8, 8))
    assert (image.int() - 119).abs().max() <= 2  # L* = 50 is a grey of 119, CIE 15 with sRGB's curve


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 3e38])
def test_numbers_that_are_none_are_black_or_white(value, tmp_path):
    Image.fromarray(np.full((8, 8), value, dtype=np.float32)).save(tmp_path / "a.tif")
    assert decode(tmp_path / "a.tif", SHAPE).unique().tolist() in ([0], [255])


def plain(path: Path) -> torch.Tensor:
    """Decodes a picture as the documentation of ImageFolder says, without any care."""
    with Image.open(path) as file:
        image = ImageOps.exif_transpose(file)
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image.convert("RGBA"))
    image = ImageOps.fit(image.convert("RGB"), (8, 8), Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)


ORDINARY = ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr"]


def saved_in_each_mode(folder: Path, name: str) -> Iterator[Path]:
    """Noise in all modes that the format of a file can hold, and that Pillow itself reads again."""
    noise = Image.fromarray(np.random.default_rng(0).integers(256, size=(30, 50, 4), dtype=np.uint8))
    for mode in ORDINARY:
        image = noise.convert("RGB" if mode in ("P", "CMYK", "YCbCr") else "RGBA").convert(mode)
        with contextlib.suppress(OSError, ValueError, KeyError):
            image.save(folder / name, **SAVED[name])
            with Image.open(folder / name) as again:
                again.load()
            yield folder / name


@pytest.mark.parametrize("name", SAVED)
def test_care_changes_no_pixel_of_an_ordinary_picture(name, tmp_path):
    for path in saved_in_each_mode(tmp_path, name):
        assert torch.equal(decode(path, SHAPE), plain(path))


def test_strips_on_white_are_the_whole_on_white(tmp_path):
    noise = np.random.default_rng(0).integers(256, size=(1200, 1000, 4), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png", compress_level=1)
    assert torch.equal(decode(tmp_path / "a.png", SHAPE), plain(tmp_path / "a.png"))


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_an_uncompressed_tiff_is_turned_upright(mode, tmp_path):
    """Pillow maps such files into memory, unless it is given an open file, and then garbles those on their side."""
    image, exif = Image.effect_noise((30, 50), 90).convert(mode), Image.Exif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.tif", exif=exif)
    image.save(tmp_path / "b.tif", exif=exif, compression="tiff_lzw")
    assert torch.equal(decode(tmp_path / "a.tif", SHAPE), decode(tmp_path / "b.tif", SHAPE))


# ---- finding --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("read", [load, lambda folder: stored_samples(folder, SHAPE)], ids=["fit", "test"])
def test_what_is_no_regular_file_is_skipped_and_named(read, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "nowhere.png").symlink_to("gone")
    (tmp_path / "itself.png").symlink_to("itself.png")
    (tmp_path / "device.png").symlink_to("/dev/zero")
    (tmp_path / "folder.png").mkdir()
    picture_file(tmp_path / "whole.png")
    with pytest.warns(UserWarning, match=r"skipped 5 that are not regular files, first .*device\.png") as caught:
        read(tmp_path)
    assert len(caught) == 1


def test_a_socket_is_no_image(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("a.png")
        with pytest.warns(UserWarning, match="skipped 1 that are not regular files"), pytest.raises(UserError):
            load(Path())


def test_a_file_that_has_become_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    assert "it is not a regular file" in refusal(tmp_path / "a.png")


def test_names_cannot_steer_the_terminal(tmp_path):
    os.mkfifo(tmp_path / "\x1b[2J.png")
    picture_file(tmp_path / "b.png")
    with pytest.warns(UserWarning, match=r"first .*\\x1b\[2J\.png") as caught:
        load(tmp_path)
    assert "\x1b" not in str(caught[0].message)


def test_a_linked_folder_is_a_class(tmp_path):
    for name in ("images/ant/1.png", "elsewhere/2.png"):
        picture_file(tmp_path / name)
    (tmp_path / "images" / "cat").symlink_to(tmp_path / "elsewhere")
    data = load(tmp_path / "images")
    assert data.source.tensors[1].tolist() == [0, 1]  # type: ignore[union-attr]


def test_a_folder_that_is_linked_and_there_is_found_where_it_is(tmp_path):
    picture_file(tmp_path / "b" / "1.png")
    (tmp_path / "a").symlink_to("b")
    assert found_in(tmp_path) == [tmp_path / "b" / "1.png"]


@pytest.mark.parametrize("target", [".", "..", "/"])
def test_links_to_where_they_are_do_not_go_round(target, tmp_path):
    root = tmp_path / "images"
    picture_file(root / "deep" / "1.png")
    (root / "deep" / "round").symlink_to(target if target != "." else root, target_is_directory=True)
    assert found_in(root) == [root / "deep" / "1.png"]


def test_links_do_not_multiply(tmp_path):
    """Two links in each of 30 folders to the next one are 2^30 paths to the last."""
    for i in range(30):
        (tmp_path / "chain" / f"{i}").mkdir(parents=True)
        for name in ("a", "b"):
            (tmp_path / "chain" / f"{i}" / name).symlink_to(f"../{i + 1}")
    picture_file(tmp_path / "chain" / "30" / "1.png")
    (tmp_path / "images").symlink_to("chain/0")
    assert len(found_in(tmp_path / "images")) == 1


def test_a_folder_that_cannot_be_looked_into_is_named(tmp_path, monkeypatch):
    picture_file(tmp_path / "a.png")
    (tmp_path / "closed").mkdir()
    look = os.scandir

    def scandir(folder):
        if str(folder).endswith("closed"):
            raise PermissionError(13, "Permission denied", folder)
        return look(folder)

    monkeypatch.setattr(os, "scandir", scandir)  # root may look into any folder
    with pytest.raises(UserError, match=r"cannot look into 1 folder, first .*closed \(Permission denied\)"):
        found_in(tmp_path)


def test_images_are_found_in_the_order_of_their_paths(tmp_path):
    for name in ("b/1.png", "b.png", "b-c/1.PNG", "a/z/1.jpg", "a-jpeg/1.webp", "B/1.gif", "10.png", "9.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / ".hidden.png").touch()
    (tmp_path / "notes.txt").touch()
    shown = [p for p in tmp_path.rglob("*") if p.suffix.lower() in ENDINGS and p.name[0] != "." and p.is_file()]
    assert found_in(tmp_path) == sorted(shown)
