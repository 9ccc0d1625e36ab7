"""Every term without pairs against values that are worked out by hand."""

from math import exp, log
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import numbered_draws
from gan_lightning.networks import ImageToImage, ResNetTranslator, UNetGenerator
from gan_lightning.terms import Cycle, Identity, OneWay, PatchNCE
from gan_lightning.terms.patch_nce import contrastive, features_at, some_places

SOURCE = torch.tensor([[[[0.0, 0.5], [1.0, -1.0]]]], dtype=torch.float64)
TARGET = torch.tensor([[[[0.2, 0.4], [-0.6, 0.0]]]], dtype=torch.float64)


class Affine(ImageToImage):
    """x -> slope x + shift; its features are (x, 1)."""

    map_channels = (2,)

    def __init__(self, slope: float, shift: float) -> None:
        super().__init__()
        self.slope, self.shift = slope, shift

    def forward(self, x: Tensor) -> Tensor:
        return self.slope * x + self.shift

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        return [torch.cat([x, torch.ones_like(x)], 1)]


def one_way(**options: Any) -> OneWay:
    there, back = Affine(2.0, 0.1), Affine(0.5, 0.0)
    values = {"generator": there, "backward": back, "made": there(SOURCE), "source": SOURCE, "target": TARGET}
    return OneWay(**{"number": 0, "uniform": numbered_draws(0)[1], **values, **options})


def test_the_cycle_is_the_mean_distance_from_the_way_back():
    assert Cycle()(one_way()).item() == pytest.approx(0.05, abs=1e-6)  # (2 a + .1) / 2 - a
    assert Cycle().weight == 10


def test_the_identity_is_the_mean_change_of_what_needs_none():
    assert Identity()(one_way()).item() == pytest.approx((0.3 + 0.5 + 0.5 + 0.1) / 4, abs=1e-6)  # |b + .1|
    assert Identity().weight == 5


def plain(term: PatchNCE) -> PatchNCE:
    """The same without MLPs."""
    term.suit([Affine(1, 0)])
    term.heads = nn.ModuleList([nn.ModuleList([nn.Identity()])])
    return term


def patch_nce_by_hand(xs: list[float], made: list[float], tau: float) -> float:
    """Of features (x, 1), scaled to length 1."""
    keys = [(x / (x * x + 1) ** 0.5, 1 / (x * x + 1) ** 0.5) for x in xs]
    queries = [(x / (x * x + 1) ** 0.5, 1 / (x * x + 1) ** 0.5) for x in made]
    total = 0.0
    for i, q in enumerate(queries):
        likeness = [exp((q[0] * k[0] + q[1] * k[1]) / tau) for k in keys]
        total -= log(likeness[i] / sum(likeness))
    return total / len(xs)


def test_patch_nce_is_the_cross_entropy_of_telling_each_patch_from_the_others_of_its_image():
    xs, made = SOURCE.flatten().tolist(), (2 * SOURCE + 0.1).flatten().tolist()
    expected = patch_nce_by_hand(xs, made, 0.5)
    assert plain(PatchNCE(temperature=0.5))(one_way()).item() == pytest.approx(expected, abs=1e-6)
    of_target = patch_nce_by_hand(TARGET.flatten().tolist(), (2 * TARGET + 0.1).flatten().tolist(), 0.5)
    both = plain(PatchNCE(temperature=0.5, images="both"))
    assert both(one_way()).item() == pytest.approx((expected + of_target) / 2, abs=1e-6)


class Sloping(Affine):
    """Its features are brighter on the right, so those of a mirror image are not the mirror image of its features."""

    def feature_maps(self, x: Tensor) -> list[Tensor]:
        return super().feature_maps(x + torch.tensor([0.0, 0.3], dtype=x.dtype))


