"""Laws that hold for every network of the package, listed or not."""

import inspect
import re

import pytest
import torch
from torch import Tensor, nn

from gan_lightning.core.discovery import subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    Discriminator,
    DiscriminatorOutput,
    Generator,
    MLPDiscriminator,
    MLPGenerator,
    PatchDiscriminator,
    R3GANDiscriminator,
    R3GANGenerator,
    ResNetGenerator,
)
from gan_lightning.networks.layers import MinibatchStddev, SelfAttention, Squash
from gan_lightning.networks.r3gan import Residual
from gan_lightning.networks.subpixel import FromImage, JoinPatches, SplitPatches, ToImage


def ours(base: type) -> list[type]:
    return sorted((c for c in subclasses(base) if c.__module__.startswith("gan_lightning")), key=lambda c: c.__name__)


GENERATORS, DISCRIMINATORS = ours(Generator), ours(Discriminator)
SMALL_PATCHES = {"width": 8, "halvings": 1}
SHAPES = [(1, 28, 28), (3, 8, 12), (5, 6, 4)]


def takes(option: str) -> list[type]:
    return [cls for cls in (*GENERATORS, *DISCRIMINATORS) if option in inspect.signature(cls).parameters]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cls", GENERATORS)
def test_every_generator_makes_images_of_any_even_size_and_any_channels(cls, shape):
    net = cls(shape)
    assert net(torch.randn(4, net.latent_dim)).shape == (4, *shape)
    assert (tuple(net.image_shape), net.classes) == (shape, 0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cls", DISCRIMINATORS)
def test_every_discriminator_gives_logits_for_each_image_from_features_of_the_length_it_says(cls, shape):
    net, x = cls(shape), torch.randn(4, *shape)
    output = net(x)
    assert isinstance(output, DiscriminatorOutput)
    assert output.logits.shape in ((4,), (4, output.logits[0].numel()))
    assert output.image_logits.shape == (4,)
    assert output.scores is None
    assert (tuple(net.image_shape), net.classes, net.packing) == (shape, 0, 1)
    if net.features_dim:
        assert net.features(x).shape == (4, net.features_dim)


@pytest.mark.parametrize("cls", [*GENERATORS, *DISCRIMINATORS])
@pytest.mark.parametrize("shape", [(1, 27, 28), (3, 28, 1)])
def test_an_odd_size_is_made_or_refused_by_name_when_the_network_is_built(cls, shape):
    try:
        net = cls(shape)
    except UserError as error:
        refused = str(error)
    else:
        if issubclass(cls, Discriminator):
            assert net(torch.randn(2, *shape)).image_logits.shape == (2,)
        else:
            assert net(torch.randn(2, net.latent_dim)).shape == (2, *shape)
        return
    assert cls.__name__ in refused
    assert re.search(r"data.image_size \[\d+, \d+\]", refused), "and says what it can make"


@pytest.mark.parametrize("cls", [c for c in GENERATORS if c is not R3GANGenerator])
def test_generators_with_tanh_stay_in_range(cls):
    net = cls((1, 8, 8))
    assert net(100 * torch.randn(8, net.latent_dim)).abs().max() <= 1


@pytest.mark.parametrize("cls", takes("classes"))
def test_a_network_with_classes_looks_at_them(cls):
    torch.manual_seed(0)
    net = cls((1, 8, 8), classes=3).train()
    for parameter in net.parameters():  # what begins at zero or one may hide a class
        nn.init.normal_(parameter, std=0.3)
    first = torch.randn(6, net.latent_dim if isinstance(net, Generator) else 64)
    if isinstance(net, Discriminator):
        first = first.view(6, 1, 8, 8)
    net.eval()
    one, other = (told(net, first, torch.full((6,), label)) for label in (0, 2))
    assert not torch.allclose(one, other)


def told(net: nn.Module, first: Tensor, y: Tensor) -> Tensor:
    out = net(first, y)
    return out.logits if isinstance(out, DiscriminatorOutput) else out


@pytest.mark.parametrize("cls", takes("auxiliary_classifier"))
def test_an_auxiliary_classifier_scores_every_class_beside_the_logit(cls):
    net = cls((1, 8, 8), classes=3, auxiliary_classifier=True)
    output = net(torch.randn(4, 1, 8, 8))
    assert output.image_logits.shape == (4,)
    assert output.scores.shape == (4, 3)


@pytest.mark.parametrize("cls", takes("packing"))
def test_a_pack_of_images_has_one_logit(cls):
    assert cls((2, 8, 8), packing=3)(torch.randn(4, 6, 8, 8)).image_logits.shape == (4,)


def test_a_projection_is_the_inner_product_of_the_features_with_the_vector_of_the_class():
    net = MLPDiscriminator((1, 2, 2), hidden=[5], classes=3)
    x, y = torch.randn(4, 1, 2, 2), torch.tensor([0, 2, 1, 2])
    features = net.features(x)
    vectors = net.state_dict()["head.embedding.weight"]
    expected = net.head.logit(features).squeeze(1) + (vectors[y] * features).sum(1)
    assert torch.allclose(net(x, y).logits, expected)


def test_a_class_has_its_own_gain_and_bias_in_batch_normalisation():
    net = ResNetGenerator((1, 8, 8), width=8, max_width=8, classes=4)
    assert len([m for m in net.modules() if isinstance(m, nn.Embedding)]) == 2 * 2, "two norms in one block"
    assert not any(m.affine for block in net.blocks for m in block.modules() if isinstance(m, nn.BatchNorm2d))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MLPGenerator((1, 2, 2), classes=-1), "classes is -1"),
        (lambda: DCGANDiscriminator((1, 8, 8), auxiliary_classifier=True), "there are no classes to predict"),
        (lambda: DCGANDiscriminator((1, 8, 8), classes=3, packing=2), "a pack of images has no single class"),
        (lambda: ResNetGenerator((1, 8, 8), attention=5), "attention is 5, but .* heights of 8"),
        (lambda: R3GANGenerator((1, 8, 8), width=12), "12 channels times expansion 2 do not split into groups of 16"),
        (lambda: DCGANGenerator((1, 8, 8), width=0), "width is 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(make, message):
    with pytest.raises(UserError, match=message):
        make()


# ---- what the papers say ------------------------------------------------------------------------------------------


def layers(net: nn.Module, *kinds: type) -> list[nn.Module]:
    return [m for m in net.modules() if isinstance(m, kinds)]


def test_dcgan_goes_from_4x4_to_64x64_as_in_the_paper():
    net = DCGANGenerator((3, 64, 64), width=128)
    convolutions = [(m.in_channels, m.out_channels) for m in layers(net, nn.ConvTranspose2d)]  # type: ignore[union-attr]
    assert convolutions == [(1024, 512), (512, 256), (256, 128), (128, 3)]
    judge = DCGANDiscriminator((3, 64, 64), width=64)
    convolutions = [(m.in_channels, m.out_channels) for m in layers(judge, nn.Conv2d)]  # type: ignore[union-attr]
    assert convolutions == [(3, 64), (64, 128), (128, 256), (256, 512)]
    assert len(layers(judge, nn.BatchNorm2d)) == 3, "none after the first"


@pytest.mark.parametrize("net", [R3GANGenerator((1, 8, 8)), R3GANDiscriminator((1, 8, 8))])
def test_r3gan_has_no_normalisation_and_begins_as_if_its_blocks_were_not_there(net):
    assert not layers(net, nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)
    blocks = layers(net, Residual)
    assert blocks
    for block in blocks:
        x = torch.randn(2, block.expand.in_channels, 4, 4)  # type: ignore[union-attr, arg-type]
        assert torch.equal(block(x), x)


def test_self_attention_begins_as_nothing_and_then_lets_every_place_see_every_other():
    layer = SelfAttention(8, spectral=False)
    x = torch.randn(2, 8, 3, 5, requires_grad=True)
    assert torch.equal(layer(x), x)
    nn.init.ones_(layer.gamma)
    (slope,) = torch.autograd.grad(layer(x)[0, :, 0, 0].sum(), x)
    assert (slope[0].abs().sum(0) > 0).all()
    assert (slope[1] == 0).all(), "but no other image"


def test_minibatch_stddev_is_the_mean_standard_deviation_in_each_group():
    x = torch.randn(6, 2, 3, 3)
    out = MinibatchStddev(3)(x)
    for group in (slice(0, 3), slice(3, 6)):
        expected = x[group].std(0, unbiased=False).mean()
        assert torch.allclose(out[group, 2], expected.expand(3, 3, 3), atol=1e-4)
    assert torch.equal(out[:, :2], x)
    with pytest.raises(UserError, match="6 images do not split into groups of 4"):
        MinibatchStddev(4)(x)


def largest(matrix: Tensor) -> float:
    return torch.linalg.matrix_norm(matrix.flatten(1), ord=2).item()


@pytest.mark.parametrize("cls", takes("spectral_norm"))
def test_after_enough_power_iterations_every_matrix_has_the_spectral_norm_one(cls):
    """Miyato et al. 2018, Algorithm 1, one power iteration a forward pass."""
    torch.manual_seed(0)
    net = cls(
        (1, 4, 4), spectral_norm=True, **(SMALL_PATCHES if cls is PatchDiscriminator else {"classes": 2})
    ).double()
    x, y = torch.randn(2, 1, 4, 4, dtype=torch.float64), torch.tensor([0, 1])
    with torch.no_grad():
        for _ in range(2000):
            net(x, y)
    net.eval()
    matrices = [m.weight for m in net.modules() if hasattr(m, "parametrizations")]
    assert len(matrices) >= 3
    for matrix in matrices:
        assert largest(matrix) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("cls", [c for c in GENERATORS if c is not R3GANGenerator])
def test_tanh_has_a_gradient_in_16_bits_where_it_would_be_rounded_to_one(cls):
    net = cls((1, 4, 4))
    inputs: list[Tensor] = []
    (squash,) = [m for m in net.modules() if isinstance(m, Squash)]
    squash.register_forward_pre_hook(lambda _, args: ((args[0] * 0 + 4).requires_grad_(),))
    squash.register_forward_hook(lambda _, args, out: inputs.append(args[0]))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = net(torch.randn(2, net.latent_dim))
    (slope,) = torch.autograd.grad(out.float().sum(), inputs[0])
    assert (slope > 0).all()


@pytest.mark.parametrize("cls", takes("classes"))
def test_a_discriminator_begins_without_strong_opinions_on_classes(cls):
    if issubclass(cls, Discriminator):
        torch.manual_seed(0)
        x, classes = torch.randn(32, 1, 8, 8), torch.arange(32) % 4
        spread = cls((1, 8, 8), classes=4)(x, classes).logits.std(), cls((1, 8, 8))(x).logits.std()
        assert spread[0] < 5 * spread[1] + 0.1


def test_an_image_split_into_patches_is_that_of_torch_and_comes_back_as_it_was():
    x = torch.randn(2, 3, 8, 12)
    small = SplitPatches(2)(x)
    assert torch.equal(small, nn.functional.pixel_unshuffle(x, 2))
    assert torch.equal(JoinPatches(2)(small), x)
    assert small.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(ToImage(4, 6)(FromImage()(small)), small)
