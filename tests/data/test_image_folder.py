"""Any folder of images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.tiny import fit
from PIL import Image
from torch.utils.data import TensorDataset

from gan_lightning import GAN
from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageFolder
from gan_lightning.data.image_data import scale
from gan_lightning.data.image_folder import LazyImages, MappedImages
from gan_lightning.networks import MLPDiscriminator, MLPGenerator
from gan_lightning.page.training_images import TrainingImages


def save(path: Path, image: Image.Image, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def one(path: Path, **options) -> torch.Tensor:
    """The only image of a folder, (C, H, W)."""
    data = ImageFolder(str(path), **options)
    data.setup("fit")
    (image,) = data.source.tensors[0]  # type: ignore[union-attr]
    return image


def grey(value: int, size=(4, 4)) -> Image.Image:
    return Image.new("L", size, value)


RED = {
    "rgb": Image.new("RGB", (4, 4), (255, 0, 0)),
    "opaque": Image.new("RGBA", (4, 4), (255, 0, 0, 255)),
    "palette": Image.new("RGB", (4, 4), (255, 0, 0)).convert("P", palette=Image.Palette.ADAPTIVE),
}


@pytest.mark.parametrize("kind", RED)
def test_every_kind_of_red_is_red(kind, tmp_path):
    save(tmp_path / "a.png", RED[kind])
    image = one(tmp_path, image_size=4)
    assert image.float().mean((1, 2)).tolist() == [255, 0, 0]


def test_transparency_is_laid_on_white(tmp_path):
    save(tmp_path / "a.png", Image.new("RGBA", (4, 4), (255, 0, 0, 0)))
    assert (one(tmp_path, image_size=4) == 255).all()


def test_transparent_entries_of_a_palette_are_laid_on_white(tmp_path):
    save(tmp_path / "a.png", grey(0).convert("P"), transparency=0)
    assert (one(tmp_path, image_size=4, channels=1) == 255).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "I;16", "I"])
def test_every_kind_of_grey_keeps_its_full_range(mode, tmp_path):
    top = {"1": 1, "L": 255, "LA": 255, "I;16": 65535, "I": 65535}[mode]
    values = np.tile(np.array([0, top]), (4, 2))
    if mode == "LA":
        image = Image.fromarray(values.astype(np.uint8)).convert("LA")
    elif mode == "1":
        image = Image.fromarray((values * 255).astype(np.uint8)).convert("1")
    else:
        image = Image.fromarray(values.astype({"L": np.uint8, "I;16": np.uint16, "I": np.int32}[mode]))
    save(tmp_path / ("a.tif" if mode == "I" else "a.png"), image)
    assert one(tmp_path, image_size=4, channels=1)[0, 0].tolist() == [0, 255, 0, 255]
    assert one(tmp_path, image_size=4, channels=3).shape == (3, 4, 4)


def test_sixteen_bits_are_scaled_not_clipped(tmp_path):
    save(tmp_path / "a.png", Image.fromarray(np.full((4, 4), 257 * 100, dtype=np.uint16)))
    assert (one(tmp_path, image_size=4, channels=1) == 100).all()


@pytest.mark.parametrize("memory_gib", [1.0, 1e-9], ids=["in memory", "as they are used"])
def test_sixteen_bits_are_kept_on_request_and_eight_are_made_as_deep(tmp_path, memory_gib, cache_folder):
    save(tmp_path / "a.png", Image.fromarray(np.array([[1, 256], [40_000, 65_535]], dtype=np.uint16)))
    save(tmp_path / "b.png", Image.fromarray(np.array([[0, 1], [100, 255]], dtype=np.uint8)))
    data = ImageFolder(str(tmp_path), image_size=2, channels=1, bits=16, memory_gib=memory_gib, workers=0)
    data.setup("fit")
    assert data.source is not None
    x = data.source[torch.arange(2)][0]  # type: ignore[index]
    assert x.dtype == torch.uint16
    assert x.flatten(1).tolist() == [[1, 256, 40_000, 65_535], [0, 257, 25_700, 65_535]]
    assert data.as_floats(x)[1, 0, 1, 1] == 1
    assert not cache_folder.exists(), "nothing is cached"
    with pytest.raises(UserError, match=r"data\.bits is 12; it must be 8 or 16"):
        ImageFolder(str(tmp_path), bits=12)  # type: ignore[arg-type]


@pytest.mark.parametrize("memory_gib", [1.0, 1e-9], ids=["in memory", "as they are used"])
def test_jitter_crops_images_of_training_at_random_and_others_around_the_centre(tmp_path, memory_gib):
    ramp = np.arange(6, dtype=np.uint8)[:, None] * 10 + np.arange(6, dtype=np.uint8)
    for name in "abcdefgh":
        save(tmp_path / f"{name}.png", Image.fromarray(ramp))
    data = ImageFolder(str(tmp_path), 4, 1, batch_size=8, jitter=2, memory_gib=memory_gib, workers=0)
    data.setup("fit")
    crops = {x.numpy().tobytes() for x in next(iter(data.train_dataloader()))[0]}
    assert crops <= {ramp[i : i + 4, j : j + 4].tobytes() for i in range(3) for j in range(3)}
    assert len(crops) > 4
    assert data.source is not None
    (shown,) = TrainingImages(data).blocks()
    assert torch.equal(shown[0, 0], torch.from_numpy(ramp[1:5, 1:5].copy())), "the page shows them as they are compared"
    whole = data.as_floats(data.source[torch.arange(1)][0])  # type: ignore[index]
    assert torch.equal(whole, scale(torch.from_numpy(ramp[1:5, 1:5].copy())[None, None]))


def test_colour_becomes_grey_on_request(tmp_path):
    save(tmp_path / "a.png", RED["rgb"])
    assert (one(tmp_path, image_size=4, channels=1) == 76).all()  # ITU-R 601: 0.299 * 255


def test_an_image_of_any_size_is_resized_to_cover_and_cropped_evenly(tmp_path):
    pixels = np.zeros((10, 40), dtype=np.uint8)
    pixels[:, 10:30] = 200  # the middle half
    save(tmp_path / "a.png", Image.fromarray(pixels))
    image = one(tmp_path, image_size=(5, 10), channels=1)
    assert image.shape == (1, 5, 10)
    assert (image[0, :, 1:-1].float() - 200).abs().max() <= 4, "the sides are cropped, the middle stays"


def test_photographs_are_turned_upright(tmp_path):
    pixels = np.zeros((8, 8), dtype=np.uint8)
    pixels[:4] = 255  # bright above
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    save(tmp_path / "a.jpg", Image.fromarray(pixels), exif=exif, quality=95)
    image = one(tmp_path, image_size=8, channels=1)[0].float()
    assert image[4:].mean() > 200 > 50 > image[:4].mean()


def test_folders_are_classes_in_the_order_of_their_names(tmp_path):
    for name in ("cat/1.png", "cat/deep/2.png", "ant/3.png"):
        save(tmp_path / name, grey(9))
    data = ImageFolder(str(tmp_path), image_size=4)
    data.setup("fit")
    assert data.source.tensors[1].tolist() == [0, 1, 1]  # type: ignore[union-attr]


def test_a_flat_folder_has_no_classes(tmp_path):
    for name in ("1.png", "2.png", "deep/3.png"):
        save(tmp_path / name, grey(9))
    data = ImageFolder(str(tmp_path), image_size=4)
    data.setup("fit")
    assert data.source.tensors[1].tolist() == [0, 0, 0]  # type: ignore[union-attr]


def test_other_files_are_no_images(tmp_path):
    save(tmp_path / "a.png", grey(9))
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".hidden.png").write_text("hello")
    assert one(tmp_path, image_size=4).shape == (3, 4, 4)


@pytest.mark.parametrize("memory_gib", [1.0, 0.0])
def test_one_corrupt_image_is_named_or_skipped_and_counted(memory_gib, tmp_path):
    for i in range(4):
        save(tmp_path / f"{i}.png", Image.effect_noise((30, 30), 90))
    whole = (tmp_path / "2.png").read_bytes()
    (tmp_path / "2.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cannot read .*2\.png .*skip_corrupt") as caught:
        ImageFolder(str(tmp_path), memory_gib=memory_gib).setup("fit")
    assert "\n" not in str(caught.value)
    data = ImageFolder(str(tmp_path), memory_gib=memory_gib, skip_corrupt=True)
    with pytest.warns(UserWarning, match=r"skipped 1 of 4 images that cannot be read, first .*2\.png"):
        data.setup("fit")
    assert len(data.source) == 3  # type: ignore[arg-type]


def test_a_folder_of_nothing_but_corrupt_images_is_refused_even_if_they_may_be_skipped(tmp_path):
    (tmp_path / "a.png").write_text("no image")
    with pytest.raises(UserError, match="none of the 1 images"):
        ImageFolder(str(tmp_path), skip_corrupt=True).setup("fit")


@pytest.mark.parametrize("make", ["nothing", "empty", "file"])
def test_a_root_without_images_is_refused(make, tmp_path):
    root = tmp_path / "root"
    if make == "empty":
        root.mkdir()
    if make == "file":
        root.write_text("hello")
    with pytest.raises(UserError, match=r"not there|no image found in|a file"):
        ImageFolder(str(root)).setup("fit")


@pytest.mark.parametrize("options", [{"image_size": 0}, {"image_size": (4, -1)}, {"channels": 2}, {"batch_size": 0}])
def test_sizes_that_make_no_sense_are_refused(options, tmp_path):
    with pytest.raises(UserError, match=r"data\."):
        ImageFolder(str(tmp_path), **options)


def test_what_does_not_fit_into_memory_is_read_from_the_cache_or_decoded_again_with_the_same_result(tmp_path):
    for i in range(16):
        save(tmp_path / f"{i % 2}" / f"{i}.png", Image.effect_noise((9, 7), 90))
    batches = []
    for memory_gib, cache_gib, kind in ((1.0, 0.0, TensorDataset), (0.0, 0.0, LazyImages), (0.0, 1.0, MappedImages)):
        data = ImageFolder(str(tmp_path), (6, 5), batch_size=4, memory_gib=memory_gib, cache_gib=cache_gib)
        data.setup("fit")
        assert isinstance(data.source, kind)
        batches.append(list(data.train_dataloader()))
    for (x, y), *others in zip(*batches, strict=True):
        assert all(torch.equal(x, other_x) and torch.equal(y, other_y) for other_x, other_y in others)


def test_a_gan_trains_on_a_folder_of_images_that_are_not_square(tmp_path):
    for i in range(16):
        save(tmp_path / f"{i}.jpg", Image.effect_noise((20, 30), 90))
    data = ImageFolder(str(tmp_path), image_size=(6, 5), channels=3, batch_size=8)
    gan = GAN(MLPGenerator(data.image_shape, hidden=[8]), MLPDiscriminator(data.image_shape, hidden=[8]))
    fit(gan, data, max_steps=3)
    assert gan.sample([1, 2]).shape == (2, 3, 6, 5)
