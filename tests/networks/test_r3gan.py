"""R3GAN's resampling, and whole networks, against references of plain operations."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.networks import R3GANDiscriminator, R3GANGenerator
from gan_lightning.networks.r3gan import Tent

SIDE = (1 / 8, 3 / 8, 3 / 8, 1 / 8)


def filtered(x: Tensor, i: int, j: int) -> Tensor:
    """The weighted sum (N, C) of the 4x4 places that begin at row i, column j; beyond the edges are zeros."""
    total = x.new_zeros(x.shape[:2])
    for a, down in enumerate(SIDE):
        for b, right in enumerate(SIDE):
            if 0 <= i + a < x.shape[2] and 0 <= j + b < x.shape[3]:
                total = total + down * right * x[:, :, i + a, j + b]
    return total


def halved(x: Tensor) -> Tensor:
    """Every second weighted sum, after one row or column of zeros."""
    rows = [
        torch.stack([filtered(x, 2 * i - 1, 2 * j - 1) for j in range(x.shape[3] // 2)], 2)
        for i in range(x.shape[2] // 2)
    ]
    return torch.stack(rows, 2)


def doubled(x: Tensor) -> Tensor:
    """Zeros between the pixels, then weighted sums around each place, times four."""
    apart = x.new_zeros(*x.shape[:2], 2 * x.shape[2], 2 * x.shape[3])
    apart[:, :, ::2, ::2] = x
    rows = [
        torch.stack([4 * filtered(apart, i - 2, j - 2) for j in range(apart.shape[3])], 2)
        for i in range(apart.shape[2])
    ]
    return torch.stack(rows, 2)


@pytest.mark.parametrize(("doubles", "reference"), [(True, doubled), (False, halved)])
@pytest.mark.parametrize("size", [(4, 6), (2, 2), (7, 8)])
def test_resampling_is_the_definition_of_upfirdn(doubles, reference, size):
    """Karras et al. 2020: insert zeros, filter, drop pixels. The filter is symmetric; edges see zeros."""
    if not doubles:
        size = size[0] // 2 * 2, size[1]
    x = torch.randn(2, 3, *size, dtype=torch.float64)
    assert torch.allclose(Tent(doubles).double()(x), reference(x), rtol=0, atol=1e-12)


def test_the_level_is_kept_inside_and_falls_at_the_edges():
    ones = torch.ones(1, 2, 6, 8)
    assert torch.allclose(Tent(doubles=True)(ones)[:, :, 1:-1, 1:-1], torch.ones(1, 2, 10, 14))
    assert torch.allclose(Tent(doubles=False)(ones)[:, :, 1:-1, 1:-1], torch.ones(1, 2, 1, 2))
    assert Tent(doubles=True)(ones)[0, 0, 0, 0].item() == pytest.approx((3 / 4) ** 2)
    assert Tent(doubles=False)(ones)[0, 0, 0, 0].item() == pytest.approx((7 / 8) ** 2)


def with_weights(network: nn.Module) -> dict[str, Tensor]:
    """The weights of a network of 64 bits, none of which is zero any more."""
    torch.manual_seed(0)
    for parameter in network.double().parameters():
        nn.init.normal_(parameter, std=0.3)
    return network.state_dict()


def block(x: Tensor, w: dict[str, Tensor], name: str, groups: int) -> Tensor:
    h = F.conv2d(x, w[f"{name}.expand.weight"], w[f"{name}.expand.bias"])
    h = F.conv2d(torch.where(h > 0, h, h / 5), w[f"{name}.mix.weight"], w[f"{name}.mix.bias"], padding=1, groups=groups)
    return x + F.conv2d(torch.where(h > 0, h, h / 5), w[f"{name}.project.weight"])


OPTIONS: dict[str, Any] = {"width": 4, "max_width": 8, "blocks": 2, "group": 4}


def test_logits_are_those_of_the_original_with_the_same_weights():
    """8x8, 4x4: 1x1, blocks, halve, 1x1, blocks, a weight for each place of each channel, a linear layer."""
    judge = R3GANDiscriminator((3, 8, 8), **OPTIONS)
    w, x = with_weights(judge), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    h = F.conv2d(x, w["start.weight"], w["start.bias"])
    for i in range(2):
        h = block(h, w, f"stages.0.{i}", groups=4 * 2 // 4)
    h = F.conv2d(halved(h), w["changes.0.weight"])
    for i in range(2):
        h = block(h, w, f"stages.1.{i}", groups=8 * 2 // 4)
    features = torch.einsum("nchw,chw->nc", h, w["basis"])
    logits = features @ w["head.logit.weight"][0] + w["head.logit.bias"]
    assert torch.allclose(judge(x).logits, logits, rtol=1e-12, atol=1e-9)


def test_images_are_those_of_the_original_with_the_same_weights():
    """4x4, 8x8: a learned image times a linear map of z, blocks, 1x1, double, blocks, 1x1."""
    generator = R3GANGenerator((3, 8, 8), latent_dim=5, **OPTIONS)
    w, z = with_weights(generator), torch.randn(2, 5, dtype=torch.float64)
    h = (z @ w["weights.weight"].T)[:, :, None, None] * w["basis"]
    for i in range(2):
        h = block(h, w, f"stages.0.{i}", groups=8 * 2 // 4)
    h = doubled(F.conv2d(h, w["changes.0.weight"]))
    for i in range(2):
        h = block(h, w, f"stages.1.{i}", groups=4 * 2 // 4)
    images = F.conv2d(h, w["end.weight"], w["end.bias"])
    assert torch.allclose(generator(z), images, rtol=1e-12, atol=1e-9)


def test_checkpoints_hold_no_filter():
    assert not [name for name in R3GANDiscriminator((1, 8, 8)).state_dict() if "kernel" in name]


def test_resampling_can_be_differentiated_twice():
    for doubles in (True, False):
        x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradgradcheck(Tent(doubles).double(), (x,))
