"""Photographs are cut, not resized."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_lightning.core.deep_files import deep_png
from gan_lightning.core.errors import UserError
from gan_lightning.data import ImagePatches


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for i in range(12):
        pixels = np.random.default_rng(i).integers(0, 256, (21, 34, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i:02d}.png")
    return tmp_path


def test_patches_are_the_pixels_of_the_images_row_by_row_around_the_centre(photos):
    data = ImagePatches(str(photos), image_size=(10, 8), batch_size=2)
    pixels, labels = data.load().tensors
    assert pixels.shape == (12 * 2 * 4, 3, 10, 8)
    whole = torch.from_numpy(np.array(Image.open(photos / "00.png"))).permute(2, 0, 1)
    assert torch.equal(pixels[0], whole[:, :10, 1:9])
    assert torch.equal(pixels[5], whole[:, 10:20, 9:17])
    assert not labels.any()


def test_all_patches_of_an_image_are_held_out_together(photos):
    data = ImagePatches(str(photos), image_size=8, batch_size=2, held_out=0.4)
    data.setup("fit")
    assert data.left_out is not None
    kept, out = (data.identities_of(images).unique().tolist() for images in (data.source, data.left_out))  # type: ignore[arg-type]
    assert not {*kept} & {*out}
    assert len(kept) + len(out) == 12


def test_a_small_image_is_enlarged_to_one_patch_and_a_grey_one_has_one_channel(photos, capsys):
    assert ImagePatches(str(photos), image_size=40, channels=1).load().tensors[0].shape == (12, 1, 40, 40)
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("12 of 12 images in ")
    assert " are smaller than a patch of 40x40, and blurred as they are enlarged to it: choose" in said


def test_what_cannot_be_is_refused_in_one_line(photos):
    with pytest.raises(UserError, match=r"take more than data\.memory_gib, 1e-06 GiB: increase it"):
        ImagePatches(str(photos), image_size=8, memory_gib=1e-6).load()
    with pytest.raises(UserError, match=r"data\.channels is 2"):
        ImagePatches(str(photos), channels=2)
    with pytest.raises(UserError, match=r"data\.image_size is 0"):
        ImagePatches(str(photos), image_size=0)
    (photos / "99.png").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"99\.png"):
        ImagePatches(str(photos), image_size=8).load()
    with pytest.warns(UserWarning, match="left out 1 of 13 files"):
        assert len(ImagePatches(str(photos), image_size=8, skip_corrupt=True).load()) == 12 * 2 * 4


def test_patches_keep_sixteen_bits_and_others_get_them_then(photos):
    deep = np.random.default_rng(0).integers(0, 65536, (16, 16, 3), dtype=np.uint16)
    (photos / "99.png").write_bytes(deep_png(deep))
    data = ImagePatches(str(photos), image_size=(10, 8), batch_size=2, held_out=0.3)
    pixels, _ = data.load().tensors
    assert pixels.dtype == torch.uint16
    assert torch.equal(pixels[-2].permute(1, 2, 0), torch.from_numpy(deep)[3:13, :8])
    eight = torch.from_numpy(np.array(Image.open(photos / "00.png")))[:10, 1:9].permute(2, 0, 1)
    assert torch.allclose(data.as_floats(pixels[:1]), data.as_floats(eight[None])), "the same image"
    data.setup("fit")
    (x, _), *_ = data.train_dataloader()
    assert x.dtype == torch.uint16


def test_deep_images_are_made_grey_enlarged_and_laid_on_white(photos):
    for path in photos.iterdir():
        path.unlink()
    pixels = np.full((4, 4, 4), 65535, dtype=np.uint16)
    pixels[:, :, :3] = [10_000, 20_000, 30_000]
    pixels[:, :, 3] = 32_768
    (photos / "a.png").write_bytes(deep_png(pixels))
    (grey,) = ImagePatches(str(photos), image_size=8, channels=1).load().tensors[0]
    luma = 0.299 * 10_000 + 0.587 * 20_000 + 0.114 * 30_000
    assert grey.float().mean().item() == pytest.approx(luma * 0.5 + 65535 * 0.5, abs=2)
