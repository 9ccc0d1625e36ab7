"""Networks from image to image take every size, and a patch is as large as is said."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gan_lightning.core.discovery import subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import to_uint8
from gan_lightning.core.resampling import bicubic
from gan_lightning.core.tiles import Reach, tiled
from gan_lightning.networks import (
    ImageToImage,
    PatchDiscriminator,
    ResNetTranslator,
    SuperResolver,
    UNetDiscriminator,
    UNetGenerator,
)
from gan_lightning.networks.whole_statistics import whole_statistics

ALL = sorted((c for c in subclasses(ImageToImage) if c.__module__.startswith("gan_lightning")), key=str)


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (16, 16), (33, 20)])
@pytest.mark.parametrize("cls", ALL)
def test_every_network_takes_every_size_whatever_it_is_built_for(cls, size):
    net = cls((2, 16, 16), width=4)
    x = torch.randn(2, net.input_channels, *size)
    assert net(x).shape == (2, 2, size[0] * net.factor, size[1] * net.factor)


@pytest.mark.parametrize("cls", [UNetGenerator, ResNetTranslator])
def test_inputs_may_have_other_channels(cls):
    net = cls((3, 16, 16), input_channels=1, width=4)
    assert net(torch.randn(2, 1, 16, 16)).shape == (2, 3, 16, 16)
    assert net(100 * torch.randn(2, 1, 16, 16)).abs().max() <= 1


@pytest.mark.parametrize("cls", [UNetGenerator, ResNetTranslator])
def test_what_is_padded_inside_is_cropped_at_the_same_place(cls):
    """A pixel of the result depends on the pixel of the input at its place."""
    torch.manual_seed(0)
    net = cls((1, 16, 16), width=4).double()
    x = torch.randn(1, 1, 13, 11, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(net(x)[0, 0, 12, 10], x)
    assert slope[0, 0, 12, 10] != 0


@pytest.mark.parametrize("cls", [c for c in ALL if c((1, 16, 16), width=4).map_channels])
def test_features_have_the_channels_that_are_said_and_those_of_an_image_begin_with_its_pixels(cls):
    net = cls((3, 16, 16), width=4)
    x = torch.randn(2, 3, 16, 16)
    maps = net.feature_maps(x)
    assert [one.shape[1] for one in maps] == [*net.map_channels]
    assert len(maps) == 5
    assert torch.equal(maps[0], x)
    assert [one.shape[2] for one in maps] == sorted((one.shape[2] for one in maps), reverse=True)


def test_the_features_of_nine_blocks_are_those_of_the_paper():
    """After the pixels: the first and the second halving, the first and the fifth residual block."""
    net = ResNetTranslator((1, 16, 16), width=4, blocks=9)
    seen = []
    for layer in (net.layers[5], net.layers[9], net.layers[12], net.layers[16]):
        layer.register_forward_hook(lambda _, inputs, output: seen.append(output))
    maps = net.feature_maps(torch.randn(1, 1, 16, 16))
    assert all(torch.equal(a, b) for a, b in zip(maps[1:], seen, strict=True))


@pytest.mark.parametrize("cls", ALL)
def test_images_of_one_colour_have_finite_slopes_and_leave_those_of_others_alone(cls):
    torch.manual_seed(0)
    net, flat = cls((1, 32, 32), width=8), torch.full((1, 1, 32 // cls((1, 32, 32)).factor, 32), 0.3)
    flat = torch.cat([flat, flat])[:, :, :, : flat.shape[2]]
    seen = torch.cat([flat[:1], torch.randn_like(flat[:1])])
    slopes = []
    for x in (flat, seen, seen[1:]):
        net.zero_grad()
        (net(x) - torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(1))).square()[-1:].sum().backward()
        slopes.append(torch.cat([p.grad.flatten() for p in net.parameters() if p.grad is not None]))
    assert slopes[0].isfinite().all()
    assert slopes[0].norm() < 1e4
    assert torch.allclose(slopes[1], slopes[2], rtol=1e-3, atol=1e-4 * slopes[2].norm().item())


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_super_resolver_begins_as_bicubic_interpolation(factor):
    x = torch.randn(2, 3, 5, 7)
    net = SuperResolver((3, 5 * factor, 7 * factor), factor, width=4, blocks=1)
    assert torch.equal(net(x), bicubic(x, 5 * factor, 7 * factor))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: UNetGenerator((1, 48, 64), halvings=7), r"images of 48x64 can be halved 6 times at most: set .* 6"),
        (lambda: UNetGenerator((1, 8, 8), halvings=0), "halvings is 0; it must be at least 1"),
        (lambda: UNetGenerator((1, 8, 8), dropout=1.0), "dropout of UNetGenerator is 1.0, a share; .* below 1"),
        (lambda: UNetGenerator((1, 8, 8), input_channels=0), "input_channels is 0; it must be at least 1"),
        (lambda: ResNetTranslator((1, 8, 8), input_channels=0), "input_channels is 0; it must be at least 1"),
    ],
)
def test_sizes_that_make_no_network_are_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()


def test_a_factor_that_there_is_not_is_refused():
    with pytest.raises(UserError, match="factor of SuperResolver is 5; there are 1, 2, 3, 4"):
        SuperResolver((3, 20, 20), 5)


def test_tiles_meet_without_a_seam():
    torch.manual_seed(0)
    net = SuperResolver((3, 64, 64), 2, width=4, blocks=2)
    torch.nn.init.normal_(net.end.weight, std=0.1)
    x = torch.randn(1, 3, 53, 70) / 2
    with torch.no_grad():
        whole = to_uint8(net(x))[0].astype(int)
        apart = tiled(net, x, net.factor, net.reach, tile=16).astype(int)
    assert whole.shape == apart.shape == (106, 140, 3)
    assert abs(whole - apart).max() <= 1, "of 255, by rounding"


def test_tiles_of_a_normalised_network_have_the_level_of_the_whole():
    """Dark sky above bright ground: normalised by itself, each tile would take both to the same grey."""
    torch.manual_seed(0)
    net = UNetGenerator((1, 16, 16), width=8).eval()
    x = torch.randn(1, 1, 96, 96) / 4 + torch.linspace(-1, 1, 96).sign()[:, None] / 2
    reach = Reach(16, 16, net.reach.multiple)
    with torch.no_grad():
        whole, apart = to_uint8(net(x))[0].astype(int), tiled(net, x, 1, reach, tile=32).astype(int)
        with whole_statistics(net, lambda: tiled(net, x, 1, reach, tile=32)):
            together = tiled(net, x, 1, reach, tile=32).astype(int)

    def wrong(made: np.ndarray) -> float:
        """The mean difference in level, over blocks of 16 x 16 pixels."""
        return abs((made - whole).reshape(6, 16, 6, 16).mean((1, 3))).mean()

    assert wrong(together) < wrong(apart) / 2


def cancelled(net: nn.Module) -> int:
    """Number of biases right before a normalisation, which takes them away again."""
    pairs = [pair for layers in net.modules() if isinstance(layers, nn.Sequential) for pair in pairwise(layers)]
    return sum(a.bias.numel() for a, b in pairs if isinstance(b, nn.InstanceNorm2d))  # type: ignore[union-attr]


def test_the_networks_of_pix2pix_have_as_many_parameters_as_the_authors_own():
    """54.41 M and 2.77 M, with batch norm: https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix."""
    with torch.device("meta"):
        generator = UNetGenerator((3, 256, 256), width=64, max_width=512, dropout=0.5)
        judge = PatchDiscriminator((3, 256, 256), width=64, max_width=512, condition_channels=3)
    counts = [sum(p.numel() for p in net.parameters()) - cancelled(net) for net in (generator, judge)]
    assert counts == [54_414_531, 2_768_705]


def test_the_discriminator_of_real_esrgan_has_as_many_parameters_as_the_authors_own():
    """3 * 64 * 9 + 64, 16 * (64 * 128 + 128 * 256 + 256 * 512), 9 * (512 * 256 + 256 * 128 + 128 * 64), 2 * 9 * 64 * 64
    and 9 * 64 + 1.
    """
    with torch.device("meta"):
        judge = UNetDiscriminator((3, 256, 256), width=64)
    assert sum(p.numel() for p in judge.parameters()) == 4_376_897


@pytest.mark.parametrize("size", [(16, 16), (17, 20)])
def test_a_unet_discriminator_gives_a_logit_for_each_pixel_from_all_around_it(size):
    net = UNetDiscriminator((3, *size), width=4, condition_channels=1)
    x = torch.randn(2, 4, *size, requires_grad=True)
    assert net(x).logits.shape == (2, size[0] * size[1])
    (slope,) = torch.autograd.grad(net(x).logits[0, 0], x)
    assert (slope[0] != 0).all(), "nothing of so small an image is out of sight"
    assert net.features(x).shape == (2, net.features_dim)


def seen(net: PatchDiscriminator, size: int) -> Tensor:
    """Whether the logit in the middle depends on each pixel (size, size)."""
    x = torch.randn(1, 1, size, size, requires_grad=True)
    logits = net(x).logits[0]
    side = int(len(logits) ** 0.5)
    (slope,) = torch.autograd.grad(logits[side // 2 * side + side // 2], x)
    return slope[0, 0] != 0


@pytest.mark.parametrize(("halvings", "field"), [(1, 16), (2, 34), (3, 70)])
def test_a_patch_is_as_large_as_is_said(halvings, field):
    """Three halvings are the 70 pixels of pix2pix; a normalised layer would see the means of the whole image."""
    torch.manual_seed(0)
    net = PatchDiscriminator((1, 128, 128), width=4, halvings=halvings, spectral_norm=True)
    places = seen(net, 128).nonzero()
    assert (places.max(0).values - places.min(0).values + 1).tolist() == [field, field]


def test_at_the_second_scale_a_patch_is_twice_as_large_and_a_pixel():
    """The image is halved by means of 3x3 pixels: 34 of these, two apart, span 2 * 33 + 3."""
    torch.manual_seed(0)
    net = PatchDiscriminator((1, 256, 256), width=4, halvings=2, scales=2, spectral_norm=True)
    x = torch.randn(1, 1, 256, 256, requires_grad=True)
    (small,) = net.looks(x)[1:]
    logits = net.head[1](net.layers[1](small))
    (slope,) = torch.autograd.grad(logits[0, 0, 15, 15], x)
    places = slope[0, 0].nonzero()
    assert (places.max(0).values - places.min(0).values + 1).tolist() == [2 * 33 + 3] * 2


def test_each_scale_gives_logits_and_layers():
    net = PatchDiscriminator((3, 64, 64), width=4, scales=2, condition_channels=1)
    x = torch.randn(2, 4, 64, 64)
    assert net(x).logits.shape == (2, 6 * 6 + 2 * 2)
    assert len(net.feature_maps(x)) == 2 * 4
    assert net.features(x).shape == (2, net.features_dim)
