"""What is done to images before D sees them."""

import math

import pytest
import torch
from helpers.tiny import SHAPE, Blobs, fit, tiny_gan, weights
from torch import Tensor

from gan_lightning import GAN
from gan_lightning.augmentation import ADA, Augmentation, DiffAugment, Draws, moved, scaling, shifting, turning
from gan_lightning.core.discovery import subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.networks import Discriminator, MLPDiscriminator
from gan_lightning.objectives import RelativisticPaired, Wasserstein

ALL = sorted(
    (c for c in subclasses(Augmentation) if c.__module__.startswith("gan_lightning")), key=lambda c: c.__name__
)
SHAPES = [(1, 28, 28), (3, 12, 20), (2, 7, 5)]


def draws(seed: int = 0):
    stream = torch.Generator().manual_seed(seed)
    return (
        lambda *shape: torch.randn(shape, generator=stream),
        lambda *shape: torch.rand(shape, generator=stream),
    )


def images(shape: tuple[int, int, int], n: int = 16) -> Tensor:
    return torch.rand(n, *shape, generator=torch.Generator().manual_seed(1)) * 2 - 1


def strong(cls: type) -> Augmentation:
    return cls(p=1.0) if cls is ADA else cls()


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cls", ALL)
def test_images_of_any_shape_are_changed_each_in_another_way_and_stay_finite(cls, shape):
    x = images(shape, 1).expand(16, *shape)
    out = strong(cls)(x, *draws())
    assert out.shape == x.shape
    assert out.isfinite().all()
    assert len({tuple(image.flatten().tolist()) for image in out}) == 16


@pytest.mark.parametrize("cls", ALL)
def test_the_gradient_passes_through(cls):
    """It is that of finite differences. (A pixel is moved or recoloured, both of which are linear in the images.)"""
    x = images((3, 6, 6), 2).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: strong(cls)(x, *draws()), (x,), atol=1e-6)


@pytest.mark.parametrize("cls", ALL)
def test_the_players_learn_from_augmented_images_alone(cls):
    shown = []

    class Spy(Discriminator):
        def __init__(self) -> None:
            super().__init__()
            self.image_shape, self.layer = SHAPE, torch.nn.Linear(16, 1)

        def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
            shown.append(x.detach())
            return self.layer(x.flatten(1)).squeeze(1)

    data = Blobs()
    fit(tiny_gan(discriminator=Spy(), augmentation=strong(cls)), data, max_steps=1)
    assert data.source is not None
    real = data.source[:][0].float() / 127.5 - 1  # type: ignore[index]
    distances = (shown[0][:, None] - real[None]).flatten(2).norm(dim=2)
    assert len(shown) == 3
    assert (distances.min(1).values > 1e-3).sum() >= 7, "hardly an image stays as it was"


# ---- DiffAugment --------------------------------------------------------------------------------------------------


def test_a_shift_moves_by_at_most_an_eighth_and_leaves_zeros():
    x = torch.ones(500, 1, 16, 24)
    out = DiffAugment(["translation"])(x, *draws())
    rows, columns = 16 - out.amax((1, 3)).sum(1), 24 - out.amax((1, 2)).sum(1)
    assert (rows.min(), rows.max()) == (0, 2)
    assert (columns.min(), columns.max()) == (0, 3)
    assert {*out.flatten().tolist()} == {0, 1}


def test_a_hole_takes_at_most_half_of_each_side():
    out = DiffAugment(["cutout"])(torch.ones(500, 2, 16, 24), *draws())
    rows, columns = (out[:, 0].amin(2) == 0).sum(1), (out[:, 0].amin(1) == 0).sum(1)
    assert (rows.max(), columns.max()) == (8, 12)
    assert (rows.min(), columns.min()) >= (4, 6), "the middle of the hole lies in the image"
    assert torch.equal(out[:, 0], out[:, 1])


def test_colours_change_brightness_saturation_and_contrast():
    x = images((3, 4, 4), 1).expand(4000, 3, 4, 4)
    out = DiffAugment(["color"])(x, *draws())
    moved_by = out.mean((1, 2, 3)) - x.mean((1, 2, 3))
    assert -0.5 <= moved_by.min() < -0.49
    assert 0.49 < moved_by.max() <= 0.5


def test_only_what_the_policy_names_is_done():
    x = images((1, 8, 8))
    assert torch.equal(DiffAugment([])(x, *draws()), x)
    with pytest.raises(UserError, match="policy of DiffAugment holds rotation; there are color, translation, cutout"):
        DiffAugment(["rotation"])


# ---- ADA ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
def test_with_probability_zero_nothing_changes(shape):
    x = images(shape)
    assert torch.allclose(ADA(p=0.0)(x, *draws()), x, atol=1e-5)


class Chosen:
    """Draws that are what a test wants: each change is made, with these values."""

    def __init__(self, uniforms: list[float]) -> None:
        self.uniforms, self.p = iter(torch.tensor(uniforms).unsqueeze(1)), torch.tensor(1.0)

    def uniform(self) -> Tensor:
        return next(self.uniforms)

    def maybe(self, value: Tensor, otherwise: float, p: Tensor | None = None) -> Tensor:
        return value


