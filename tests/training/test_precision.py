"""What 16 bits may touch, and what they may not."""

from functools import partial
from typing import Any

import pytest
import torch
from helpers.tiny import SHAPE, Blobs, Slopes, fit, half, moved, tiny_gan, weights
from torch import Tensor, nn

from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.networks import Generator
from gan_lightning.objectives import NonSaturating
from gan_lightning.training.optimization import Optimization

SGD = partial(torch.optim.SGD, lr=0.1)
FUSED = partial(torch.optim.Adam, lr=1e-3, fused=True)


def slopes(gan, **options: Any) -> list[Tensor]:
    seen = Slopes()
    fit(gan, max_steps=2, callbacks=[seen], **options)
    return seen.seen


@pytest.mark.parametrize("options", [{"precision": "bf16-mixed"}, half()])
def test_mixed_precision_learns_from_nearly_the_same_gradients(options):
    for exact, mixed in zip(slopes(tiny_gan()), slopes(tiny_gan(), **options), strict=True):
        assert mixed.dtype == torch.float32
        assert 0 < (exact - mixed).norm() < 0.05 * exact.norm(), "rounded, but neither scaled nor lost"


@pytest.mark.parametrize("steps", [1, 2])
def test_a_scaler_leaves_the_limit_on_a_gradient_as_it_is(steps):
    limits = {
        "generator_optimization": Optimization(SGD, gradient_clip=0.01),
        "discriminator_steps": steps,
    }
    assert moved(tiny_gan(**limits), "generator", **half()) == pytest.approx(0.1 * 0.01, rel=1e-3)


def test_an_overflow_skips_the_step_lowers_the_scale_and_is_no_trouble():
    options = half(scale=2.0**40)
    gan = tiny_gan()
    before = weights(gan)
    trainer = fit(gan, max_steps=30, **options)
    assert trainer.precision_plugin.scaler.get_scale() < 2.0**30  # type: ignore[union-attr]
    after = weights(gan)
    assert all(tensor.isfinite().all() for tensor in after.values())
    assert not torch.equal(before["generator.layers.0.0.weight"], after["generator.layers.0.0.weight"])


class Overflows(NonSaturating):
    """Gradients too large for any scale."""

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return (fake * 0).sqrt().sum()


def test_a_gradient_that_overflows_at_every_scale_is_trouble():
    with pytest.raises(TrainingError, match=r"gradients overflow in 16-mixed .* bf16-mixed or 32-true"):
        fit(tiny_gan(objective=Overflows()), max_steps=60, **half())


def test_a_fused_optimizer_is_not_fused_under_a_scaler_so_that_limits_see_true_gradients():
    trainer = fit(tiny_gan(generator_optimization=Optimization(FUSED)), max_steps=1, **half())
    assert not trainer.optimizers[1].param_groups[0]["fused"]
    trainer = fit(tiny_gan(generator_optimization=Optimization(FUSED)), max_steps=1)
    assert trainer.optimizers[1].param_groups[0]["fused"]


class Spy(NonSaturating):
    """Remembers what the objective sees."""

    seen: set[tuple[torch.dtype, bool]] = set()  # noqa: RUF012

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        Spy.seen |= {(real.dtype, torch.is_autocast_enabled("cpu")), (fake.dtype, torch.is_autocast_enabled("cpu"))}
        return super().discriminator(real, fake)


@pytest.mark.parametrize(
    ("options", "dtype"),
    [({"precision": "bf16-mixed"}, torch.float32), (half(), torch.float32), ({"precision": "64-true"}, torch.float64)],
)
def test_losses_are_computed_in_32_bits_at_least(options, dtype):
    Spy.seen = set()
    fit(tiny_gan(objective=Spy()), max_steps=1, **options)
    assert {kind for kind, _ in Spy.seen} == {dtype}


def test_weights_and_their_average_stay_in_32_bits():
    gan = tiny_gan()
    fit(gan, precision="bf16-mixed")
    assert {t.dtype for t in weights(gan).values() if t.is_floating_point()} == {torch.float32}


def test_sixteen_bits_on_a_cpu_are_said_to_be_bf16():
    with pytest.warns(UserWarning, match="Using `precision='bf16-mixed'` instead"):
        assert fit(tiny_gan(), max_steps=1, precision="16-mixed").precision == "bf16-mixed"


# ---- accumulation -------------------------------------------------------------------------------------------------


class Dense(Generator):
    """A generator without batch statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.image_shape, self.latent_dim = SHAPE, 3
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Linear(8, 16), nn.Tanh())

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layers(z).unflatten(1, SHAPE)


@pytest.mark.parametrize("objective", ["NonSaturating", "RelativisticPaired"])
def test_a_batch_taken_in_parts_gives_the_same_gradient(objective):
    import gan_lightning.objectives as objectives

    def run(**options: Any) -> list[Tensor]:
        torch.manual_seed(1)
        gan = tiny_gan(generator=Dense(), objective=getattr(objectives, objective)(), discriminator_steps=2, **options)
        return slopes(gan, precision="64-true")

    whole = run()
    parts = run(
        generator_optimization=Optimization(accumulation=4), discriminator_optimization=Optimization(accumulation=2)
    )
    assert len(whole) == len(parts) == 6
    for a, b in zip(whole, parts, strict=True):
        assert (a - b).norm() <= 1e-9 * a.norm()


def test_a_batch_that_does_not_split_into_parts_is_refused_with_the_key_to_change():
    with pytest.raises(UserError, match=r"4 images does not split into 3 parts: set data\.batch_size to a multiple"):
        fit(tiny_gan(discriminator_steps=2, generator_optimization=Optimization(accumulation=3)), Blobs())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"generator_optimization": Optimization(accumulation=0)},
            "model.generator_optimization.accumulation is 0; it must be at least 1",
        ),
        (
            {"discriminator_optimization": Optimization(gradient_clip=0.0)},
            "model.discriminator_optimization.gradient_clip is 0.0; it must be above 0",
        ),
    ],
)
def test_settings_out_of_range_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        tiny_gan(**options)
