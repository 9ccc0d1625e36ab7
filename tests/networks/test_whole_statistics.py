"""Parts of a large image are normalised by the statistics of the whole."""

import torch
from torch import nn

from gan_lightning.networks.whole_statistics import whole_statistics


def norm(width: int) -> nn.InstanceNorm2d:
    layer = nn.InstanceNorm2d(width, affine=True)
    for p in layer.parameters():
        nn.init.normal_(p)
    return layer


def test_two_halves_are_normalised_as_the_whole_then_each_by_itself_again():
    torch.manual_seed(0)
    layer, x = norm(3), torch.randn(1, 3, 4, 6) + torch.arange(6)
    halves, whole = x.split(3, 3), layer(x)
    apart = [layer(half) for half in halves]
    with whole_statistics(nn.Sequential(layer), lambda: [layer(half) for half in halves]):
        together = [layer(half) for half in halves]
    assert torch.allclose(torch.cat(together, 3), whole, atol=1e-5)
    assert not torch.allclose(torch.cat(apart, 3), whole, atol=0.1)
    assert torch.equal(layer(halves[0]), apart[0])


def test_a_network_without_normalisation_is_not_shown_anything():
    shown = []
    with whole_statistics(nn.Conv2d(1, 1, 1), lambda: shown.append(1)):
        pass
    assert not shown
