"""The residual networks of Miyato et al. (2018), Appendix B.4."""

import pytest
import torch

from gan_lightning.networks import ResNetDiscriminator
from gan_lightning.networks.resnet import Block


def blocks(judge: ResNetDiscriminator) -> list[bool]:
    """Whether each block halves."""
    return [layer.halves for layer in judge.layers if isinstance(layer, Block)]


def test_the_discriminator_for_cifar_has_as_many_parameters_as_the_papers():
    """Two blocks that halve, two that do not, 128 channels, one logit."""
    judge = ResNetDiscriminator((3, 32, 32), width=128, max_width=128)
    first = (3 * 9 + 1) * 128 + (128 * 9 + 1) * 128 + (3 + 1) * 128
    halving, staying = 2 * (128 * 9 + 1) * 128 + (128 + 1) * 128, 2 * (128 * 9 + 1) * 128
    assert sum(p.numel() for p in judge.parameters()) == first + halving + 2 * staying + 128 + 1 == 1_053_825
    assert blocks(judge) == [True, True, False, False]


@pytest.mark.parametrize(
    ("size", "halving", "last", "smallest"),
    [(28, 2, 2, 7), (32, 2, 2, 8), (48, 4, 1, 3), (64, 4, 1, 4), (128, 5, 1, 4)],
)
def test_small_images_are_halved_to_8_pixels_and_large_ones_to_4(size, halving, last, smallest):
    """48x48 and 128x128 are the paper's other networks."""
    judge = ResNetDiscriminator((1, size, size), width=1, max_width=1, spectral_norm=False)
    assert blocks(judge) == [True] * halving + [False] * last
    assert judge.layers(torch.zeros(1, 1, size, size)).shape[2:] == (smallest, smallest)
