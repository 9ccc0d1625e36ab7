"""Images found again."""

import pytest
import torch
from helpers.tiny import SHAPE, tiny_gan
from torch import nn

from gan_lightning.core.errors import UserError
from gan_lightning.editing.completion import complete
from gan_lightning.editing.inversion import invert, psnr
from gan_lightning.editing.matches import Features, Pixels
from gan_lightning.editing.tuning import tune
from gan_lightning.networks import MLPDiscriminator, MLPGenerator


def labelled_gan():
    torch.manual_seed(0)
    generator = MLPGenerator(SHAPE, latent_dim=3, hidden=[8], classes=3)
    return tiny_gan(generator=generator, discriminator=MLPDiscriminator(SHAPE, hidden=[8], classes=3)).eval()


def in_bytes(x):
    return ((x + 1) * 127.5).round() / 127.5 - 1


def test_psnr_of_images_that_differ_by_a_hundredth_of_the_range_is_40_dB():  # noqa: N802 - a unit
    x = torch.zeros(1, 1, 2, 2)
    assert torch.allclose(psnr(x, x + 0.02), torch.tensor([40.0]), atol=1e-3)


def test_samples_are_found_again_from_their_bytes():
    model = tiny_gan().eval()
    images = in_bytes(model.sample(range(6)))
    found = model.invert(images)
    assert (found.psnr > 35).all()
    assert torch.allclose(found.images, model(found.z), atol=1e-6)
    assert torch.equal(found.psnr, psnr(found.images, images))


def test_any_network_of_latents_can_be_searched_and_tuned():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Unflatten(1, (1, 4, 4))).requires_grad_(False)
    images = network(torch.tensor([[0.5, -1.0]]))
    found = invert(network, images, latent_dim=2, candidates=20, starts=1)
    assert float(found.psnr) > 35
    mask = torch.eye(4, dtype=torch.bool)
    done = complete(network, images, mask, latent_dim=2, count=1, noise=0.03, candidates=20, starts=1)
    assert float(psnr(done.images[0], images)) > 35
    assert torch.isfinite(tune(network, found.z, None, images, steps=1)(found.z)).all()


def test_the_same_call_gives_the_same_bits_and_another_seed_other_starts():
    model = tiny_gan().eval()
    images = model.sample(range(2))
    one, two, other = (model.invert(images, seed=seed, starts=1).z for seed in (0, 0, 1))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_labels_are_inferred_or_given():
    model, labels = labelled_gan(), torch.tensor([2, 0, 1])
    images = in_bytes(model.sample(range(3), labels.tolist()))
    inferred = model.invert(images, enough=100.0)
    assert inferred.y is not None
    assert inferred.y.tolist() == labels.tolist()
    given = model.invert(images, torch.tensor([1, 1, 1]))
    assert given.y is not None
    assert given.y.tolist() == [1, 1, 1]


def test_less_noise_means_a_better_match_and_less_likely_latents():
    model = tiny_gan().eval()
    images = torch.rand(4, *SHAPE, generator=torch.Generator().manual_seed(0)) * 2 - 1
    strict, lax = (model.invert(images, noise=noise) for noise in (0.01, 3.0))
    assert (strict.psnr >= lax.psnr).all()
    assert (strict.z.norm(dim=1) > lax.z.norm(dim=1)).all()


def test_features_can_be_matched():
    model = tiny_gan().eval()
    images = model.sample(range(3))
    match = Features(model.discriminator.features, model.sample(range(100)), "discriminator")
    found = model.invert(images, match=match)
    assert (match.distance(found.images, images) < 0.02).all()
    assert Pixels()(images).shape == (3, 16)


def test_two_samples_are_about_one_apart_in_features():
    draw = torch.Generator().manual_seed(0)
    samples = torch.randn(2000, 1, 1, 4, generator=draw)
    match = Features(lambda x: 5 * x.flatten(1), samples, "pixels")
    assert abs(float(match.distance(samples[:1000], samples[1000:]).square().mean()) - 1) < 0.1


def test_anything_that_is_called_with_latents_and_labels_can_be_used():
    basis = torch.eye(4)
    images = torch.tensor([[0.5, -0.5, 0.25, 0.0]]).view(1, 1, 2, 2)
    for model in (
        lambda z, y=None: torch.tanh(z @ basis).view(-1, 1, 2, 2),
        lambda z: torch.tanh(z @ basis).view(-1, 1, 2, 2),
    ):
        found = invert(model, images, latent_dim=4)
        assert torch.allclose(found.z, torch.atanh(images.flatten(1)), atol=0.01)
    found = invert(lambda z, y: torch.tanh(z @ basis).view(-1, 1, 2, 2) + 0 * y.view(-1, 1, 1, 1), images, 4, classes=2)
    assert torch.allclose(found.z, torch.atanh(images.flatten(1)), atol=0.01)


@pytest.mark.parametrize(
    ("images", "options", "words"),
    [
        (torch.zeros(1, 1, 4, 5), {}, r"this model makes \(1, 4, 4\)"),
        (torch.zeros(1, 1, 4, 4) + 2, {}, "outside of"),
        (torch.zeros(1, 1, 4, 4), {"labels": torch.tensor([1])}, "trained without labels"),
        (torch.zeros(1, 1, 4, 4), {"noise": 0.0}, "noise is 0"),
        (torch.zeros(1, 1, 4, 4), {"starts": 0}, "starts is 0"),
        (torch.zeros(1, 1, 4, 4), {"candidates": 3}, "candidates is 3"),
    ],
)
def test_what_cannot_be_found_is_refused_in_one_line(images, options, words):
    with pytest.raises(UserError, match=words):
        tiny_gan().eval().invert(images, **options)
