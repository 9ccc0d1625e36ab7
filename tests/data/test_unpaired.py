"""Two folders that do not correspond."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.data import Batches, Unpaired
from gan_lightning.evaluation.reference import real_sets


@pytest.fixture(autouse=True)
def sides(in_tmp_path):
    """Five images in a, three in b, each of one grey of its own."""
    for side, count in (("a", 5), ("b", 3)):
        Path(side).mkdir()
        for i in range(count):
            Image.new("L", (4, 4), i + 100 * (side == "b")).save(f"{side}/{i}.png")


def unpaired(**options: Any) -> Unpaired:
    data = Unpaired(**{"a": "a", "b": "b", "image_size": 4, "channels": 1, "batch_size": 1, "cache_gib": 0, **options})
    data.setup("fit")
    return data


def greys(x: Tensor) -> list[int]:
    return x[:, 0, 0, 0].tolist()


def test_a_batch_holds_as_many_of_either_side_in_turn_and_says_which():
    x, y = next(iter(unpaired(batch_size=3).train_dataloader()))
    assert (x >= 100).all((1, 2, 3)).long().tolist() == y.tolist() == [0, 1, 0, 1, 0, 1]
    assert x.dtype == torch.uint8


def test_an_epoch_is_as_long_as_the_larger_side_and_the_other_begins_anew():
    seen = [greys(x) for x, _ in unpaired().train_dataloader()]
    assert sorted(a for a, _ in seen) == [0, 1, 2, 3, 4]
    assert sorted(b for _, b in seen[:3]) == [100, 101, 102]


def test_the_orders_of_the_sides_are_their_own():
    order = torch.arange(20)
    batches = Batches(list(range(40)), 1, groups=[order, order + 20])  # type: ignore[arg-type]
    pairs = torch.stack([pair for _, pair in zip(range(20), batches.indices(0), strict=False)])
    assert not torch.equal(pairs[:, 0], pairs[:, 1] - 20)


def test_batches_are_a_function_of_their_number_and_the_process():
    data = unpaired()
    whole = Batches(data.source, 1, groups=data.groups(data.source))  # type: ignore[arg-type]
    first = [i.tolist() for _, i in zip(range(12), whole.indices(0), strict=False)]
    later = [i.tolist() for _, i in zip(range(5), whole.indices(7), strict=False)]
    assert later == first[7:]
    one, other = (
        Batches(data.source, 1, process=rank, processes=2, groups=whole.groups)  # type: ignore[arg-type]
        for rank in (0, 1)
    )
    pairs = [(next(one.indices(i)), next(other.indices(i))) for i in range(6)]
    assert all((a != b).all() for a, b in pairs)


def test_each_side_is_mirrored_by_itself():
    for side in "ab":
        Image.frombytes("L", (2, 1), bytes([0, 255])).resize((4, 4), 0).save(f"{side}/0.png")
        for path in [*Path(side).iterdir()]:
            path.write_bytes(Path(f"{side}/0.png").read_bytes())
    data = unpaired(mirror=True, batch_size=3)
    turned = torch.stack([x[:, 0, 0, 0] > 0 for epoch in range(9) for x, _ in [next(iter(at(data, epoch)))]])
    assert 0 < turned[:, 0::2].sum() < turned[:, 0::2].numel()
    assert not torch.equal(turned[:, 0::2], turned[:, 1::2])


def at(data: Unpaired, iteration: int) -> Batches:
    batches = data.train_dataloader()
    batches.iteration = lambda: iteration
    return batches


def test_each_side_is_cropped_by_itself():
    for path in Path().rglob("?.png"):
        Image.fromarray(np.arange(36, dtype=np.uint8).reshape(6, 6)).save(path)
    data = unpaired(jitter=2)
    corners = torch.stack([x[:, 0, 0, 0] for x, _ in data.train_dataloader()])
    assert len({*corners.flatten().tolist()}) > 3
    assert (corners[:, 0] != corners[:, 1]).any()
    assert data.as_floats(torch.zeros(2, 1, 6, 6, dtype=torch.uint8)).shape == (2, 1, 4, 4)


def test_images_of_both_sides_are_held_out():
    for side in "ab":
        for i in range(10, 40):
            Image.new("L", (4, 4), i + 100 * (side == "b")).save(f"{side}/{i}.png")
    data = unpaired(held_out=0.4)
    assert data.left_out is not None
    for images in (data.source, data.left_out):
        for number, chosen in enumerate(data.groups(images)):  # type: ignore[arg-type]
            assert len(chosen) > 4
            assert (images[chosen][1] == number).all()  # type: ignore[index]


def test_each_side_has_a_half_for_validation_and_one_for_tests():
    for side in "ab":
        for i in range(10, 19):
            Image.new("L", (4, 4), i + 100 * (side == "b")).save(f"{side}/{i}.png")
    data = unpaired()
    sizes = [[*map(len, data.groups(half.images))] for half in real_sets(data)]
    total = [*map(len, data.groups(data.source))]  # type: ignore[arg-type]
    assert [sum(side) for side in zip(*sizes, strict=True)] == total
    assert all(abs(a - b) <= 1 for a, b in zip(*sizes, strict=True))


def test_sides_that_are_decoded_as_they_are_used_are_the_same():
    kept, lazy = unpaired(), unpaired(memory_gib=0, workers=0)
    for (x, y), (u, v) in zip(kept.train_dataloader(), lazy.train_dataloader(), strict=True):
        assert torch.equal(x, u)
        assert torch.equal(y, v)


def test_sides_of_sixteen_bits_keep_them_on_request():
    data = unpaired(bits=16)
    data.setup("fit")
    x, _ = next(iter(data.train_dataloader()))
    assert x.dtype == torch.uint16
    eight = unpaired()
    eight.setup("fit")
    assert torch.allclose(data.as_floats(x), eight.as_floats(next(iter(eight.train_dataloader()))[0]), atol=1e-4)


def test_the_classes_are_the_folders():
    assert unpaired().class_names == ("a", "b")
    Path("b/a").mkdir()
    Image.new("L", (4, 4), 7).save("b/a/0.png")
    assert unpaired(a="b/a", b="a").class_names == ("a", "b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"b": "a"}, r"^data\.a and data\.b are both .*/a: name two folders, of images of two kinds$"),
        ({"b": "a/../a"}, r"^data\.a and data\.b are both "),
        ({"b": "."}, r"^data\.a is inside data\.b, so its images would be on both sides: name two folders apart$"),
        ({"b": "none"}, r"^data\.b is none, which is not there: name a folder or a \.zip file of images$"),
        ({"a": "empty"}, r"^no image found in empty or below it .*: check data\.a$"),
        ({"held_out": 0.02}, r"^data\.held_out is 0\.02, which holds out 0 of 8 images"),
        ({"held_out": 0.97}, r"^data\.held_out is 0\.97, which "),
    ],
)
def test_sides_that_make_no_sense_are_refused_in_one_line(options, message):
    Path("empty").mkdir()
    with pytest.raises(UserError, match=message):
        unpaired(**options)


def test_a_side_of_which_nothing_is_left_is_named():
    data = unpaired()
    assert data.identities is None
    identities = data.identify(data.source) / 2**62  # type: ignore[arg-type]
    ends = {"a": identities[:5].max().item(), "b": identities[5:].max().item()}
    side = min(ends, key=ends.__getitem__)
    with pytest.raises(UserError, match=rf"^data\.held_out is .* holds out . of the . images of {side} \(each .* add"):
        unpaired(held_out=ends[side] + 1e-6)


def test_a_batch_larger_than_the_smaller_side_is_refused():
    with pytest.raises(UserError, match=r"^Unpaired has 3 images on one side, fewer than one batch of 4: set .* to at"):
        unpaired(batch_size=4).train_dataloader()
