"""Known damage, and whether extractors see it."""

import json

import pytest
import torch
from torch.utils.data import TensorDataset

from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData
from gan_lightning.evaluation.damage import LADDER, UNSEEN, blurred, checkered, compressed, noisy, ringing, with_damage
from gan_lightning.evaluation.features import Extracted, Extractor, Learnt, extractor_for
from gan_lightning.evaluation.ladder import Ladder, Rung, ladder_of
from gan_lightning.evaluation.ladder_picture import drawn
from gan_lightning.evaluation.reference import ReferenceImages
from gan_lightning.networks.feature_files import PINNED

X = torch.rand(6, 3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1


# ---- damage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", [*LADDER, *UNSEEN], ids=lambda damage: damage.name)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_more_damage_changes_images_of_any_channels_more_and_always_alike(damage, channels):
    x = X[:, :1].expand(-1, channels, -1, -1).contiguous()
    seen = [with_damage(x, damage.change, strength) for strength in damage.strengths]
    assert all(
        torch.equal(one, with_damage(x, damage.change, s)) for one, s in zip(seen, damage.strengths, strict=True)
    )
    changes = [(one - x).square().mean().item() for one in seen]
    assert changes[0] > 0
    assert changes == sorted(changes) or damage.name == "shifted quarter", "of noise, any shift changes as much"
    assert all(one.shape == x.shape and one.abs().max() <= 1 for one in seen)


def test_blur_keeps_the_mean_and_reduces_noise_by_the_kernels_squared_norm():
    x = torch.randn(1, 1, 200, 200, generator=torch.Generator().manual_seed(1))
    for sigma in (1.0, 2.0):
        blurry = blurred(x, sigma)
        kernel = torch.exp(-torch.arange(-9.0, 10.0).square() / (2 * sigma**2))
        kernel /= kernel.sum()
        assert blurry.mean().item() == pytest.approx(x.mean().item(), abs=0.005)
        assert blurry.var().item() == pytest.approx(kernel.square().sum().item() ** 2, rel=0.1)


def test_noise_has_its_deviation_and_is_the_same_at_every_call():
    noise = noisy(torch.zeros(1, 1, 300, 300), 0.15)
    assert noise.std().item() == pytest.approx(0.15, rel=0.02)
    assert torch.equal(noise, noisy(torch.zeros(1, 1, 300, 300), 0.15))


def test_frequencies_above_the_limit_are_gone_and_a_checkerboard_is_the_highest():
    board = checkered(torch.zeros(1, 1, 8, 8), 0.3)
    assert board[0, 0, :2, :2].tolist() == [pytest.approx([0.3, -0.3]), pytest.approx([-0.3, 0.3])]
    assert ringing(board, 0.3).abs().max() < 1e-6
    flat = torch.full((1, 1, 8, 8), 0.4)
    assert torch.allclose(ringing(flat, 0.7), flat)


def test_grey_images_are_compressed_as_grey_ones():
    grey = X[:, :1]
    assert compressed(grey, 30).shape == grey.shape
    pair = compressed(torch.cat([grey, -grey], dim=1), 30)
    assert torch.equal(pair[:, :1], compressed(grey, 30))


# ---- extractors ---------------------------------------------------------------------------------------------------


class Smooth(ImageData):
    """Blurry noise, with labels by brightness, most of it held out."""

    def __init__(self, seed: int = 2) -> None:
        super().__init__((1, 8, 8), classes=3, held_out=0.8)
        self.pixels = torch.Generator().manual_seed(seed)

    def load(self) -> TensorDataset:
        noise = torch.rand(400, 1, 8, 8, generator=self.pixels) * 2 - 1
        bright = torch.arange(400) % 3
        images = blurred(noise, 1.0) + 0.3 * (bright - 1)[:, None, None, None]
        return TensorDataset((images * 127.5 + 127.5).clamp(0, 255).byte(), bright)


class Means(Extractor):
    """Sees the brightness of the image and the size of its differences."""

    name, digest = "means", ""

    def extract(self, x):
        return Extracted(torch.stack([x.mean((1, 2, 3)), x.diff(dim=3).abs().mean((1, 2, 3))], dim=1), None)


class Brightness(Means):
    def extract(self, x):
        return Extracted(x.mean((2, 3)), None)


def tried(extractor: Extractor, seed: int = 2, **options) -> Ladder:
    data = Smooth(seed)
    data.setup("fit")
    return ladder_of(ReferenceImages(data, extractor), **options)


def test_an_extractor_that_sees_differences_sees_blur_and_noise_and_one_that_sees_brightness_is_called_blind():
    seeing = {rung.damage: rung for rung in tried(Means()).rungs}
    assert seeing["blur"].fault is None
    assert seeing["noise"].fault is None
    assert list(seeing["noise"].times) == sorted(seeing["noise"].times)
    assert seeing["classes missing"].times[0] > 2
    faults = tried(Brightness()).faults
    assert any(fault.startswith("blur (at most") for fault in faults)


@pytest.mark.parametrize("seed", [2, 4, 17, 21])
def test_damage_that_hardly_changes_features_scores_one_however_the_images_are_divided(seed):
    """With one feature, these undamaged images are 2.6 to 5.6 floors apart by chance."""
    assert blur_of(tried(Brightness(), seed)).times == pytest.approx((1, 1, 1), abs=0.15)


def blur_of(ladder: Ladder) -> Rung:
    return next(rung for rung in ladder.rungs if rung.damage == "blur")


def test_damage_that_is_ranked_wrongly_is_a_fault():
    assert Rung("blur", (1, 2, 4), (1.0, 5.0, 20.0)).fault is None
    assert Rung("blur", (1, 2, 4), (5.0, 4.8, 20.0)).fault is None, "within what chance does"
    assert Rung("blur", (1, 2, 4), (1.0, 25.0, 20.0)).fault == "blur (4 scores below 2)"
    assert Rung("blur", (1, 2, 4), (1.0, 1.1, 1.4)).fault == "blur (at most 1.4 times the floor)"


def test_a_ladder_is_the_same_after_a_way_through_a_file_and_nonsense_is_none(tmp_path):
    ladder = tried(Means(), unseen=True)
    assert len(ladder.rungs) == len(LADDER) + len(UNSEEN) + 1
    assert Ladder.read(json.loads(json.dumps(ladder.words()))) == ladder
    for nonsense in (None, 3, {}, {"rungs": 1}, {"rungs": [{}], "images": 1}, {"rungs": [], "images": "x"}):
        assert Ladder.read(nonsense) is None
    drawn(ladder, tmp_path / "ladder.png")
    assert (tmp_path / "ladder.png").stat().st_size > 1000
    assert "BLIND" in tried(Brightness()).text()


def test_too_few_images_for_the_features_are_refused():
    class Many(Means):
        def extract(self, x):
            return Extracted(x.flatten(1).repeat(1, 4), None)

    with pytest.raises(UserError, match=r"too few to try an extractor of 256 features; it takes 512: hold out more"):
        tried(Many())


@pytest.mark.parametrize("name", PINNED)
def test_the_networks_of_the_package_see_all_damage_and_say_what_they_were_trained_on(name):
    network = Learnt(PINNED[name])
    ladder = Ladder.read(network.about["ladder"])
    assert ladder is not None
    assert ladder.faults == []
    assert network.about["trained_on"]["images"] == network.about["images"]
    assert PINNED[name].stat().st_size < 1_000_000


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [32, 64, 33])
def test_colour_and_grey_images_of_any_size_are_seen_without_naming_an_extractor(channels, side):
    class Photographs(Smooth):
        def __init__(self) -> None:
            ImageData.__init__(self, (channels, side, side))

    features = extractor_for(Photographs()).extract(torch.zeros(2, channels, side, side)).features
    in_colour = extractor_for(Photographs()).extract(torch.zeros(2, 3, side, side)).features
    assert torch.equal(features, in_colour), "grey is three equal channels"
    assert features.shape == (2, 64)
