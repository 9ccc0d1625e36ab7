"""The dense networks that GANs are taught with."""

import torch
from torch import nn

from gan_lightning.networks import MLPDiscriminator, MLPGenerator

SHAPE = (1, 28, 28)


def kinds(network: nn.Module) -> list[str]:
    return [type(m).__name__ for m in network.modules() if not list(m.children())]


def test_the_classic_generator_has_the_layers_that_are_taught():
    net = MLPGenerator(SHAPE)
    widths = [(m.in_features, m.out_features) for m in net.modules() if isinstance(m, nn.Linear)]
    assert widths == [(100, 256), (256, 512), (512, 1024), (1024, 784)]
    assert kinds(net.layers) == ["Linear", "LeakyReLU", "BatchNorm1d"] * 3 + ["Linear", "Squash"]
    assert {m.negative_slope for m in net.modules() if isinstance(m, nn.LeakyReLU)} == {0.2}
    assert {(m.momentum, m.eps) for m in net.modules() if isinstance(m, nn.BatchNorm1d)} == {(0.2, 1e-3)}


def test_the_classic_discriminator_has_the_layers_that_are_taught_and_ends_in_a_logit():
    net = MLPDiscriminator(SHAPE)
    widths = [(m.in_features, m.out_features) for m in net.modules() if isinstance(m, nn.Linear)]
    assert widths == [(784, 512), (512, 256), (256, 1)]
    assert kinds(net) == ["Linear", "LeakyReLU"] * 2 + ["Linear"]


def test_shapes_and_ranges_are_those_of_the_contract():
    shape = (3, 5, 7)
    x = MLPGenerator(shape, latent_dim=9, hidden=[4])(torch.randn(6, 9) * 100)
    assert x.shape == (6, *shape)
    assert x.abs().max() <= 1
    assert MLPDiscriminator(shape, hidden=[4])(x).logits.shape == (6,)
