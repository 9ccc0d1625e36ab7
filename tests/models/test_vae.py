"""The bound, its terms, and who learns what from it."""

import copy
from collections.abc import Iterator
from functools import partial
from math import log, pi
from typing import Any

import pytest
import torch
from helpers.tiny import SHAPE, Blobs, Slopes, fit, same, tiny_gan, weights
from helpers.variants import VARIANTS, parts_of_the_package, play, tiny
from torch import Tensor, nn
from torch.distributions import Bernoulli as BernoulliLaw
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.nn.functional import softplus

from gan_lightning import GAN, VAE, VAEGAN
from gan_lightning.callbacks import Reconstructions, SampleGrid
from gan_lightning.commands.kinds import kinds
from gan_lightning.core.discovery import subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.models.averaged import AveragedModule
from gan_lightning.models.cycle_translator import CycleTranslator
from gan_lightning.models.elbo import Posterior, importance_weighted, log_prior
from gan_lightning.models.generative import GenerativeModel
from gan_lightning.models.likelihoods import Bernoulli, Gaussian, LearntGaussian, logits_of
from gan_lightning.models.sampling import latents, traversed
from gan_lightning.models.translator import Translator
from gan_lightning.networks import (
    Discriminator,
    DiscriminatorOutput,
    Generator,
    MLPDiscriminator,
    MLPGenerator,
    R3GANGenerator,
)
from gan_lightning.training.alternating import AlternatingModule
from gan_lightning.training.optimization import Optimization

SGD = partial(torch.optim.SGD, lr=0.1)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=stream(seed), dtype=torch.float64)


def posterior() -> Posterior:
    return Posterior(normal(5, 3), normal(5, 3, seed=1))


# ---- terms --------------------------------------------------------------------------------------------------------


def test_the_divergence_of_each_coordinate_is_that_of_two_normals():
    q = posterior()
    law = Normal(q.mean, (q.log_variance / 2).exp())
    assert torch.allclose(q.kl(), kl_divergence(law, Normal(0.0, 1.0)), rtol=1e-12)


def test_densities_are_those_of_independent_normals():
    q, z = posterior(), normal(7, 5, 3, seed=2)
    law = Normal(q.mean, (q.log_variance / 2).exp())
    assert torch.allclose(q.log_density(z), law.log_prob(z).sum(-1), rtol=1e-12)
    assert torch.allclose(log_prior(z), Normal(0.0, 1.0).log_prob(z).sum(-1), rtol=1e-6)


def test_a_draw_has_the_mean_and_the_deviation_that_the_encoder_says():
    q = posterior()
    z = q.at(normal(100_000, 5, 3))
    assert torch.allclose(z.mean(0), q.mean, atol=0.02)
    assert torch.allclose(z.std(0).log(), q.log_variance / 2, atol=0.02)


@pytest.mark.parametrize("likelihood", [Gaussian(0.3), LearntGaussian(0.3)])
def test_the_gaussian_likelihood_is_a_normal_law_around_the_output(likelihood):
    out, x = normal(5, *SHAPE), normal(5, *SHAPE, seed=1)
    expected = Normal(out, 0.3).log_prob(x).sum((1, 2, 3))
    assert torch.allclose(likelihood.double()(out, x), expected, rtol=1e-6)


def test_the_best_deviation_is_the_root_of_the_mean_squared_error():
    likelihood, out, x = LearntGaussian(0.5).double(), normal(5, *SHAPE), normal(5, *SHAPE, seed=1)
    nn.init.constant_(likelihood.log_deviation, ((out - x).square().mean()).sqrt().log().item())
    likelihood(out, x).sum().backward()
    assert likelihood.log_deviation.grad is not None
    assert likelihood.log_deviation.grad.abs() < 1e-9


