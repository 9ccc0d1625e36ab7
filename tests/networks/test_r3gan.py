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
    h = F.conv2d(x, w["start.weight"])
    for i in range(2):
        h = block(h, w, f"stages.0.{i}", groups=4 * 2 // 4)
    h = F.conv2d(halved(h), w["changes.0.weight"])
    for i in range(2):
        h = block(h, w, f"stages.1.{i}", groups=8 * 2 // 4)
    features = torch.einsum("nchw,chw->nc", h, w["basis"])
    logits = features @ w["head.logit.weight"][0]
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
    images = F.conv2d(h, w["end.weight"])
    assert torch.allclose(generator(z), images, rtol=1e-12, atol=1e-9)


def test_checkpoints_hold_no_filter():
    assert not [name for name in R3GANDiscriminator((1, 8, 8)).state_dict() if "kernel" in name]


def test_resampling_can_be_differentiated_twice():
    for doubles in (True, False):
        x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
        assert torch.autograd.gradgradcheck(Tent(doubles).double(), (x,))


# ---- the published networks -----------------------------------------------------------------------------------------

PUBLISHED = {
    "CIFAR-10": (32, 768, 10, 20_781_952, 21_280_512),
    "FFHQ-64": (64, 384, 0, 22_429_824, 22_381_440),
    "FFHQ-256": (256, 96, 0, 23_057_952, 23_009_568),
}
"""Size, channels at full size, classes, and parameters of G and D."""


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_networks_have_the_published_numbers_of_parameters(name):
    size, width, classes, of_generator, of_discriminator = PUBLISHED[name]
    options: dict[str, Any] = {"width": width, "max_width": 768, "classes": classes}
    with torch.device("meta"):
        assert parameters(R3GANGenerator((3, size, size), **options)) == of_generator
        assert parameters(R3GANDiscriminator((3, size, size), **options)) == of_discriminator


def test_their_channels_are_those_of_the_table_from_4_pixels_on():
    for size, width, widths in ((64, 384, [768] * 4 + [384]), (256, 96, [768] * 4 + [384, 192, 96])):
        with torch.device("meta"):
            generator = R3GANGenerator((3, size, size), width=width, max_width=768)
        assert generator.basis.shape == (768, 4, 4)
        stages: Any = generator.stages
        assert [stage[0].project.out_channels for stage in stages] == widths


def test_only_what_stands_before_a_leaky_relu_has_a_bias():
    for network in (R3GANGenerator((3, 8, 8), classes=3), R3GANDiscriminator((3, 8, 8), classes=3)):
        biased = {name.split(".")[-2] for name, _ in network.named_parameters() if name.endswith("bias")}
        assert biased == {"expand", "mix"}


def test_a_block_is_the_identity_at_the_start_and_both_networks_are_linear():
    torch.manual_seed(0)
    generator, judge = R3GANGenerator((3, 8, 8)).double(), R3GANDiscriminator((3, 8, 8)).double()
    x = torch.randn(2, 32, 8, 8, dtype=torch.float64)
    assert torch.equal(judge.stages[0](x), x)
    z, images = torch.randn(2, 64, dtype=torch.float64), torch.randn(2, 3, 8, 8, dtype=torch.float64)
    assert torch.allclose(generator(3 * z), 3 * generator(z))
    assert torch.allclose(judge(3 * images).logits, 3 * judge(images).logits)


def test_inside_a_block_all_layers_but_the_last_begin_at_the_fourth_root_of_the_blocks_times_hes_scale():
    torch.manual_seed(0)
    judge: Any = R3GANDiscriminator((3, 16, 16), width=64, max_width=64, blocks=2)  # six blocks
    gain = (2 / 1.04) ** 0.5 * 6**-0.25
    for block in (b for stage in judge.stages for b in stage):
        assert block.expand.weight.std().item() == pytest.approx(gain / 64**0.5, rel=0.05)
        assert block.mix.weight.std().item() == pytest.approx(gain / 144**0.5, rel=0.05)
        assert not block.project.weight.any()


def test_at_the_start_the_variance_of_images_and_logits_is_that_of_z_and_of_the_last_small_image():
    """Linear layers of gain 1 keep it. (The resampling filter lowers it, so what is not resampled is compared.)"""
    torch.manual_seed(0)
    generator = R3GANGenerator((64, 8, 8), width=256, max_width=256)
    small = generator.basis * generator.weights(torch.randn(64, 64))[:, :, None, None]
    assert small.square().mean().item() == pytest.approx(1, rel=0.1)
    assert generator.end(torch.randn(8, 256, 8, 8)).var().item() == pytest.approx(1, rel=0.1)
    judge = R3GANDiscriminator((3, 8, 8), width=256, max_width=256)
    assert judge.start(torch.randn(8, 3, 8, 8)).var().item() == pytest.approx(1, rel=0.2)
    features = (torch.randn(256, 256, 4, 4) * judge.basis).sum((2, 3))
    assert features.var().item() == pytest.approx(1, rel=0.1)
    assert judge.head(features, None).logits.var().item() == pytest.approx(1, rel=0.3)


def test_with_classes_a_logit_is_the_product_of_mapped_features_with_the_vector_of_the_class():
    judge = R3GANDiscriminator((3, 8, 8), width=16, max_width=16, classes=5)
    w, x, y = with_weights(judge), torch.randn(4, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 4, 2, 2])
    logits = ((judge.features(x) @ w["head.logit.weight"].T) * w["head.embedding.weight"][y]).sum(1)
    assert torch.allclose(judge(x, y).logits, logits, rtol=1e-12)


def test_vectors_of_classes_begin_as_linear_maps_of_one_of_them():
    """G: gain 1. D: gain 1 / sqrt(F), so that logits begin with the variance of features over classes."""
    torch.manual_seed(0)
    generator = R3GANGenerator((3, 8, 8), classes=1000)
    judge: Any = R3GANDiscriminator((3, 8, 8), width=256, max_width=256, classes=100)
    assert generator.latent.embedding is not None
    assert generator.latent.embedding.weight.std().item() == pytest.approx(1000**-0.5, rel=0.05)
    assert judge.head.embedding.weight.std().item() == pytest.approx((256 * 100) ** -0.5, rel=0.05)