def test_mirrored_patches_are_told_from_the_features_of_the_mirror_image():
    seen = one_way()._replace(generator=Sloping(2, 0.1))
    keys = [0.5, 0.0 + 0.3, -1.0, 1.0 + 0.3]
    queries = [1.1 + 0.3, 0.1, -1.9 + 0.3, 2.1]
    expected = patch_nce_by_hand(keys, queries, 0.5)
    assert plain(PatchNCE(temperature=0.5, mirrored=1.0))(seen).item() == pytest.approx(expected, abs=1e-6)
    alike = plain(PatchNCE(temperature=0.5, mirrored=1.0))(one_way()).item()
    assert alike == pytest.approx(plain(PatchNCE(temperature=0.5))(one_way()).item(), abs=1e-6), "nothing to learn"


def test_two_patches_at_right_angles_by_hand():
    keys = torch.eye(2, dtype=torch.float64)[None]
    assert contrastive(keys, keys, 1.0).item() == pytest.approx(log(1 + exp(-1)), abs=1e-6)
    assert contrastive(keys, keys, 0.07).item() == pytest.approx(log(1 + exp(-1 / 0.07)), abs=1e-6)
    assert contrastive(keys, keys.flip(1), 1.0).item() == pytest.approx(log(1 + exp(1)), abs=1e-6)


def test_negatives_come_from_the_same_image_alone():
    one = torch.nn.functional.normalize(torch.randn(2, 5, 3, dtype=torch.float64), dim=2)
    apart = [contrastive(image[None], image[None], 0.1) for image in one]
    assert contrastive(one, one, 0.1).item() == pytest.approx(torch.stack(apart).mean().item(), abs=1e-9)


def test_places_differ_within_an_image_and_are_drawn_for_each():
    places = some_places(torch.zeros(3, 1, 6, 6), 20, numbered_draws(0)[1])
    assert places.shape == (3, 20)
    assert all(len({*row.tolist()}) == 20 for row in places)
    assert {*places[0].tolist()} != {*places[1].tolist()}
    assert some_places(torch.zeros(1, 1, 3, 3), 20, numbered_draws(0)[1]).shape == (1, 9)


def test_features_are_those_at_the_places():
    maps = torch.arange(2 * 3 * 4.0).view(2, 3, 2, 2)
    found = features_at(maps, torch.tensor([[3, 0], [1, 1]]))
    assert found[0].tolist() == [maps[0, :, 1, 1].tolist(), maps[0, :, 0, 0].tolist()]
    assert found[1].tolist() == [maps[1, :, 0, 1].tolist()] * 2


@pytest.mark.parametrize("cls", [ResNetTranslator, UNetGenerator])
def test_patch_nce_teaches_the_generator_and_its_heads_through_what_is_made_alone(cls):
    torch.manual_seed(0)
    net, term = cls((1, 8, 8), width=4), PatchNCE(width=8)
    term.suit([net])
    source = torch.randn(2, 1, 8, 8, requires_grad=True)
    made = torch.randn(2, 1, 8, 8, requires_grad=True)
    term(OneWay(0, source, made, source, net, None, numbered_draws(0)[1])).backward()
    assert source.grad is None
    assert made.grad is not None
    assert made.grad.abs().sum() > 0
    first = [head[0].weight.grad for head in term.heads[0]]
    assert all(slope is not None for slope in first)
    assert sum(slope.abs().sum() > 0 for slope in first if slope is not None) >= 3  # but where there is one patch


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": -1.0}, "the weight of PatchNCE is -1.0; it must be at least 0"),
        ({"temperature": 0.0}, "temperature of PatchNCE is 0.0; it must be above 0"),
        ({"patches": 1}, "patches of PatchNCE is 1; it must be at least 2"),
        ({"mirrored": 1.5}, "mirrored of PatchNCE is 1.5, a share; it must be from 0 to 1"),
        ({"width": 0}, "width of PatchNCE is 0; it must be at least 1"),
    ],
)
def test_options_of_patch_nce_that_make_no_sense_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        PatchNCE(**options)
