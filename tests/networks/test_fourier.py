"""The discriminator of points."""

import pytest
import torch

from gan_lightning.core.errors import UserError
from gan_lightning.networks import FourierDiscriminator, MLPDiscriminator

POINT = (2, 1, 1)


def error_after(network: torch.nn.Module, steps: int = 200) -> float:
    """How far it is from telling apart twenty stripes, after so many steps of Adam."""
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)
    loss = torch.tensor(torch.inf)
    for _ in range(steps):
        x = torch.rand(256, *POINT) * 2 - 1
        stripe = (x[:, 0, 0, 0] * 10).floor() % 2
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(x).logits, stripe)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss.item()


def test_waves_see_fine_stripes_long_before_dense_layers_alone_do():
    torch.manual_seed(0)
    with_waves = error_after(FourierDiscriminator(POINT, hidden=[64, 64], frequency=4.0))
    assert with_waves < 0.5
    assert error_after(MLPDiscriminator(POINT, hidden=[64, 64])) > 0.65


def test_the_waves_are_drawn_once_and_are_in_the_state():
    net = FourierDiscriminator(POINT, hidden=[4], waves=1000, frequency=3.0)
    assert net.state_dict()["projection"].std().item() == pytest.approx(3, rel=0.1)
    assert not any(name == "projection" for name, _ in net.named_parameters())
    x = torch.randn(3, *POINT)
    assert torch.equal(net(x).logits, net(x).logits)


def test_each_image_of_a_pack_has_its_own_waves():
    torch.manual_seed(0)
    net = FourierDiscriminator(POINT, hidden=[4], waves=3, packing=2)
    seen = []
    net.layers.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    a, b = torch.randn(2, 1, *POINT)
    net(torch.cat([a, b], 1))
    net(torch.cat([b, a], 1))
    assert torch.equal(seen[0], seen[1].roll(8, dims=1)), "2 numbers and 6 waves of each"


def test_a_frequency_of_zero_is_refused():
    with pytest.raises(UserError, match="frequency of FourierDiscriminator is 0"):
        FourierDiscriminator(POINT, frequency=0)