@pytest.mark.parametrize(
    ("uniforms", "expected"),
    [
        ([0.9, 0.0, 0.5, 0.5], lambda x: x.flip(3)),
        ([0.0, 0.3, 0.5, 0.5], lambda x: x.rot90(1, (2, 3))),
        ([0.0, 0.6, 0.5, 0.5], lambda x: x.rot90(2, (2, 3))),
        ([0.0, 0.0, 1.0, 0.5], lambda x: torch.cat([x[..., 1:], x[..., -1:]], dim=3)),
    ],
)
def test_flips_quarter_turns_and_shifts_move_whole_pixels(uniforms, expected):
    x = images((1, 8, 8), 1)
    out = moved(x, Chosen(uniforms), blit=True, geometry=False)  # type: ignore[arg-type]
    assert torch.allclose(out, expected(x), atol=1e-5)


def test_maps_of_places_are_put_together_in_pixels_so_that_a_turn_of_a_long_image_keeps_its_shape():
    quarter = turning(torch.tensor([math.pi / 2]))
    assert torch.allclose(quarter @ quarter @ quarter @ quarter, torch.eye(3).unsqueeze(0), atol=1e-6)
    one, two = torch.ones(1), torch.full((1,), 2.0)
    point = torch.tensor([3.0, 4.0, 1.0])
    assert (scaling(two, one) @ point).tolist() == [[6, 4, 1]]
    assert (shifting(two, one) @ point).tolist() == [[5, 5, 1]]


def test_colours_of_a_grey_image_stay_grey_and_hue_turns_around_the_grey_axis():
    grey = images((1, 4, 4)).expand(16, 3, 4, 4)
    out = ADA(p=1.0, blit=False, geometry=False)(grey, *draws())
    assert torch.allclose(out, out.mean(1, keepdim=True).expand_as(out), atol=1e-5)


@pytest.mark.parametrize(("logits", "direction"), [(torch.ones(8), 1), (-torch.ones(8), -1), (torch.zeros(8), -1)])
def test_the_probability_rises_while_d_is_surer_of_real_images_than_the_target(logits, direction):
    ada = ADA(target=0.6, speed=320, p=0.5)
    for _ in range(4):
        assert ada.p.item() == pytest.approx(0.5), "it moves every fourth step only"
        ada.observe(logits)
        ada.after_step()
    assert ada.p.item() == pytest.approx(0.5 + direction * 4 * 8 / 320)


def test_the_probability_stays_one():
    ada = ADA(speed=8, p=0.9)
    for _ in range(8):
        ada.observe(torch.ones(8))
        ada.after_step()
    assert ada.p.item() == 1


def test_speed_zero_keeps_the_probability():
    ada = ADA(speed=0, p=0.3)
    fit(tiny_gan(augmentation=ada), max_steps=8)
    assert ada.p.item() == pytest.approx(0.3)


def test_the_probability_is_logged_and_lies_in_the_checkpoint(tmp_path):
    gan = tiny_gan(augmentation=ADA(speed=100, p=0.5))
    trainer = fit(gan, max_steps=4)
    assert isinstance(gan.augmentation, ADA)
    assert trainer.callback_metrics["augmentation/p"].item() == pytest.approx(gan.augmentation.p.item())
    assert gan.augmentation.p.item() != 0.5
    trainer.save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    again = GAN.load_from_checkpoint(tmp_path / "a.ckpt")
    assert torch.equal(weights(again)["augmentation.p"], gan.augmentation.p)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"p": 1.5}, "p of ADA is 1.5"), ({"target": 1.0}, "target of ADA is 1.0"), ({"speed": -1}, "speed of ADA is -1")],
)
def test_an_augmentation_out_of_range_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        ADA(**options)


def test_a_change_is_made_with_the_probability_that_is_asked_for():
    """One coin decides for both directions of a shift."""
    x = torch.zeros(4000, 1, 9, 9)
    x[:, 0, 4, 4] = 1
    still = 0.5 / 1.125  # at most an eighth of 9, rounded
    whole = moved(x, only_shifts(0.5), blit=True, geometry=False)
    assert (whole[:, 0, 4, 4] < 0.5).float().mean() == pytest.approx(0.5 * (1 - still**2), abs=0.03)


def only_shifts(p: float):
    """Draws under which nothing but shifts by -1, 0 or 1 along each axis is ever made."""
    stream = torch.Generator().manual_seed(0)

    class Shifts(Draws):
        calls = 0

        def maybe(self, value: Tensor, otherwise: float, p: Tensor | None = None) -> Tensor:
            self.calls += 1
            made = super().maybe(value, otherwise, p)
            return made if self.calls == 3 else torch.full_like(value, otherwise)

    return Shifts(torch.randn(4000, 8, generator=stream), torch.rand(4000, 32, generator=stream), torch.tensor(p))


@pytest.mark.parametrize("objective", [RelativisticPaired(), Wasserstein()])
def test_adapting_to_a_sign_that_says_nothing_is_refused(objective):
    with pytest.raises(UserError, match=f"ADA adapts to the sign of D.*nothing under {type(objective).__name__}: set"):
        tiny_gan(objective=objective, augmentation=ADA())
    tiny_gan(objective=objective, augmentation=ADA(speed=0, p=0.2))


def test_packs_count_as_many_images():
    gans = []
    for packing in (1, 2):
        judge = MLPDiscriminator(SHAPE, hidden=[8], packing=packing)
        gans.append(tiny_gan(discriminator=judge, augmentation=ADA(speed=1000, p=0.5)))
        fit(gans[-1], max_steps=4)
    moves = [abs(gan.augmentation.p.item() - 0.5) for gan in gans]
    assert moves == pytest.approx([4 * 8 / 1000] * 2, rel=1e-4)