def test_the_bernoulli_likelihood_takes_the_output_for_the_mean_of_the_pixels():
    out, x = normal(5, *SHAPE).tanh(), normal(5, *SHAPE, seed=1).sign()
    expected = BernoulliLaw(probs=(1 + out) / 2).log_prob((1 + x) / 2).sum((1, 2, 3))
    assert torch.allclose(Bernoulli()(out, x), expected, rtol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_bernoulli_likelihood_is_finite_and_pulls_back_from_anywhere(dtype):
    out = torch.tensor([-30.0, -1.5, -1.0, -0.99999, -0.5, 0.0, 0.5, 0.99999, 1.0, 1.5, 30.0], dtype=dtype)
    for wrong in (-1.0, 1.0):
        o = out.clone().requires_grad_()
        terms = Bernoulli()(o.view(-1, 1, 1, 1), torch.full((len(out), 1, 1, 1), wrong, dtype=dtype))
        (slope,) = torch.autograd.grad(terms.sum(), o)
        assert terms.isfinite().all()
        assert ((slope * wrong)[out != wrong] >= 0).all()
        far = out * wrong < 0
        assert (slope * wrong)[far].min() > 0.01, "on the wrong side it always learns"
        assert terms[out == wrong] > -1e-4, "a sure and right pixel costs next to nothing"


def test_beyond_the_scale_logits_go_on_without_a_jump_or_a_kink():
    edge = torch.tensor(1 - 1e-4, dtype=torch.float64)
    low, high = ((edge + step).requires_grad_() for step in (-1e-9, 1e-9))
    slopes = [torch.autograd.grad(logits_of(o), o)[0] for o in (low, high)]
    assert (logits_of(low) - logits_of(high)).abs() < 1e-4
    assert torch.allclose(slopes[0], slopes[1], rtol=1e-4)


def test_grey_images_are_binarised_anew_with_their_own_probability():
    x = torch.linspace(-1, 1, 9).view(1, 1, 3, 3).repeat(20_000, 1, 1, 1)
    draw = partial(torch.rand, generator=stream())
    binary = Bernoulli().observed(x, draw)
    assert set(binary.unique().tolist()) == {-1.0, 1.0}
    assert torch.allclose(binary.mean(0), x[0], atol=0.03)
    assert torch.equal(Gaussian().observed(x, draw), x)
    assert torch.equal(Bernoulli().observed(binary, draw), binary), "binary images stay as they are"


# ---- the bound ----------------------------------------------------------------------------------------------------


def loss(vae: VAE, x: Tensor, noise: Tensor) -> Tensor:
    """What a VAE minimises, written out."""
    mean, log_variance = vae.encoder(x).chunk(2, dim=1)
    out = vae.generator(mean + (log_variance / 2).exp() * noise)
    kl = ((mean**2 + log_variance.exp() - 1 - log_variance) / 2).mean(0)
    return -vae.likelihood(out, x).mean() + vae.beta * kl.clamp(min=vae.free_bits).sum()


class Fixed(VAE):
    """A VAE whose noise is given."""

    noise: Tensor

    def normal(self, *shape: int) -> Tensor:
        return self.noise


class Given(VAEGAN):
    """A VAE-GAN whose draws are given, one after the other."""

    noise: Iterator[Tensor]

    def normal(self, *shape: int) -> Tensor:
        return next(self.noise)


@pytest.mark.parametrize("options", [{}, {"beta": 3.0}, {"free_bits": 0.02}])
def test_a_step_follows_the_gradient_of_the_bound_by_finite_differences(options):
    generator = MLPGenerator(SHAPE, latent_dim=2, hidden=[4], batch_norm=False)
    vae = tiny(
        VAE, generator=generator, likelihood=LearntGaussian(), autoencoder_optimization=Optimization(SGD), **options
    ).double()
    for parameter in vae.encoder.parameters():
        nn.init.normal_(parameter, std=0.3)
    before, slopes, data = copy.deepcopy(vae), Slopes(), Blobs(48)
    vae.__class__, vae.noise = Fixed, normal(48, 2)
    fit(vae, data, max_steps=1, callbacks=[slopes], precision="64-true")
    x = next(iter(Blobs(48).load().tensors))[next(iter(data.train_dataloader().indices(0)))].double() / 127.5 - 1
    parameters = [p for network in (before.encoder, before.generator, before.likelihood) for p in network.parameters()]
    found, place = slopes.seen[0], 0
    for parameter in parameters:
        flat = parameter.data.view(-1)
        for i in range(0, len(flat), max(1, len(flat) // 3)):
            values = []
            for step in (1e-5, -1e-5):
                flat[i] += step
                values.append(loss(before, x, vae.noise))
                flat[i] -= step
            assert found[place + i] == pytest.approx(((values[0] - values[1]) / 2e-5).item(), rel=1e-3, abs=1e-6)
        place += len(flat)


def test_free_bits_leave_a_coordinate_alone_until_it_says_more():
    vae = tiny(VAE, free_bits=0.5)
    mean = torch.tensor([[0.1, 2.0, 0.0]], requires_grad=True)
    q = Posterior(mean, torch.zeros(1, 3))
    assert vae.divergence(q) == 0.5 + 2.0 + 0.5
    (slope,) = torch.autograd.grad(vae.divergence(q), mean)
    assert slope.tolist() == [[0.0, 2.0, 0.0]]


def test_the_generator_of_a_vae_gan_sees_draws_from_both_laws_in_one_batch():
    """Or batch normalisation would enlarge the differences of draws from q(z|x), in training only."""
    model, seen = tiny(VAEGAN), []
    model.generator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    fit(model, Blobs(8), max_steps=1)
    assert [len(latent) for latent in seen] == [16, 16, 16], "a turn each"
    assert not any(torch.equal(latent[:8], latent[8:]) for latent in seen)


def test_each_player_of_a_vae_gan_follows_its_own_loss_by_finite_differences():
    options: dict[str, Any] = {
        f"{name}_optimization": Optimization(SGD) for name in ("generator", "encoder", "discriminator")
    }
    model = tiny(VAEGAN, beta=0.3, gamma=0.7, **options).double()
    before, slopes, data = copy.deepcopy(model), Slopes(), Blobs(48)
    draws = [normal(48, 3, seed=seed) for seed in range(6)]
    given = iter(draws)
    model.__class__, model.noise = Given, given
    fit(model, data, max_steps=1, callbacks=[slopes], precision="64-true")
    x = data.load().tensors[0][next(iter(data.train_dataloader().indices(0)))].double() / 127.5 - 1
    after = {"discriminator": model.discriminator, "encoder": model.encoder, "generator": model.generator}
    game, (z_d, e_d, z_e, e_e, z_g, e_g) = before, draws

    def made(noise: Tensor, z: Tensor) -> tuple[Posterior, Tensor, Tensor]:
        q = Posterior.of(game.encoder(x))
        rebuilt, sampled = game.generator(torch.cat([q.at(noise), z])).chunk(2)
        return q, rebuilt, sampled

    def distance(rebuilt: Tensor) -> Tensor:
        f = game.discriminator.features
        return (f(x) - f(rebuilt)).square().sum(1).mean() / 2

    def loss_d() -> Tensor:
        _, *fakes = made(e_d, z_d)
        real = softplus(-game.discriminator(x).logits).mean()
        return sum((real + softplus(game.discriminator(fake).logits).mean()) / 2 for fake in fakes)  # type: ignore[return-value]

    def loss_e() -> Tensor:
        q, rebuilt, _ = made(e_e, z_e)
        return 0.3 * q.kl().sum(1).mean() + distance(rebuilt)

    def loss_g() -> Tensor:
        _, rebuilt, sampled = made(e_g, z_g)
        fooled = sum(softplus(-game.discriminator(fake).logits).mean() / 2 for fake in (rebuilt, sampled))
        return fooled + 0.7 * distance(rebuilt)

    for name, loss, found in zip(after, (loss_d, loss_e, loss_g), slopes.seen, strict=True):
        place = 0
        for parameter in getattr(game, name).parameters():
            flat, i = parameter.data.view(-1), len(parameter.data.view(-1)) // 2
            values = []
            for step in (1e-5, -1e-5):
                flat[i] += step
                values.append(loss())
                flat[i] -= step
            expected = ((values[0] - values[1]) / 2e-5).item()
            assert found[place + i] == pytest.approx(expected, rel=1e-3, abs=1e-6), name
            place += len(flat)
        getattr(game, name).load_state_dict(after[name].state_dict())  # the next one plays against it as it now is


def test_training_starts_where_the_encoder_says_the_prior():
    for model in (tiny(VAE), tiny(VAEGAN)):
        assert not Posterior.of(model.encoder(normal(4, *SHAPE).float())).kl().any()


def test_what_is_logged_is_the_bound_whatever_is_minimised():
    trainer = fit(tiny(VAE, beta=4.0, free_bits=1.0), log_every_n_steps=1, max_steps=1)
    logged = trainer.callback_metrics
    assert logged["loss/kl"] == 4.0 * 3 * 1.0, "three coordinates that say nothing yet, a nat each"
    assert logged["elbo"] == pytest.approx(-logged["loss/reconstruction"].item(), rel=1e-6)


@pytest.mark.parametrize("kind", [VAE, VAEGAN])
def test_every_parameter_of_every_player_learns(kind):
    for name in (name for name in VARIANTS if name.startswith(f"{kind.__name__} ")):
        slopes = Slopes()
        fit(play(name), max_steps=1, callbacks=[slopes])  # a parameter without a gradient would fail in it


# ---- the likelihood of a linear decoder is known ------------------------------------------------------------------


class LinearGenerator(Generator):
    """An affine decoder."""

    def __init__(self, image_shape: tuple[int, int, int], latent_dim: int = 2) -> None:
        super().__init__()
        self.image_shape, self.latent_dim = image_shape, latent_dim
        self.layer = nn.Linear(latent_dim, 16)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layer(z).view(-1, *self.image_shape)


class LinearEye(Discriminator):
    """Sees the pixels."""

    features_dim = 16

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.image_shape = image_shape

    def features(self, x: Tensor) -> Tensor:
        return x.flatten(1)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput(x.flatten(1).sum(1))


DEVIATION = 0.5


def linear_vae() -> VAE:
    """p(x|z) = N(Wz + b, s^2), as in Tipping and Bishop, "Probabilistic principal component analysis", 1999."""
    vae = tiny(VAE, generator=LinearGenerator(SHAPE), encoder=LinearEye(SHAPE), likelihood=Gaussian(DEVIATION))
    return vae.double()


def with_the_exact_posterior(vae: VAE, spread: float = 1.0) -> None:
    """q(z|x) = N(M^-1 W'(x - b), s^2 M^-1), where M = W'W + s^2 is made diagonal by turning the latent."""
    decoder: Any = vae.average_generator.network.layer
    u, sizes, _ = torch.linalg.svd(decoder.weight.data, full_matrices=False)
    decoder.weight.data = w = u * sizes
    m = sizes.square() + DEVIATION**2
    last: Any = vae.average_encoder.network.last
    last.weight.data = torch.cat([w.T / m[:, None], torch.zeros_like(w.T)])
    last.bias.data = torch.cat([-(w.T / m[:, None]) @ decoder.bias.data, (spread * DEVIATION**2 / m).log()])


def exact(vae: VAE, x: Tensor) -> Tensor:
    """The logarithm of p(x) = N(x; b, WW' + s^2)."""
    decoder: Any = vae.average_generator.network.layer
    covariance = decoder.weight.data @ decoder.weight.data.T + DEVIATION**2 * torch.eye(16, dtype=x.dtype)
    return MultivariateNormal(decoder.bias.data, covariance).log_prob(x.flatten(1))


def test_with_the_exact_posterior_a_single_draw_tells_the_exact_likelihood():
    vae, x = linear_vae(), normal(6, *SHAPE)
    with_the_exact_posterior(vae)
    for k in (1, 3):
        assert torch.allclose(vae.log_likelihood(x, k, stream()), exact(vae, x), rtol=1e-9)


def test_with_another_posterior_the_bound_lies_below_and_tightens_with_the_draws():
    vae, x = linear_vae(), normal(6, *SHAPE)
    with_the_exact_posterior(vae, spread=2.0)
    one, many = (torch.stack([vae.log_likelihood(x, k, stream(s)) for s in range(40)]).mean(0) for k in (1, 1000))
    gap = kl_divergence(Normal(0.0, 2.0**0.5), Normal(0.0, 1.0)) * 2  # KL(q || p(z|x)), two coordinates
    assert (exact(vae, x) - one).mean().item() == pytest.approx(gap.item(), rel=0.3)
    assert (exact(vae, x) - many).abs().max() < 0.02


def test_draws_may_be_made_a_few_at_a_time():
    vae, x = linear_vae(), normal(6, *SHAPE)
    values = [vae.log_likelihood(x, 50, stream(), at_once=n) for n in (6, 60, 10_000)]
    assert all(torch.allclose(value, values[0], rtol=1e-12) for value in values)


def test_weights_are_summed_without_overflow():
    log_weights = torch.tensor([[-1e4, 800.0], [-1e4, 800.0 + log(3)]])
    assert importance_weighted(log_weights).tolist() == pytest.approx([-1e4, 800.0 + log(2)])
    assert importance_weighted(log_weights).dtype == torch.float64


def test_a_linear_vae_learns_the_likelihood_of_principal_components():
    """At the optimum the bound is tight: log p is the best that an affine decoder with this deviation can do."""
    data = Blobs(48)
    vae = linear_vae().float()
    adam = partial(torch.optim.Adam, lr=0.02)
    vae = tiny(VAE, generator=vae.generator, encoder=LinearEye(SHAPE), likelihood=Gaussian(DEVIATION),
               autoencoder_optimization=Optimization(adam), average_decay=0.99)  # fmt: skip
    fit(vae, data, max_steps=1500)
    x = data.load().tensors[0].double() / 127.5 - 1
    flat = x.flatten(1)
    values = torch.linalg.eigvalsh(torch.cov(flat.T, correction=0))
    kept = values[-2:].clamp(min=DEVIATION**2)
    rest = values.sum() - kept.sum()
    best = -(16 * log(2 * pi) + kept.log().sum() + 14 * log(DEVIATION**2) + 2 + rest / DEVIATION**2) / 2
    vae.double()
    assert exact(vae, x).mean() == pytest.approx(best.item(), abs=0.02)
    bound = vae.log_likelihood(x, 1, stream()).mean().item()
    assert bound == pytest.approx(best.item(), abs=0.05)


# ---- samples, reconstructions, traversals -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in kinds().values() if issubclass(kind, GenerativeModel)])
def test_rows_of_a_traversal_differ_from_the_sample_in_their_coordinate_only(kind):
    z = latents([5], 4)[0]
    copies = traversed(z, [2, 0], [-3.0, 0.0, 3.0]).view(2, 3, 4)
    assert copies[0, :, 2].tolist() == copies[1, :, 0].tolist() == [-3.0, 0.0, 3.0]
    for row, coordinate in zip(copies, (2, 0), strict=True):
        others = [i for i in range(4) if i != coordinate]
        assert (row[:, others] == z[others]).all()
    model = tiny(kind)
    own = latents([5], 3)[0, 1].item()
    images = model.traverse(5, [1], [-3.0, own])
    assert torch.allclose(images[1:], model.sample([5]), atol=1e-6), "with its own value it is the sample"
    assert not torch.allclose(images[0], images[1], atol=1e-4)


def test_a_coordinate_that_there_is_not_is_named():
    with pytest.raises(UserError, match="no coordinate 3 to traverse: latents have 3"):
        tiny_gan().traverse(0, [3], [0.0])


@pytest.mark.parametrize("name", ["VAE options", "VAE classes", "VAEGAN options"])
def test_reconstructions_are_drawn_and_change_nothing(name, tmp_path):
    alone, watched = play(name), play(name)
    fit(alone)
    fit(watched, callbacks=[Reconstructions(4, rows=2, pairs=3), SampleGrid(4)], default_root_dir=tmp_path)
    assert [p.name for p in sorted((tmp_path / "reconstructions").iterdir())] == [f"step-000000{i}.png" for i in (4, 6)]
    for key, value in weights(alone).items():
        assert torch.equal(value, weights(watched)[key]), key


def test_learnt_images_are_reconstructed_better_than_by_their_mean(tmp_path):
    data = Blobs(16, images=16)
    adam = partial(torch.optim.Adam, lr=0.01)
    generator = MLPGenerator(SHAPE, latent_dim=8, hidden=[64], batch_norm=False)
    vae = tiny(VAE, generator=generator, encoder=MLPDiscriminator(SHAPE, hidden=[64]), likelihood=LearntGaussian(),
               autoencoder_optimization=Optimization(adam), average_decay=0.9)  # fmt: skip
    fit(vae, data, max_steps=1000)
    x = data.load().tensors[0] / 127.5 - 1
    error = (vae.reconstruct(x) - x).square().mean()
    assert error < 0.2 * (x - x.mean(0)).square().mean()
    assert vae.reconstruct(x).abs().max() <= 1


def test_averages_follow_all_three():
    vae = tiny(VAE, likelihood=LearntGaussian(), average_decay=0.0)
    fit(vae)
    for average, network in (("encoder", vae.encoder), ("likelihood", vae.likelihood), ("generator", vae.generator)):
        followed = getattr(vae, f"average_{average}").network.state_dict()
        assert all(torch.allclose(followed[key], value) for key, value in network.state_dict().items())


def test_a_decoder_without_tanh_learns(tmp_path):
    vae = tiny(VAE, generator=R3GANGenerator(SHAPE))
    trainer = fit(vae, max_steps=60, log_every_n_steps=60)
    assert trainer.callback_metrics["elbo"] > -16, "nats of 16 pixels"
    assert vae.sample(range(4)).abs().max() <= 1


# ---- files and mistakes -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", kinds().values())
def test_a_checkpoint_makes_its_own_kind_again_and_no_other(kind, tmp_path):
    model = tiny(kind)
    fit(model).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    for found in (
        AlternatingModule.load_from_checkpoint(tmp_path / "a.ckpt"),
        kind.load_from_checkpoint(tmp_path / "a.ckpt"),
    ):
        assert type(found) is kind
        assert same(weights(found), weights(model))
    for other in (other for other in kinds().values() if other is not kind):
        with pytest.raises(UserError, match=rf"a\.ckpt holds a model other than {other.__name__}$"):
            other.load_from_checkpoint(tmp_path / "a.ckpt")
        with pytest.raises(UserError, match=f"holds a {kind.__name__}, from which a {other.__name__} cannot resume"):
            fit(tiny(other), ckpt_path=tmp_path / "a.ckpt")


def test_a_checkpoint_of_an_unknown_kind_is_refused(tmp_path):
    fit(tiny_gan()).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    checkpoint = torch.load(tmp_path / "a.ckpt", weights_only=True)
    torch.save({**checkpoint, "kind": "os.system"}, tmp_path / "b.ckpt")
    with pytest.raises(UserError, match=r"holds a os\.system, which is not part of gan_lightning"):
        GenerativeModel.load_from_checkpoint(tmp_path / "b.ckpt")


def test_every_kind_has_its_ways_to_play():
    ours = {cls for cls in subclasses(AlternatingModule) if cls.__module__.startswith("gan_lightning")}
    ours -= {GenerativeModel, AveragedModule}
    assert ours == {*kinds().values()}
    for model in ours - {GAN}:
        parts = parts_of_the_package(model)
        played = (CycleTranslator, Translator) if model is CycleTranslator else (model,)  # it plays as the latter does
        ways = [name.split() for name in VARIANTS for kin in played if name.startswith(f"{kin.__name__} ")]
        assert {cls for choices in parts.values() for cls, _ in choices} <= {word for way in ways for word in way}


class Blind(Discriminator):
    """Has no features."""

    image_shape = SHAPE

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput(x.flatten(1).sum(1))


MISTAKES: list[tuple[type[GenerativeModel], Any, str]] = [
    (VAE, {"beta": -1.0}, r"model\.beta is -1\.0; it must be at least 0"),
    (VAE, {"free_bits": -0.5}, r"model\.free_bits is -0\.5"),
    (
        VAE,
        {"autoencoder_optimization": Optimization(accumulation=0)},
        r"model\.autoencoder_optimization.accumulation is 0",
    ),
    (VAE, {"encoder": MLPDiscriminator((1, 6, 6))}, r"makes images of \(1, 4, 4\), the encoder takes \(1, 6, 6\)"),
    (VAE, {"encoder": MLPDiscriminator(SHAPE, packing=2)}, r"model\.encoder\.packing is 2"),
    (VAE, {"encoder": Blind()}, "Blind has no features"),
    (VAEGAN, {"discriminator": Blind()}, r"Blind has no features to compare images by"),
    (VAEGAN, {"discriminator": MLPDiscriminator(SHAPE, packing=2)}, r"model\.discriminator\.packing is 2"),
    (VAEGAN, {"gamma": -1.0}, r"model\.gamma is -1\.0"),
]


@pytest.mark.parametrize(("kind", "options", "message"), MISTAKES)
def test_what_cannot_work_is_refused_with_what_to_change(kind, options, message):
    with pytest.raises(UserError, match=message):
        tiny(kind, **options)


def test_a_batch_that_does_not_split_is_refused_by_the_options_that_there_are():
    with pytest.raises(UserError, match=r"a multiple of model\.autoencoder_optimization.accumulation$"):
        fit(tiny(VAE, autoencoder_optimization=Optimization(accumulation=3)), Blobs(8))


def test_a_deviation_of_nothing_is_refused():
    for cls in (Gaussian, LearntGaussian):
        with pytest.raises(UserError, match="deviation is 0"):
            cls(0.0)


def test_an_encoder_takes_nothing_away_from_the_discriminator_that_it_sees_like():
    judge = MLPDiscriminator(SHAPE, hidden=[8])
    VAE(MLPGenerator(SHAPE, latent_dim=3, hidden=[8]), judge)
    assert judge(torch.zeros(2, *SHAPE)).logits.shape == (2,)
