"""The light generator, by its formulas."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from gan_lightning.networks import FastGANGenerator
from gan_lightning.networks.fastgan import Excitation, doubled_map


def generator(side: int, **options: Any) -> Any:
    torch.manual_seed(0)
    return FastGANGenerator((3, side, side), **({"latent_dim": 4, "width": 2, "max_width": 4} | options)).eval()


def test_a_doubling_repeats_places_and_gates_half_of_its_channels_by_the_other_half():
    block, x = doubled_map(3, 2).eval(), torch.randn(2, 3, 4, 5)
    w = block.state_dict()
    h = F.conv2d(x.repeat_interleave(2, 2).repeat_interleave(2, 3), w["1.weight"], padding=1) / (1 + 1e-5) ** 0.5
    assert torch.allclose(block(x), h[:, :2] * h[:, 2:].sigmoid(), atol=1e-5)


def test_an_excitation_is_equation_2_of_the_paper():
    """Pooled to 4x4, a 4x4 convolution, a leaky ReLU, a 1x1 convolution, a sigmoid."""
    layer, x = Excitation(3, 2), torch.randn(2, 3, 8, 8)
    w = layer.state_dict()
    pooled = x.view(2, 3, 4, 2, 4, 2).mean((3, 5))
    hidden = F.leaky_relu(torch.einsum("nchw,dchw->nd", pooled, w["layers.1.weight"]) + w["layers.1.bias"], 0.1)
    gates = (hidden @ w["layers.3.weight"][:, :, 0, 0].T + w["layers.3.bias"]).sigmoid()
    assert torch.allclose(layer(x), gates[:, :, None, None], atol=1e-5)


@pytest.mark.parametrize(("side", "pairs"), [(4, [(2, 4)]), (16, [(4, 8)]), (64, [(4, 32)]), (128, [(4, 32), (8, 64)])])
def test_a_map_gates_the_one_three_doublings_later(side, pairs):
    net, seen = generator(side), []
    for layer in net.excitations:
        layer.register_forward_hook(lambda _, args, out: seen.append(args[0].shape[-1]))
    net(torch.randn(1, 4))
    assert seen == [small for small, _ in pairs]
    heights = [min(side // 2, 4) * 2**i for i in range(len(net.doublings) + 1)]
    assert heights[-len(pairs) :] == [large for _, large in pairs]


def test_a_closed_gate_darkens_the_map():
    """Without its last map, the image is the bias of the last layer."""
    net = generator(16)
    (gate,) = net.excitations
    nn.init.constant_(gate.layers[3].bias, -1e4)  # type: ignore[index, union-attr]
    bias = net.end[0].bias.detach()[::4].tanh()  # type: ignore[union-attr, operator, index]
    assert torch.allclose(net(torch.randn(2, 4)), bias.view(1, 3, 1, 1).expand(2, 3, 16, 16))


def test_channels_double_from_the_last_map_to_the_first_up_to_a_limit():
    net = generator(128, width=2, max_width=16)
    widths = [m.weight.shape[0] // 2 for m in net.modules() if isinstance(m, nn.Conv2d) and m.bias is None]
    assert widths == [16, 8, 4, 2]
    assert net.start[0].out_features == 2 * 16 * 4 * 4


def test_at_first_each_patch_of_2x2_pixels_has_one_colour():
    image = generator(16)(torch.randn(2, 4))
    corners = image[:, :, ::2, ::2]
    assert torch.equal(image, corners.repeat_interleave(2, 2).repeat_interleave(2, 3))
    assert corners.std() > 0


def test_an_image_is_a_function_of_its_latent():
    net, z = generator(16), torch.randn(3, 4)
    assert torch.equal(net(z), net(z))
