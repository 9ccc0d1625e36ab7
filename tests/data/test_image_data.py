"""Batches: their order, their split over processes, their range."""

from itertools import chain

import pytest
import torch
from helpers.tiny import Blobs, fit, tiny_gan
from lightning.pytorch import Callback
from torch.utils.data import Dataset, TensorDataset

from gan_lightning.core.errors import UserError
from gan_lightning.data import Batches, ImageData
from gan_lightning.data.image_data import scale


class Numbers(Dataset):
    """Each image is its own index."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index):
        return index, index


def epoch(**options) -> list[list[int]]:
    return [x.tolist() for x, _ in Batches(Numbers(23), 5, **options)]


def test_an_epoch_uses_no_image_twice_and_leaves_out_less_than_a_batch():
    seen = [*chain(*epoch())]
    assert len(seen) == len(set(seen)) == 20


def test_every_epoch_has_its_own_order_and_every_seed_too():
    orders = [str(epoch(seed=seed, iteration=lambda i=start: i)) for seed in (0, 1) for start in (0, 4, 8)]
    assert len(set(orders)) == 6


def test_batch_p_is_the_same_however_one_gets_there():
    whole = [*chain(*(epoch(iteration=lambda i=start: i) for start in (0, 4, 8)))]
    for start in range(9):
        assert epoch(iteration=lambda i=start: i) == whole[start : start + 4]


def test_workers_that_read_ahead_change_nothing():
    for start in (0, 3):
        assert epoch(workers=2, iteration=lambda i=start: i) == epoch(iteration=lambda i=start: i)


def test_processes_share_the_images_without_overlap():
    alone = [x.tolist() for x, _ in Batches(Numbers(24), 4)]
    parts = [[x.tolist() for x, _ in Batches(Numbers(24), 2, process=p, processes=2)] for p in (0, 1)]
    assert [a + b for a, b in zip(*parts, strict=True)] == alone, "two processes see one process's double batch"


def test_reading_leaves_the_global_stream_alone():
    torch.manual_seed(0)
    expected = torch.randn(3)
    torch.manual_seed(0)
    epoch()
    assert torch.equal(torch.randn(3), expected)


def test_bytes_are_scaled_to_minus_one_and_one():
    assert scale(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1, 1]
    assert scale(torch.tensor([0, 65535], dtype=torch.int32).to(torch.uint16)).tolist() == [-1, 1]
    every = scale(torch.arange(256, dtype=torch.uint8))
    assert torch.equal(((every + 1) * 127.5).round().byte(), torch.arange(256, dtype=torch.uint8))


class Look(Callback):
    """Keeps the batches that the game gets."""

    def __init__(self) -> None:
        self.batches = []

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        self.batches.append(batch)


def test_the_game_gets_floats_of_the_right_shape_and_range_with_labels():
    look = Look()
    fit(tiny_gan(), Blobs(), callbacks=[look], max_steps=12)
    x = torch.cat([x for x, _ in look.batches])
    y = torch.cat([y for _, y in look.batches])
    assert x.shape[1:] == (1, 4, 4)
    assert (x.dtype, y.dtype) == (torch.float32, torch.int64)
    assert (x.min(), x.max()) == (-1, 1)
    assert sorted(y.tolist()) == sorted(list(range(48)) * 2), "two epochs, each image once in each"


def test_data_smaller_than_a_batch_is_refused_with_the_largest_batch_that_fits():
    with pytest.raises(UserError, match=r"Blobs has 48 images, .* set data\.batch_size to at most 48"):
        fit(tiny_gan(), Blobs(batch_size=49))


def test_images_in_memory_stay_bytes():
    data = Blobs()
    data.setup("fit")
    assert isinstance(data.source, TensorDataset)
    assert data.source.tensors[0].dtype == torch.uint8


# ---- mirror images --------------------------------------------------------------------------------------------------


class Slopes(ImageData):
    """40 images of two pixels, dark on the left and bright on the right, labelled with their numbers."""

    def __init__(self, mirror: bool) -> None:
        super().__init__((1, 1, 2), 8, mirror=mirror)

    def load(self) -> TensorDataset:
        numbers = torch.arange(40, dtype=torch.uint8).view(-1, 1, 1, 1)
        return TensorDataset(torch.cat([numbers, numbers + 100], 3), torch.arange(40))


def slopes(mirror: bool, start: int = 0, **options) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [*Batches(Slopes(mirror).load(), 8, mirror=mirror, iteration=lambda: start, **options)]


def test_half_of_the_images_are_mirrored_others_in_every_epoch_and_nothing_else_changes():
    mirrored = []
    for start in (0, 5):
        for (x, y), (plain, plain_y) in zip(slopes(True, start), slopes(False, start), strict=True):
            assert torch.equal(y, plain_y)
            turned = x[:, 0, 0, 0] > x[:, 0, 0, 1]
            assert torch.equal(torch.where(turned.view(-1, 1, 1, 1), x.flip(3), x), plain)
            mirrored += [y[turned]]
    both = [{*torch.cat(mirrored[:5]).tolist()}, {*torch.cat(mirrored[5:]).tolist()}]
    assert all(10 < len(numbers) < 30 for numbers in both)
    assert both[0] != both[1]


def test_which_images_are_mirrored_depends_on_the_seed_and_the_iteration_alone():
    whole = slopes(True) + slopes(True, 5)
    assert all(torch.equal(x, x_again) for (x, _), (x_again, _) in zip(whole[3:8], slopes(True, 3), strict=True))
    assert all(torch.equal(x, x_again) for (x, _), (x_again, _) in zip(whole[:5], slopes(True, workers=1), strict=True))
    assert any(not torch.equal(x, other) for (x, _), (other, _) in zip(whole[:5], slopes(True, seed=1), strict=True))
    parts = [[*Batches(Slopes(True).load(), 4, mirror=True, process=rank, processes=2)] for rank in (0, 1)]
    for (x, _), (left, _), (right, _) in zip(whole[:5], *parts, strict=True):
        assert torch.equal(x, torch.cat([left, right]))


def test_mirror_images_are_off_unless_asked_for_and_never_among_those_to_compare_with():
    for mirror in (False, True):
        data = Slopes(mirror)
        data.setup("fit")
        assert data.train_dataloader().mirror is mirror
        assert torch.equal(data.source[torch.arange(40)][0], data.load().tensors[0])  # type: ignore[index]


# ---- crops at random ------------------------------------------------------------------------------------------------


class Wide(ImageData):
    """20 images of 4x5 pixels, of which 2x3 are shown, each pixel with its place as its value; mirrored, too."""

    def __init__(self, mirror: bool = False) -> None:
        super().__init__((1, 2, 3), 10, mirror=mirror, jitter=2)

    def load(self) -> TensorDataset:
        return TensorDataset(torch.arange(20).view(1, 1, 4, 5).expand(20, 1, 4, 5).byte(), torch.arange(20))


def corners(mirror: bool, start: int = 0) -> list[list[int]]:
    """The upper left pixel of each crop of an epoch, and the next one to its right."""
    batches = Batches(Wide().load(), 10, iteration=lambda: start, mirror=mirror, jitter=2)
    return [pair for x, _ in batches for pair in x[:, 0, 0, :2].tolist()]


def test_training_images_are_cropped_anywhere_and_elsewhere_in_every_epoch():
    first, second = corners(False), corners(False, start=2)
    assert {tuple(pair) for pair in first + second} <= {(r * 5 + c, r * 5 + c + 1) for r in range(3) for c in range(3)}
    assert len({pair[0] for pair in first + second}) > 5
    assert first != second
    assert corners(False, start=1)[:10] == first[10:], "it resumes in the middle of an epoch"


def test_crops_are_of_images_and_of_mirror_images():
    steps = {right - left for left, right in corners(True)}
    assert steps == {1, -1}


def test_images_to_compare_with_are_cropped_around_the_centre():
    data = Wide()
    assert ((data.as_floats(data.load().tensors[0][:1]) + 1) * 127.5).round().flatten().tolist() == [
        6,
        7,
        8,
        11,
        12,
        13,
    ]
