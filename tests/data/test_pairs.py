"""Both images of a pair go the same way."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lightning.core.deep_files import deep_png
from gan_lightning.core.errors import UserError
from gan_lightning.data import Pairs
from gan_lightning.data.image_files import FileOnDisk
from gan_lightning.data.pair_files import size_of


def noise(seed: int, width: int = 12, height: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def joined(tmp_path: Path) -> str:
    """20 files with an image on the left and its negative on the right."""
    (tmp_path / "joined").mkdir()
    for i in range(20):
        Image.fromarray(np.concatenate([noise(i), 255 - noise(i)], 1)).save(tmp_path / f"joined/{i:02d}.png")
    return str(tmp_path / "joined")


@pytest.fixture
def folders(tmp_path: Path) -> dict[str, str]:
    """The same pairs in two folders, with endings of their own."""
    for name in ("inputs", "targets"):
        (tmp_path / name / "deep").mkdir(parents=True)
    for i in range(20):
        Image.fromarray(noise(i)).save(tmp_path / f"inputs/deep/{i:02d}.png")
        Image.fromarray(255 - noise(i)).save(tmp_path / f"targets/deep/{i:02d}.bmp")
    return {name: str(tmp_path / name) for name in ("inputs", "targets")}


def pixels(**options: Any) -> torch.Tensor:
    x, y = Pairs(**{"image_size": (8, 12), **options}).load().tensors  # type: ignore[attr-defined]
    assert not y.any()
    return x


def test_files_hold_the_input_and_then_the_image_and_batches_the_image_and_then_the_input(joined):
    x = pixels(root=joined)
    assert x.shape == (20, 6, 8, 12)
    assert torch.equal(x[3, 3:], torch.from_numpy(noise(3)).permute(2, 0, 1))
    assert torch.equal(x[:, :3], 255 - x[:, 3:])
    assert torch.equal(pixels(root=joined, input_side="right"), torch.cat([x[:, 3:], x[:, :3]], 1))


def test_two_folders_and_a_zip_file_hold_the_same_pairs(joined, folders, tmp_path):
    with zipfile.ZipFile(tmp_path / "joined.zip", "w") as archive:
        for path in sorted(Path(joined).iterdir()):
            archive.write(path, path.name)
    x = pixels(root=joined)
    assert torch.equal(pixels(**folders), x)
    assert torch.equal(pixels(root=str(tmp_path / "joined.zip")), x)


def test_pairs_that_do_not_fit_into_memory_are_read_as_they_are_used(joined):
    lazy = Pairs(joined, image_size=(8, 12), memory_gib=0.0).load()
    assert len(lazy) == 20  # type: ignore[arg-type]
    assert torch.equal(lazy[torch.tensor([5, 3])][0], pixels(root=joined)[[5, 3]])


@pytest.mark.parametrize("size", [4, (16, 6)])
def test_both_are_resized_cropped_and_mirrored_in_the_same_way(joined, size):
    data = Pairs(joined, image_size=size, batch_size=20, mirror=True, jitter=3)
    data.setup("fit")
    (x, _), *_ = data.train_dataloader()
    x = data.as_floats(x)
    assert x.shape[1:] == (6, *((4, 4) if size == 4 else size))
    assert torch.allclose(x[:, :3], -x[:, 3:], atol=2 / 127.5)


def test_inputs_may_have_other_channels(folders):
    x = pixels(**folders, channels=1, input_channels=3)
    assert x.shape == (20, 4, 8, 12)
    assert Pairs(**folders, channels=1).image_shape == (1, 256, 256), "of the images to make"


def test_a_pair_is_held_out_by_its_image_whatever_its_size_and_input(joined):
    def held(**options: Any) -> list[int]:
        data = Pairs(joined, batch_size=2, held_out=0.4, **options)
        data.setup("fit")
        assert data.left_out is not None
        assert data.identities is not None
        return data.identities_of(data.left_out).tolist()

    assert held(image_size=8) == held(image_size=4, input_channels=1) != held(image_size=8, input_side="right")


def test_photographs_are_turned_upright_before_their_sizes_are_compared(tmp_path):
    image = Image.fromarray(noise(0))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "turned.jpg", exif=exif)
    assert size_of(FileOnDisk(tmp_path / "turned.jpg"), 1000) == (8, 12)


def test_a_pair_of_sixteen_bits_keeps_them_and_the_others_get_them(folders):
    deep = np.random.default_rng(0).integers(0, 65536, (8, 12, 3), dtype=np.uint16)
    Path(folders["inputs"], "deep/05.png").write_bytes(deep_png(deep))
    before, x = pixels(**folders)[4], pixels(**folders)
    assert x.dtype == torch.uint16
    assert torch.equal(x[5, 3:].permute(1, 2, 0), torch.from_numpy(deep))
    assert torch.equal(x[4], before)
    assert torch.equal(x[4, :3].to(torch.int32), 257 * (255 - torch.from_numpy(noise(4)).permute(2, 0, 1).int()))
    lazy = Pairs(**folders, image_size=(8, 12), memory_gib=12_000 / 2**30).load()
    assert not isinstance(lazy, torch.utils.data.TensorDataset), "they do not fit into memory with sixteen bits"
    assert torch.equal(lazy[torch.tensor([5, 3])][0], x[[5, 3]])


# ---- what is refused ------------------------------------------------------------------------------------------------


def test_files_without_a_partner_are_named(folders):
    for name in ("00", "01", "02", "03"):
        Path(folders["inputs"], f"deep/{name}.png").unlink()
    Path(folders["targets"], "deep/19.bmp").unlink()
    with pytest.raises(UserError) as refused:
        pixels(**folders)
    said = str(refused.value)
    assert (
        "data.targets has 19 images and data.inputs 16, and 4 of data.targets (deep/00, deep/01, deep/02, ..." in said
    )
    assert "1 of data.inputs (deep/19) have no partner" in said


def test_pairs_of_different_sizes_are_named(folders):
    Image.fromarray(noise(0, 13)).save(Path(folders["inputs"], "deep/07.png"))
    with pytest.raises(UserError, match=r"1 of 20 pairs do not fit: deep/07 \(13x8 in data.inputs, 12x8 in data.targ"):
        pixels(**folders)


def test_files_of_odd_width_are_named_before_anything_is_decoded(joined):
    Image.fromarray(noise(0, 23)).save(Path(joined, "20.png"))
    with pytest.raises(UserError, match=r"1 of 21 pairs do not fit: 20.png \(of width 23\); each must be two images"):
        pixels(root=joined, skip_corrupt=True)


def test_a_broken_file_is_named_or_skipped(joined):
    Path(joined, "20.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"cannot read .*20\.png"):
        pixels(root=joined)
    with pytest.warns(UserWarning, match="left out 1 of 21 files"):
        assert len(pixels(root=joined, skip_corrupt=True)) == 20


def test_two_files_that_differ_by_their_ending_alone_are_refused(folders):
    Image.fromarray(noise(0)).save(Path(folders["inputs"], "deep/07.jpg"))
    with pytest.raises(UserError, match=r"holds deep/07\.jpg and deep/07\.png, and a pair is two files of one name"):
        pixels(**folders)


def test_an_empty_side_is_refused(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no image found in .*empty .*check data\.inputs"):
        pixels(**{**folders, "inputs": str(tmp_path / "empty")})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give one or the other"),
        ({"root": "a", "inputs": "b", "targets": "c"}, r"data\.root is a: set it to null \(--data\.root null\)"),
        ({"inputs": "b"}, r"there is no data\.targets: give both folders"),
        ({"root": "a", "channels": 2}, r"data\.channels is 2"),
        ({"root": "a", "input_channels": 4}, r"data\.input_channels is 4"),
        ({"root": "a", "image_size": 0}, r"data\.image_size is 0"),
        ({"root": "a", "jitter": -1}, r"data\.jitter is -1"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        Pairs(**options)
