"""Images completed."""

import pytest
import torch
from helpers.tiny import SHAPE, tiny_gan

from gan_lightning.core.errors import UserError
from gan_lightning.editing.blending import blended
from gan_lightning.editing.masks import HOLES, hole

LEFT = hole("left", 4, 4)


def test_what_is_known_stays_and_what_is_hidden_is_not_looked_at():
    model = tiny_gan().eval()
    images = model.sample(range(2))
    spoilt = images.masked_fill(LEFT, 0.9)
    done, other = model.complete(images, LEFT, count=3), model.complete(spoilt, LEFT, count=3)
    assert torch.equal(done.images, other.images)
    assert torch.equal(done.images[..., 2:], images.unsqueeze(1).expand(-1, 3, -1, -1, -1)[..., 2:])
    assert done.images.shape == (2, 3, *SHAPE)
    assert done.images.abs().max() <= 1


def test_a_sample_with_a_hole_is_completed_as_it_was_if_what_is_known_decides_it():
    model = tiny_gan().eval()
    images = model.sample(range(4))
    done = model.complete(images, LEFT, count=1, noise=0.01)
    assert (done.images[:, 0] - images).abs().max() < 0.05


def test_completions_of_one_image_differ_in_the_hole_if_noise_leaves_room():
    done = tiny_gan().eval().complete(torch.zeros(1, *SHAPE), LEFT, count=4, noise=1.0).images[0]
    assert (done[1] - done[2])[:, LEFT].abs().max() > 0.01


def test_the_same_call_gives_the_same_bits():
    model, images = tiny_gan().eval(), torch.zeros(2, *SHAPE)
    assert torch.equal(model.complete(images, LEFT).images, model.complete(images, LEFT).images)


@pytest.mark.parametrize("name", HOLES)
def test_a_hole_hides_a_part_of_any_image(name):
    for height, width in ((4, 4), (5, 7), (28, 28)):
        mask = hole(name, height, width)
        assert 0 < mask.float().mean() < 1
        assert torch.equal(mask, hole(name, height, width))


def test_holes_are_where_their_names_say():
    assert hole("left", 2, 4).tolist() == [[True, True, False, False]] * 2
    assert hole("bottom", 4, 1).flatten().tolist() == [False, False, True, True]
    assert hole("random", 10, 10).sum() == 60
    assert not torch.equal(hole("random", 10, 10), hole("random", 10, 10, seed=1))


def test_a_membrane_carries_the_gap_at_the_edge_into_the_hole_and_falls_off():
    """In one dimension it is e^(-x / reach), nearly: here gap(x) = c gap(x - 1) with c + 1 / c = 2 + 1 / reach^2."""
    missing = torch.ones(1, 1, 1, 20, dtype=torch.bool)
    missing[..., 0] = False
    known, made = torch.full((1, 1, 1, 20), 0.5), torch.zeros(1, 1, 1, 20)
    done = blended(known, made, missing, reach=2.0)[0, 0, 0]
    assert torch.allclose(done[1:6] / done[:5], torch.full((5,), 0.6096), atol=1e-3)


def test_what_fits_at_the_edge_is_not_changed():
    made = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(blended(made, made, LEFT[None, None]), made)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (torch.zeros(4, 4, dtype=torch.bool), "hides nothing"),
        (torch.ones(4, 4, dtype=torch.bool), "hides the whole image"),
        (torch.ones(4, 5, dtype=torch.bool), "the images are 4x4"),
        (torch.zeros(4, 4), "must be bool"),
    ],
)
def test_a_mask_that_cannot_be_is_refused_in_one_line(mask, words):
    with pytest.raises(UserError, match=words):
        tiny_gan().eval().complete(torch.zeros(1, *SHAPE), mask)


def test_an_unknown_hole_is_refused():
    with pytest.raises(UserError, match="hole is middle: it must be left, right"):
        hole("middle", 4, 4)
