"""The projected discriminator, by its formulas and by what each part may see."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from helpers.tiny import fit, tiny_gan, weights
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.networks import ProjectedDiscriminator
from gan_lightning.networks.backbones import Backbone
from gan_lightning.networks.projected import RandomMixing, ScaleHead


class Halves(Backbone):
    """Shows the image, then the same at half the size, then at a quarter."""

    pretrained = "nothing"
    channels, strides, spreads = (3, 3, 3), (1, 2, 4), (1.0, 2.0, 0.5)

    def load(self) -> nn.Module:
        return nn.Conv2d(1, 1, 1)

    def look(self, network: nn.Module, x: Tensor) -> list[Tensor]:
        return [x, F.avg_pool2d(x, 2), F.avg_pool2d(x, 4)]


def images(*shape: int) -> Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def judge(image_shape: tuple[int, int, int] = (3, 8, 8), **options: Any) -> Any:
    torch.manual_seed(0)
    return ProjectedDiscriminator(image_shape, Halves(), **({"resolution": 8, "width": 2} | options)).eval()


def test_maps_are_mixed_across_channels_then_from_coarse_to_fine():
    net, x = judge(), images(2, 3, 8, 8)
    w = net.state_dict()
    one, two, three = x, F.avg_pool2d(x, 2) / 2, F.avg_pool2d(x, 4) / 0.5
    one, two, three = (F.conv2d(m, w[f"across_channels.{i}.weight"]) for i, m in enumerate((one, two, three)))
    two = two + doubled(F.conv2d(three, w["across_scales.1.weight"], padding=1))
    one = one + doubled(F.conv2d(two, w["across_scales.0.weight"], padding=1))
    for found, expected in zip(net.mixed(x), (one, two, three), strict=True):
        assert torch.allclose(found, expected, atol=1e-6)
    assert [m.shape[1] for m in net.mixed(x)] == [2, 4, 8], "each coarser map has twice as many channels"
    assert torch.allclose(net.features(x), torch.cat([m.mean((2, 3)) for m in (one, two, three)], 1), atol=1e-6)


def doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2, mode="bilinear")


def test_random_mixing_keeps_the_size_of_independent_features():
    torch.manual_seed(0)
    for kernel in (1, 3):
        mixed = RandomMixing(64, 64, kernel)(torch.randn(8, 64, 9, 9))[:, :, 1:-1, 1:-1]
        assert mixed.square().mean().item() == pytest.approx(1, rel=0.1)


def test_the_mixing_is_saved_and_never_trained():
    net = judge((1, 4, 4), resolution=4)
    before = weights(net)
    fit(tiny_gan(discriminator=net.train()), max_steps=2)
    after = weights(net)
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert {name for name in before if name.startswith("across")} == {*before} - changed - {*moving(before)}
    assert not any(name.startswith("across") for name, _ in net.named_parameters())


def moving(state: dict[str, Tensor]) -> list[str]:
    """The vectors of power iterations that have one entry, and so cannot turn."""
    return [name for name in state if "parametrizations" in name and state[name].numel() == 1]


def test_each_head_sees_its_own_scale_and_coarser_ones():
    """The coarsest map cannot tell two images apart that have the same average over quarters."""
    net = judge()
    quarters = torch.tensor([[1.0, -1.0], [-1.0, 1.0]]).repeat(4, 4).expand(1, 3, 8, 8)
    logits, changed = net(torch.zeros(1, 3, 8, 8)).logits[0], net(quarters).logits[0]
    counts = [head(m, None).shape[1] for head, m in zip(net.head, net.mixed(quarters), strict=True)]
    assert counts == [16, 16, 4]
    fine, rest = (logits != changed)[: counts[0]], (logits != changed)[counts[0] :]
    assert fine.any()
    assert not rest.any()


def test_a_head_halves_its_map_down_to_four_and_has_a_logit_at_each_place():
    for side, halvings, places in ((3, 0, 9), (4, 0, 16), (8, 1, 16), (12, 2, 9), (32, 3, 16)):
        head = ScaleHead(2, side, classes=0)
        assert len([m for m in head.modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)]) == halvings
        assert head(torch.randn(5, 2, side, side), None).shape == (5, places)


def test_every_matrix_of_a_head_is_spectrally_normalised():
    torch.manual_seed(0)
    head = ScaleHead(3, 8, classes=2)
    for _ in range(200):
        head(torch.randn(2, 3, 8, 8), torch.tensor([0, 1]))
    matrices = [m.weight.flatten(1) for m in head.eval().modules() if hasattr(m, "parametrizations")]  # type: ignore[operator, union-attr]
    assert len(matrices) == 4
    for matrix in matrices:
        assert torch.linalg.matrix_norm(matrix, ord=2).item() == pytest.approx(1, abs=1e-3)


def test_a_label_is_projected_onto_every_place_of_every_head():
    net, x = judge(classes=3), images(4, 3, 8, 8)
    y = torch.tensor([0, 2, 1, 2])
    logits = net(x, y).logits
    for head, m, found in zip(net.head, net.mixed(x), logits.split([16, 16, 4], 1), strict=True):
        seen = head.layers(m)
        expected = head.last.logit.weight[0] + head.last.embedding.weight[y]
        expected = (seen * expected[:, :, None, None]).sum(1).flatten(1) + head.last.logit.bias
        assert torch.allclose(found, expected, atol=1e-5)


def test_grey_images_are_seen_as_colour_and_other_channels_three_at_a_time():
    colour, grey = judge(), judge((1, 8, 8))
    x = images(2, 1, 8, 8)
    assert torch.equal(grey(x).logits, colour(x.expand(-1, 3, -1, -1)).logits)
    five, x = judge((5, 8, 8)), images(2, 5, 8, 8)
    assert five.triples == [0, 1, 2, 3, 4, 0]
    assert five.across_channels[0].weight.shape == (2, 6, 1, 1)
    seen = F.conv2d(x[:, [0, 1, 2, 3, 4, 0]], five.across_channels[0].weight)
    coarse = F.interpolate(five.across_scales[0](five.mixed(x)[1]), (8, 8), mode="bilinear")
    assert torch.allclose(five.mixed(x)[0], seen + coarse, atol=1e-6)


def test_images_are_enlarged_so_that_the_smaller_side_has_the_resolution():
    net = judge((3, 4, 6), resolution=16)
    assert net.size == [16, 24]
    assert net.mixed(images(1, 3, 4, 6))[0].shape == (1, 2, 16, 24)


@pytest.mark.parametrize(("size", "shown"), [((4, 8), [64, 128]), ((64, 64), [64, 64]), ((96, 72), [96, 72])])
def test_without_a_resolution_images_are_seen_as_they_are_but_at_least_at_64(size, shown):
    assert judge((3, *size), resolution=None).size == shown


def test_a_resolution_at_which_the_backbone_sees_nothing_is_refused():
    with pytest.raises(UserError, match="resolution is 3; for Halves, it must be at least 4"):
        judge(resolution=3)
