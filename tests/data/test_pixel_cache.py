"""The second start finds decoded images in the cache, and believes nothing there that could be wrong."""

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.processes import together
from PIL import Image

from gan_lightning.commands.cache import cache
from gan_lightning.core.errors import UserError
from gan_lightning.core.user_cache import cached_files
from gan_lightning.data import ImageFolder, image_folder, pixel_cache
from gan_lightning.data.identity import Origin, identify
from gan_lightning.data.image_folder import LazyImages, MappedImages

NOISE = np.random.default_rng(0).integers(256, size=(20, 8, 8, 3), dtype=np.uint8)


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A folder of two classes, four images each."""
    for i in range(8):
        write(tmp_path / "images" / f"class {i % 2}" / f"{i}.png", NOISE[i])
    return tmp_path / "images"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that have been decoded."""
    names, decode = [], image_folder.decode_and_name

    def counted(file, *others):
        names.append(Path(str(file)).name)
        return decode(file, *others)

    monkeypatch.setattr(image_folder, "decode_and_name", counted)
    return names


def write(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def loaded(root: Path, size: int = 8, **options) -> ImageFolder:
    data = ImageFolder(str(root), size, **options)
    data.setup("fit")
    return data


def pixels(data: ImageFolder) -> torch.Tensor:
    assert data.source is not None
    return data.source[torch.arange(len(data.source))][0]  # type: ignore[arg-type]


def stored() -> list[Path]:
    return [*cached_files()]


@pytest.mark.parametrize("memory_gib", [1.0, 0.0])
def test_a_second_start_decodes_nothing_and_finds_the_same(memory_gib, images, decoded):
    first = loaded(images, held_out=0.4, memory_gib=memory_gib)
    assert len(decoded) == 8
    second = loaded(images, held_out=0.4, memory_gib=memory_gib)
    assert len(decoded) == 8
    for part in ("source", "left_out"):
        one, other = getattr(first, part), getattr(second, part)
        assert torch.equal(one.chosen, other.chosen)
        assert all(map(torch.equal, one[torch.arange(len(one))], other[torch.arange(len(other))]))
    assert first.state_dict() == second.state_dict()


def test_a_cached_image_is_the_decoded_one(images):
    loaded(images)
    assert torch.equal(pixels(loaded(images)), pixels(loaded(images, cache_gib=0.0)))


def changed(images: Path) -> None:
    write(images / "class 0" / "0.png", NOISE[9])


def touched(images: Path) -> None:
    os.utime(images / "class 0" / "0.png", (0, 0))


def added(images: Path) -> None:
    write(images / "class 0" / "9.png", NOISE[9])


def renamed(images: Path) -> None:
    (images / "class 0" / "0.png").rename(images / "class 0" / "00.png")


def removed(images: Path) -> None:
    (images / "class 0" / "0.png").unlink()


@pytest.mark.parametrize("change", [changed, touched, added, renamed, removed])
def test_a_file_that_changes_in_a_folder_is_noticed(change, images, decoded):
    loaded(images)
    change(images)
    decoded.clear()
    again = loaded(images)
    assert len(decoded) == len([*images.rglob("*.png")])
    assert torch.equal(pixels(again), pixels(loaded(images, cache_gib=0.0)))


def test_a_zip_file_is_recognised_by_its_checksums_wherever_it_lies(tmp_path, images, decoded):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for path in images.rglob("*.png"):
            archive.write(path, path.relative_to(images))
    loaded(tmp_path / "a.zip")
    (tmp_path / "a.zip").rename(tmp_path / "b.zip")
    assert torch.equal(pixels(loaded(tmp_path / "b.zip")), pixels(loaded(images, cache_gib=0.0)))
    assert len(decoded) == 16
    with zipfile.ZipFile(tmp_path / "b.zip", "a") as archive:
        archive.writestr("class 0/a.png", (images / "class 0" / "0.png").read_bytes())
    assert len(loaded(tmp_path / "b.zip").source) == 9  # type: ignore[arg-type]
    assert len(decoded) == 25


@pytest.mark.parametrize("options", [{"size": 4}, {"channels": 1}, {"max_pixels": 64}])
def test_other_options_are_other_images(options, images, decoded):
    loaded(images)
    loaded(images, **options)
    assert len(decoded) == 16
    assert len(stored()) == 2


def test_what_was_skipped_is_said_again_and_refused_when_it_is_not_to_be_skipped(images):
    (images / "class 0" / "a.png").write_text("no image")
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"skipped 1 of 9 images that cannot be read, first .*a\.png"):
            assert pixels(loaded(images, skip_corrupt=True)).shape == (8, 3, 8, 8)
    with pytest.raises(UserError, match=r"cannot read .*a\.png"):
        loaded(images)


