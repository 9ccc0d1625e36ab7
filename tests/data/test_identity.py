"""Images are named by their content."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import TensorDataset

from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageFolder, Points
from gan_lightning.data.identity import BITS, Origin, identify, identity_of, share_below
from gan_lightning.data.image_data import divided

NOISE = np.random.default_rng(0).integers(256, size=(400, 6, 5, 3), dtype=np.uint8)


def written(folder, images, first: int = 0):
    for i, image in enumerate(images, start=first):
        Image.fromarray(image).save(folder / f"{i:04}.png")
    return folder


def held_out(folder, size: int = 8, **options) -> set[str]:
    data = ImageFolder(str(folder), size, held_out=0.2, **options)
    data.setup("fit")
    names = sorted(path.name for path in folder.iterdir())
    return {names[i] for i in data.left_out.chosen}  # type: ignore[union-attr]


def test_an_image_shares_its_identity_with_its_mirror_image_alone():
    one = NOISE[0]
    assert identity_of([one]) == identity_of([one[:, ::-1]])
    others = [one[::-1], one[::-1, ::-1], one.transpose(1, 0, 2), one[..., ::-1], one ^ np.uint8(1), NOISE[1]]
    assert identity_of([one]) not in {identity_of([other]) for other in others}


def test_it_does_not_matter_in_which_parts_an_image_is_read():
    assert identity_of([NOISE[0]]) == identity_of([NOISE[0][:2], NOISE[0][2:]])


def test_identities_are_uniform():
    numbers = identify(TensorDataset(torch.from_numpy(NOISE).movedim(3, 1))).double() / 2**BITS
    assert abs(numbers.mean() - 0.5) < 4 / (12 * 400) ** 0.5
    for share in (0.1, 0.5, 0.9):
        assert abs((numbers < share).double().mean() - share) < 4 * (share * (1 - share) / 400) ** 0.5


def test_one_more_image_or_one_less_moves_no_other(tmp_path):
    folder = written(tmp_path, NOISE[:200])
    before = held_out(folder)
    assert 20 < len(before) < 60
    written(folder, NOISE[200:201], first=200)
    assert held_out(folder) - {"0200.png"} == before
    (folder / "0007.png").unlink()
    assert held_out(folder) - {"0200.png"} == before - {"0007.png"}


def test_neither_the_size_of_training_nor_the_kind_of_file_moves_an_image(tmp_path):
    folder = written(tmp_path, NOISE[:60])
    before = held_out(folder)
    assert held_out(folder, 16) == held_out(folder, channels=1) == held_out(folder, memory_gib=0.0) == before
    for path in folder.iterdir():
        with Image.open(path) as image:
            image.convert("RGBA").save(path.with_suffix(".webp"), lossless=True)
        path.unlink()
    assert {name.replace("webp", "png") for name in held_out(folder)} == before


def test_copies_and_mirror_images_are_held_out_together(tmp_path):
    folder = written(tmp_path, [*NOISE[:50], *NOISE[:50], *NOISE[:50, :, ::-1]])
    numbers = {int(name[:4]) for name in held_out(folder)}
    first = {i for i in numbers if i < 50}
    assert 0 < len(first) < 50
    assert numbers == first | {i + 50 for i in first} | {i + 100 for i in first}


def test_a_point_that_widens_the_region_moves_no_other(tmp_path):
    points = np.random.default_rng(1).normal(size=(100, 2))

    def left_out(array: np.ndarray) -> set[tuple[float, float]]:
        np.save(tmp_path / "points.npy", array)
        data = Points(str(tmp_path / "points.npy"), held_out=0.3)
        data.setup("fit")
        return {tuple(array[i]) for i in data.left_out.chosen}  # type: ignore[union-attr]

    far = np.array([[90.0, -70.0]])
    assert left_out(np.concatenate([points, far])) - {tuple(far[0])} == left_out(points)


def test_what_was_trained_on_is_told_apart_by_count_and_content_but_not_by_order():
    numbers = torch.arange(10, 20)
    assert Origin.of(numbers) == Origin.of(numbers.flip(0)) != Origin.of(numbers[1:])
    assert Origin.read(Origin.of(numbers).words()) == Origin.of(numbers)
    assert Origin.read({"images": "many"}) is Origin.read(None) is None


def test_a_share_that_holds_out_no_image_is_refused():
    with pytest.raises(UserError, match=r"holds out 0 of 3 images .*: add images or change the share"):
        divided(TensorDataset(torch.zeros(3)), 0.1, torch.tensor([share_below(0.1), 2**61, 2**60]))
