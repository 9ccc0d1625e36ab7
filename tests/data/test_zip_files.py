"""A zip file is read as the folder that it unpacks to; a damaged or hostile one ends in one line."""

import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.mutants import damaged, few
from hypothesis import given
from PIL import Image

from gan_lightning.commands.arguments import fit_arguments
from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageFolder, zip_files
from gan_lightning.data.image_files import MAX_PIXELS, Limit, read_image
from gan_lightning.data.image_source import image_source
from gan_lightning.data.zip_files import FilesInZip
from gan_lightning.evaluation import stored_samples

NOISE = np.random.default_rng(0).integers(256, size=(60, 6, 5, 3), dtype=np.uint8)
ANY = Limit(MAX_PIXELS, "", "")


def png(image: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG")
    return stream.getvalue()


def zipped(path: Path, names: list[str], method: int = zipfile.ZIP_DEFLATED, force_zip64: bool = False) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, noise in zip(names, NOISE, strict=False):
            with archive.open(name, "w", force_zip64=force_zip64) as member:
                member.write(png(noise))
    return path


def unzipped(path: Path, folder: Path) -> Path:
    with zipfile.ZipFile(path) as archive:
        archive.extractall(folder)
    return folder


def loaded(root: Path, **options) -> ImageFolder:
    data = ImageFolder(str(root), image_size=(6, 5), **options)
    data.setup("fit")
    return data


def pixels(data: ImageFolder) -> torch.Tensor:
    assert data.source is not None
    return data.source[torch.arange(len(data.source))][0]  # type: ignore[arg-type]


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        loaded(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# ---- as a folder ----------------------------------------------------------------------------------------------------

LAYOUTS = {
    "flat": [f"{i}.png" for i in range(40)],
    "classes": [f"{'cat' if i % 3 else 'ant'}/{'deep/' * (i % 2)}{i}.png" for i in range(40)],
    "in one folder": [f"photos/{'cat' if i % 3 else 'ant-eater'}/{i}.png" for i in range(40)],
    "flat in two folders": [f"photos/mine/{i}.png" for i in range(40)],
    "some in folders": [f"{'cat/' * (i % 2)}{i}.png" for i in range(40)],
}


@pytest.mark.parametrize("memory_gib", [1.0, 0.0])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED], ids=["stored", "deflated"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_zip_file_is_read_as_the_folder_that_it_unpacks_to(layout, method, memory_gib, tmp_path):
    path = zipped(tmp_path / "images.zip", LAYOUTS[layout], method)
    folder = unzipped(path, tmp_path / "images")
    packed, plain = (loaded(root, held_out=0.2, memory_gib=memory_gib) for root in (path, folder))
    assert packed.classes == plain.classes == (2 if layout in ("classes", "in one folder") else 0)
    assert torch.equal(packed.left_out.chosen, plain.left_out.chosen)  # type: ignore[union-attr]
    for part in ("source", "left_out"):
        everything = torch.arange(len(getattr(packed, part)))
        (x, y), (other_x, other_y) = (getattr(data, part)[everything] for data in (packed, plain))
        assert torch.equal(x, other_x)
        assert torch.equal(y, other_y)


def test_the_files_and_their_sizes_are_listed_without_reading_one(tmp_path):
    path = zipped(tmp_path / "images.zip", ["b/1.png", "b.png", "b-c/1.PNG", "a/z/1.jpg", "10.png", "9.png"])
    listed, unpacked = image_source(path), image_source(unzipped(path, tmp_path / "images"))
    assert listed.names == unpacked.names == ["10.png", "9.png", "a/z/1.jpg", "b/1.png", "b-c/1.PNG", "b.png"]
    assert listed.sizes.tolist() == unpacked.sizes.tolist()


def test_hidden_files_and_those_that_a_mac_adds_are_no_images(tmp_path):
    names = ["photos/1.png", "__MACOSX/photos/._1.png", "__MACOSX/2.png", "photos/.3.png", "photos/.thumbs/4.png"]
    path = zipped(tmp_path / "images.zip", [*names, "photos/notes.txt"])
    assert image_source(path).names == ["photos/1.png"]
    assert image_source(unzipped(path, tmp_path / "images")).names == ["photos/1.png"]


def test_a_zip_file_of_long_numbers_or_behind_a_program_is_read(tmp_path):
    path = zipped(tmp_path / "a.zip", ["1.png", "2.png"], force_zip64=True)
    (tmp_path / "b.zip").write_bytes(b"#!/bin/sh\n" + path.read_bytes())
    assert torch.equal(pixels(loaded(path)), pixels(loaded(tmp_path / "b.zip")))


def test_a_zip_file_of_more_members_than_sixteen_bits_count_is_listed(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for i in range(65_600):
            archive.writestr(f"{i:05}.png", b"")
    assert len(FilesInZip(tmp_path / "a.zip").names) == 65_600


def test_numbers_of_64_bits_are_read():
    extra = struct.pack("<2HQQ", 1, 16, 2**33, 2**34)
    assert zip_files.in_64_bits((2**32 - 1, 7, 2**32 - 1), struct.pack("<2HL", 9, 4, 0) + extra) == [2**33, 7, 2**34]
    with pytest.raises(ValueError, match="missing"):
        zip_files.in_64_bits((2**32 - 1, 7, 7), b"")


def test_names_of_any_script_and_of_old_programs_are_decoded(tmp_path):
    path = zipped(tmp_path / "a.zip", ["Katze/ä.png", "猫/1.png"])
    assert image_source(path).names == ["Katze/ä.png", "猫/1.png"]
    assert zip_files.decoded_name("ä.png".encode("cp437")) == "ä.png"
    assert zip_files.decoded_name(b"cats\\1.png") == "cats/1.png"


def test_of_members_of_one_name_the_last_counts(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = zipped(tmp_path / "a.zip", ["1.png", "1.png"])
    assert (pixels(loaded(path))[0].movedim(0, 2).numpy() == NOISE[1]).all()


def test_pictures_in_a_zip_file_are_evaluated(tmp_path):
    path = zipped(tmp_path / "a.zip", ["1.png", "grid.png", "2.png"])
    assert len(stored_samples(path, (3, 6, 5))) == 2


def test_a_zip_file_alone_means_data():
    images = ["--data", "ImageFolder", "--data.root", "photos.zip"]
    assert fit_arguments(["photos.zip"]) == fit_arguments(["--data", "photos.zip"]) == images
    assert fit_arguments(["--data=photos.zip"]) == images


# ---- damage and malice ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"PK\5\6", b"no zip file", b"PK\5\6" + b"\xff" * 18])
def test_what_is_no_zip_file_is_refused(content, tmp_path):
    (tmp_path / "a.zip").write_bytes(content)
    assert "is damaged, or no zip file" in refusal(tmp_path / "a.zip")


def test_a_zip_file_without_images_or_that_is_not_there_is_refused(tmp_path):
    assert "no image found in" in refusal(zipped(tmp_path / "a.zip", ["notes.txt"]))
    assert "which is not there" in refusal(tmp_path / "b.zip")


def test_a_zip_file_that_ends_early_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", ["1.png", "2.png"])
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        refusal(path)


def test_an_encrypted_zip_file_is_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", ["1.png"])
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    assert "is encrypted: unpack it" in refusal(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_to_pack_are_refused(method, tmp_path):
    assert f"is packed by method {method}" in refusal(zipped(tmp_path / "a.zip", ["1.png"], method))


def test_a_changed_byte_of_a_member_is_noticed_and_the_member_named(tmp_path):
    path = zipped(tmp_path / "a.zip", ["cats/1.png", "cats/2.png"], zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 8] ^= 1
    path.write_bytes(content)
    message = "its bytes are not those that the zip file lists"
    assert f"cannot read {path}/cats/1.png ({message}): remove it, or skip" in refusal(path)
    with pytest.warns(UserWarning, match=r"skipped 1 of 2 images that cannot be read, first .*a.zip/cats/1.png"):
        assert len(loaded(path, skip_corrupt=True).source) == 1  # type: ignore[arg-type]


def with_sizes(path: Path, size: int) -> Path:
    """Changes the unpacked size that is listed for the first member."""
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\1\2") + 24
    content[place : place + 4] = struct.pack("<L", size)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("size", [0, 10, 10**6])
def test_a_member_of_another_size_than_listed_is_refused(size, tmp_path):
    assert "its bytes are not those" in refusal(with_sizes(zipped(tmp_path / "a.zip", ["1.png"]), size))


def test_a_member_that_grows_like_no_photograph_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1.png", bytes(17_000_000))
    monkeypatch.delattr(zip_files, "zlib")
    assert "to 17,000,000, as no photograph does" in refusal(tmp_path / "a.zip")


def test_members_that_share_bytes_are_refused(tmp_path):
    """Fifield, "A better zip bomb", 2019: thousands of entries of the list name the same few bytes."""
    path = zipped(tmp_path / "a.zip", ["1.png"])
    content = path.read_bytes()
    start, end = content.index(b"PK\1\2"), content.index(b"PK\5\6")
    entry = content[start:end]
    entries = b"".join(entry.replace(b"1.png", b"%d.png" % i) for i in range(3))
    path.write_bytes(content[:start] + entries + content[end:-10] + struct.pack("<2LH", len(entries), start, 0))
    assert "is damaged, or no zip file" in refusal(path)


def test_links_in_a_zip_file_are_skipped_and_named(tmp_path):
    path = zipped(tmp_path / "a.zip", ["1.png"])
    link = zipfile.ZipInfo("2.png")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.warns(UserWarning, match=r"skipped 1 that are not regular files, first 2\.png"):
        assert len(loaded(path).source) == 1  # type: ignore[arg-type]


def test_names_that_point_elsewhere_are_only_names(tmp_path):
    (tmp_path / "inside").mkdir()
    names = ["../../1.png", "/etc/2.png", "c:\\3.png", "\x1b[2J/4.png"]
    path = zipped(tmp_path / "inside" / "a.zip", names)
    assert len(loaded(path).source) == 3  # type: ignore[arg-type]  # a name that begins with a dot is hidden
    assert {p.name for p in tmp_path.rglob("*")} == {"inside", "a.zip"}


WHOLE = io.BytesIO()
with zipfile.ZipFile(WHOLE, "w", zipfile.ZIP_DEFLATED) as made:
    for number in range(3):
        made.writestr(f"{number}.png", png(NOISE[number]))


@pytest.mark.filterwarnings("ignore:skipped")  # a damaged entry can claim to be a link
@few
@given(content=damaged([WHOLE.getvalue()]))
def test_a_damaged_zip_file_is_images_or_one_line(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    try:
        source = image_source(tmp_path / "a.zip")
        for index in range(len(source.names)):
            read_image(source.file(index), lambda image: image.load(), ANY)
    except UserError as error:
        assert "\n" not in str(error)  # noqa: PT017