def test_images_that_cannot_be_read_leave_nothing_in_the_cache(images):
    (images / "class 1" / "a.png").write_text("no image")
    with pytest.raises(UserError, match=r"cannot read .*a\.png"):
        loaded(images)
    assert stored() == []


def test_a_folder_of_nothing_but_corrupt_images_leaves_nothing_in_the_cache(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.png").write_text("no image")
    with pytest.raises(UserError, match="none of the 1 images"):
        loaded(tmp_path / "images", skip_corrupt=True)
    assert stored() == []


# ---- damage ---------------------------------------------------------------------------------------------------------


def test_a_damaged_file_of_the_cache_is_not_believed_whichever_byte_it_is(images):
    right = pixels(loaded(images))
    (path,) = stored()
    whole = path.read_bytes()
    middle = pixel_cache.FIRST_PIXEL
    for place in [*range(0, pixel_cache.TOP.size, 5), middle, middle + 999, *range(len(whole) - 160, len(whole), 9)]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert torch.equal(pixels(loaded(images)), right)
        assert path.read_bytes() == whole, "it is made again"


@pytest.mark.parametrize("memory_gib", [1.0, 0.0])
@pytest.mark.parametrize("length", [0, 10, 100, 5000, -1])
def test_a_file_of_the_cache_that_ends_early_is_made_again(length, memory_gib, images):
    right = pixels(loaded(images))
    (path,) = stored()
    path.write_bytes((whole := path.read_bytes())[:length])
    assert torch.equal(pixels(loaded(images, memory_gib=memory_gib)), right)
    assert path.read_bytes() == whole


def test_a_damaged_image_is_decoded_again_while_the_others_are_read(images):
    right = pixels(loaded(images))
    (path,) = stored()
    content = bytearray(path.read_bytes())
    content[pixel_cache.FIRST_PIXEL + 3 * 192] ^= 1
    path.write_bytes(content)
    data = loaded(images, memory_gib=0.0)
    assert isinstance(data.source, MappedImages)
    assert data.source.stored.read(np.arange(8))[1].tolist() == [True] * 3 + [False] + [True] * 4
    assert torch.equal(pixels(data), right)


def test_the_cache_of_other_images_under_this_name_is_not_believed(images, tmp_path):
    right = pixels(loaded(images))
    (path,) = stored()
    changed(images)
    loaded(images)
    (other,) = {*stored()} - {path}
    touched(images)
    path.replace(other)
    again = pixels(loaded(images))
    assert torch.equal(again, pixels(loaded(images, cache_gib=0.0)))
    assert not torch.equal(again, right)


# ---- room -----------------------------------------------------------------------------------------------------------


def test_the_limit_on_the_cache_removes_what_was_not_used_for_longest(images, decoded):
    for size in (8, 6, 4):
        loaded(images, size)
    for age, path in enumerate(reversed(stored())):
        os.utime(path, (1000 - age, 1000 - age))
    loaded(images, 8)  # used again: now the newest
    room = sum(path.stat().st_size for path in stored())
    loaded(images, 7, cache_gib=room / 2**30)
    decoded.clear()
    loaded(images, 8)
    assert decoded == []
    assert sum(path.stat().st_size for path in stored()) <= room


@pytest.mark.parametrize(("memory_gib", "kind"), [(1.0, torch.utils.data.TensorDataset), (0.0, LazyImages)])
def test_what_does_not_fit_into_the_cache_is_decoded_without_it(memory_gib, kind, images):
    with pytest.warns(UserWarning, match=r"need 0\.0 GiB, and data.cache_gib is .*: they are not cached"):
        data = loaded(images, memory_gib=memory_gib, cache_gib=1000 / 2**30)
    assert isinstance(data.source, kind)
    assert stored() == []


def test_no_cache_writes_nothing(images, cache_folder):
    loaded(images, cache_gib=0.0)
    assert not cache_folder.exists()


@pytest.mark.parametrize("cache_gib", [-1.0, float("nan")])
def test_a_limit_below_nothing_is_refused(cache_gib, images):
    with pytest.raises(UserError, match=r"data\.cache_gib is .*; it must be at least 0"):
        loaded(images, cache_gib=cache_gib)


@pytest.mark.parametrize(("memory_gib", "kind"), [(1.0, torch.utils.data.TensorDataset), (0.0, LazyImages)])
def test_a_full_disk_only_makes_the_start_slow(memory_gib, kind, images, monkeypatch):
    right = pixels(loaded(images, cache_gib=0.0))
    monkeypatch.setattr(pixel_cache, "LEFT_FREE", 2**62)
    with pytest.warns(UserWarning, match=r"cannot cache decoded images in .* \(.* GiB free, and 0.0 needed\)"):
        data = loaded(images, memory_gib=memory_gib)
    assert isinstance(data.source, kind)
    assert torch.equal(pixels(data), right)
    assert stored() == []


def test_a_disk_that_fills_up_while_images_are_written_only_makes_the_start_slow(images, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    right = pixels(loaded(images, cache_gib=0.0))
    monkeypatch.setattr(pixel_cache, "crc32", full)
    with pytest.warns(UserWarning, match=r"\(No space left on device\)"):
        assert torch.equal(pixels(loaded(images)), right)
    assert stored() == []


def test_a_cache_folder_that_cannot_be_made_only_makes_the_start_slow(images, cache_folder):
    cache_folder.parent.mkdir(exist_ok=True)
    cache_folder.write_text("a file")
    with pytest.warns(UserWarning, match="cannot cache decoded images"):
        assert pixels(loaded(images)).shape == (8, 3, 8, 8)


# ---- processes ------------------------------------------------------------------------------------------------------


def test_several_processes_that_start_at_once_all_find_the_images(images):
    assert len({*together(digest_of_all, images, processes=3)}) == 1
    assert [path.suffix for path in stored()] == [".cached"]


def digest_of_all(images: Path) -> str:
    source = loaded(images).source
    assert source is not None
    return Origin.of(identify(source)).digest


def test_a_process_that_gets_a_copy_maps_the_file_itself(images):
    source = loaded(images, memory_gib=0.0).source
    copy = pickle.loads(pickle.dumps(source))
    assert len(pickle.dumps(copy.stored)) < 2000
    assert torch.equal(copy[torch.arange(8)][0], source[torch.arange(8)][0])  # type: ignore[index]


def test_images_that_are_in_use_survive_an_emptied_cache(images, capsys):
    data = loaded(images, memory_gib=0.0)
    right = pixels(data)
    cache(["--empty"])
    assert torch.equal(pixels(data), right)


# ---- the command ----------------------------------------------------------------------------------------------------


def test_the_command_says_where_the_cache_is_and_how_large_and_empties_it(images, cache_folder, capsys):
    loaded(images)
    (cache_folder / "of somebody else").write_text("kept")
    cache([])
    assert capsys.readouterr().out == (f"{cache_folder}: 0.00 GiB of decoded images; gan cache --empty removes them\n")
    cache(["--empty"])
    assert f"{cache_folder}: removed 0.00 GiB" in capsys.readouterr().out
    assert [path.name for path in cache_folder.iterdir()] == ["of somebody else"]


def test_the_command_refuses_other_options(capsys):
    with pytest.raises(SystemExit) as caught:
        cache(["--clear"])
    assert caught.value.code == 2
    assert capsys.readouterr().err == "gan cache: there is no option --clear; the only one is --empty\n"
