"""What a pool of earlier images owes a discriminator."""

import pytest
import torch
from torch import Tensor

from gan_lightning.core.seeding import numbered_draws
from gan_lightning.models.fake_pool import FakePool


def numbered_images(first: int, count: int) -> Tensor:
    """Images of one pixel, each a number of its own."""
    return torch.arange(first, first + count).float().view(-1, 1, 1, 1)


def test_it_gives_back_what_it_is_given_until_it_is_full():
    pool = FakePool(5, (1, 1, 1))
    assert torch.equal(pool(numbered_images(1, 5), numbered_draws(0)[1]), numbered_images(1, 5))
    assert sorted(pool.images.flatten().tolist()) == [1, 2, 3, 4, 5]


def test_then_each_image_is_the_new_one_or_an_earlier_one_whose_place_it_takes():
    pool, uniform = FakePool(5, (1, 1, 1)), numbered_draws(0)[1]
    pool(numbered_images(0, 5), uniform)
    new = 0
    for i in range(5, 405):
        before = pool.images.flatten().tolist()
        (seen,) = pool(numbered_images(i, 1), uniform).flatten().tolist()
        after = pool.images.flatten().tolist()
        assert len(after) == 5
        if seen == i:
            new += 1
            assert after == before
        else:
            assert after == [i if value == seen else value for value in before]
            assert seen in before
    assert 160 < new < 240, "half of the time"


def test_the_place_is_any_with_equal_probability():
    pool, uniform = FakePool(4, (1, 1, 1)), numbered_draws(1)[1]
    pool(numbered_images(0, 4), uniform)
    counts = torch.zeros(4)
    for i in range(800):
        before = pool.images.flatten().clone()
        pool(numbered_images(10 + i, 1), uniform)
        counts += before != pool.images.flatten()
    assert (counts > 70).all()
    assert (counts < 130).all()


def test_in_a_batch_each_image_takes_its_turn():
    draws = torch.tensor([[0.1, 0.0], [0.1, 0.0], [0.9, 0.0]])
    pool = FakePool(1, (1, 1, 1))
    pool(numbered_images(7, 1), numbered_draws(0)[1])
    assert pool(numbered_images(8, 3), lambda *shape: draws).flatten().tolist() == [7, 8, 10]
    assert pool.images.item() == 9


def test_it_goes_on_from_a_checkpoint():
    one, other = FakePool(3, (1, 2, 2)), FakePool(3, (1, 2, 2))
    one(torch.randn(2, 1, 2, 2), numbered_draws(0)[1])
    other.load_state_dict(one.state_dict())
    x = torch.randn(6, 1, 2, 2)
    assert torch.equal(one(x, numbered_draws(1)[1]), other(x, numbered_draws(1)[1]))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_images_of_another_precision_are_kept_in_its_own(dtype):
    assert FakePool(1, (1, 1, 1))(numbered_images(1, 2).to(dtype), numbered_draws(0)[1]).dtype == torch.float32
