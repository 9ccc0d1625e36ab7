"""Networks with convolutions at every size, up to patches."""

import pytest
import torch
from torch import nn

from gan_lightning.core.errors import UserError
from gan_lightning.networks import PyramidDiscriminator, PyramidGenerator


def convolutions(net: nn.Module) -> list[tuple[int, int]]:
    return [(m.in_channels, m.out_channels) for m in net.modules() if isinstance(m, nn.Conv2d)]


def maps(net: nn.Module, *inputs: torch.Tensor) -> list[tuple[int, ...]]:
    """The height and width that each convolution makes."""
    seen: list[tuple[int, ...]] = []
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            layer.register_forward_hook(lambda _, given, made: seen.append(tuple(made.shape[2:])))
    net(*inputs)
    return seen


def test_maps_double_from_4x4_to_patches_of_2x2_and_the_discriminator_mirrors_them():
    g, d = PyramidGenerator((3, 32, 32), latent_dim=5), PyramidDiscriminator((3, 32, 32))
    assert convolutions(g) == [(128, 64), (64, 32), (32, 12)]
    assert maps(g, torch.randn(2, 5)) == [(8, 8), (16, 16), (16, 16)]
    assert convolutions(d) == [(12, 32), (32, 64), (64, 128)]
    assert maps(d, torch.randn(2, 3, 32, 32)) == [(16, 16), (8, 8), (4, 4)]


def test_larger_patches_have_fewer_maps():
    g = PyramidGenerator((3, 64, 64), patch=4)
    assert maps(g, torch.randn(2, 64)) == [(8, 8), (16, 16), (16, 16)]
    assert convolutions(g)[-1] == (32, 3 * 16)


def test_an_image_that_cannot_be_halved_as_often_has_smaller_patches():
    assert PyramidGenerator((1, 6, 4), patch=4)(torch.randn(2, 64)).shape == (2, 1, 6, 4)
    assert PyramidDiscriminator((1, 6, 4), patch=4)(torch.randn(2, 1, 6, 4)).logits.shape == (2,)


def test_no_map_is_wider_than_max_width():
    assert convolutions(PyramidDiscriminator((1, 64, 64), width=8, max_width=16)) == [
        (4, 8),
        (8, 16),
        (16, 16),
        (16, 16),
    ]


def test_a_discriminator_with_minibatch_stddev_tells_a_collapse_from_the_same_image_among_others():
    torch.manual_seed(0)
    d, x = PyramidDiscriminator((1, 8, 8), minibatch_stddev=2), torch.randn(2, 1, 8, 8)
    same = d(x[:1].expand(2, -1, -1, -1)).logits
    assert not torch.allclose(d(x).logits[0], same[0])


@pytest.mark.parametrize("patch", [0, 3, -2])
def test_a_patch_that_is_no_power_of_two_is_refused(patch):
    with pytest.raises(UserError, match=f"patch of PyramidGenerator is {patch}"):
        PyramidGenerator((1, 8, 8), patch=patch)
