"""Compiled losses: the same numbers, or one line that says why not."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from helpers.processes import together
from helpers.tiny import SHAPE, Slopes, equal, fit, state, tiny_gan
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor

from gan_lightning import GAN
from gan_lightning.augmentation import ADA
from gan_lightning.core.errors import UserError
from gan_lightning.networks import MLPDiscriminator, MLPGenerator, R3GANDiscriminator
from gan_lightning.objectives import RelativisticPaired
from gan_lightning.penalties import R1, R2, WGANGP, Penalty, PenaltyInput
from gan_lightning.training.compilation import Compiled
from gan_lightning.training.optimization import Optimization
from gan_lightning.training.schedules import Cosine

pytestmark = pytest.mark.usefixtures("one_thread")


def compiled(backend: str = "aot_eager", **options: Any) -> GAN:
    torch._dynamo.reset()
    gan = tiny_gan(compile=True, **options)
    gan.compute = Compiled(backend)
    return gan


def slopes(gan: GAN, iterations: int = 1, **options: Any) -> Tensor:
    seen = Slopes()
    fit(gan, callbacks=[seen], max_steps=iterations, **options)
    return torch.cat(seen.seen)


def apart(options: Callable[[], dict[str, Any]], backend: str = "aot_eager") -> float:
    """The relative distance of the gradients of D and G, compiled and not."""
    plain = slopes(tiny_gan(**options()))
    return float((slopes(compiled(backend, **options())) - plain).norm() / plain.norm())


@pytest.mark.parametrize("penalty", [R1, R2, WGANGP])
def test_the_gradient_of_a_compiled_penalty_is_that_of_the_equation(penalty):
    """The penalty has a weight beside which the objective is nothing: a gradient that is lost shows."""
    assert apart(lambda: {"penalties": [penalty(1e4)]}) < 1e-5
    assert slopes(tiny_gan(penalties=[penalty(1e4)])).norm() > 10 * slopes(tiny_gan()).norm()


def convolutional() -> dict[str, Any]:
    torch.manual_seed(0)
    d = R3GANDiscriminator(SHAPE, width=4, max_width=4, group=4, blocks=1)
    with torch.no_grad():
        for parameter in d.parameters():  # some begin at zero, and hide what comes after them
            parameter += 0.1 * torch.randn_like(parameter)
    return {"discriminator": d, "objective": RelativisticPaired(), "penalties": [R1(1e4)]}


def test_a_compiled_penalty_on_convolutions_is_that_of_the_equation():
    assert apart(convolutional) < 1e-5


def test_a_compiled_penalty_sees_images_as_they_were_augmented():
    moved: dict[str, Any] = {"speed": 0, "p": 0.9, "color": False}
    assert apart(lambda: {"penalties": [R1(1e3)], "augmentation": ADA(**moved)}) < 1e-5


class Lost(R1):
    """R1 whose second derivative is lost."""

    def forward(self, inputs: PenaltyInput) -> Tensor:
        return super().forward(inputs).detach()


def test_a_lost_second_derivative_would_be_seen():
    lost, plain = slopes(compiled(penalties=[Lost(1e4)])), slopes(tiny_gan(penalties=[R1(1e4)]))
    assert (lost - plain).norm() > 0.5 * plain.norm()


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> Tensor:
        return 3 * ctx.saved_tensors[0] ** 2 * slopes[0]


class Cubic(MLPDiscriminator):
    def forward(self, x: Tensor, y: Tensor | None = None) -> Any:
        return super().forward(Cube.apply(x), y)  # type: ignore[arg-type]


class Breaks(Penalty):
    """Looks at a number, so that it cannot be compiled whole."""

    def forward(self, inputs: PenaltyInput) -> Tensor:
        return inputs.real.mean() if inputs.real.mean().item() > 0 else -inputs.real.mean()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"discriminator": Cubic(SHAPE, hidden=[8]), "penalties": [R1()]}, "a backward pass of its own"),
        ({"penalties": [Breaks(1.0)]}, ""),
    ],
)
def test_what_cannot_be_compiled_is_refused_in_one_line(options, reason):
    with pytest.raises(UserError, match=f"model.compile is true, .*{reason}.*; leave it out$") as refusal:
        slopes(compiled(**options))
    assert "\n" not in str(refusal.value)


FOLLOWING: dict[str, Any] = {
    "penalties": [R1(1.0, every=2), R2(1.0)],
    "schedules": {"penalties.R1.weight": Cosine(), "penalties.R2.strength": Cosine()},
    "discriminator_steps": 2,
    "discriminator_optimization": Optimization(accumulation=2, gradient_clip=1.0),
}


def test_a_compiled_training_goes_as_an_ordinary_one_and_is_not_compiled_for_every_value_of_a_schedule():
    torch._dynamo.utils.counters.clear()
    plain, other = (slopes(gan, 5) for gan in (tiny_gan(**FOLLOWING), compiled(**FOLLOWING)))
    assert (other - plain).norm() < 1e-5 * plain.norm()
    assert torch._dynamo.utils.counters["stats"]["unique_graphs"] == 3, "D with and without the lazy penalty, and G"


def test_backward_passes_stay_in_32_bits_when_compiled():
    plain, other = (slopes(gan, precision="bf16-mixed") for gan in (tiny_gan(), compiled()))
    assert (other - plain).norm() < 1e-5 * plain.norm()


@pytest.mark.filterwarnings("ignore:Checkpoint directory .* exists")
def test_a_compiled_training_resumes_bit_for_bit(tmp_path):
    def end(**options: Any) -> dict[str, Any]:
        saves = ModelCheckpoint(tmp_path, "{step}", every_n_train_steps=2, save_top_k=-1, enable_version_counter=False)
        fit(compiled(**FOLLOWING), callbacks=[saves], max_steps=4, enable_checkpointing=True, **options)
        return state(tmp_path / "step=4.ckpt")

    assert equal(end(), end(ckpt_path=tmp_path / "step=2.ckpt"))


def in_two_processes() -> tuple[Tensor, Tensor]:
    two: dict[str, Any] = {"devices": 2, "strategy": "ddp"}
    options = lambda: {"penalties": [R1(10.0)], "generator": MLPGenerator(SHAPE, 3, [8], batch_norm=False)}  # noqa: E731
    torch.manual_seed(0)
    plain = slopes(tiny_gan(**options()), **two)
    torch.manual_seed(0)
    return plain, slopes(compiled(**options()), **two)


@pytest.mark.long
def test_two_processes_make_the_same_steps_compiled():
    for plain, other in together(in_two_processes):
        assert (other - plain).norm() < 1e-5 * plain.norm()


@pytest.mark.long
def test_inductor_makes_the_gradients_of_penalties_too():
    assert apart(lambda: convolutional() | {"augmentation": ADA(speed=0, p=0.5)}, "inductor") < 1e-5
