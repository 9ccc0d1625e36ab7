"""The laws of the game."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import SHAPE, fit, same, tiny_gan, weights
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn

from gan_lightning import GAN
from gan_lightning.augmentation import DiffAugment
from gan_lightning.callbacks import LossCurves, SampleGrid
from gan_lightning.core.errors import UserError
from gan_lightning.networks import Discriminator, DiscriminatorOutput, MLPDiscriminator, MLPGenerator
from gan_lightning.objectives import Hinge, RelativisticPaired
from gan_lightning.training.optimization import Optimization

SGD = partial(torch.optim.SGD, lr=0.1)
STILL = partial(torch.optim.SGD, lr=0.0)


# ---- who learns when ----------------------------------------------------------------------------------------------


def test_the_discriminator_stays_put_while_the_generator_learns():
    gan = tiny_gan(generator_optimization=Optimization(SGD), discriminator_optimization=Optimization(STILL))
    d, g = weights(gan.discriminator), weights(gan.generator)
    fit(gan)
    assert same(d, weights(gan.discriminator))
    assert not same(g, weights(gan.generator))


def test_the_generator_stays_put_while_the_discriminator_learns():
    gan = tiny_gan(generator_optimization=Optimization(STILL), discriminator_optimization=Optimization(SGD))
    d, g = weights(gan.discriminator), dict(gan.generator.named_parameters())
    before = {k: v.detach().clone() for k, v in g.items()}
    fit(gan)
    assert not same(d, weights(gan.discriminator))
    assert all(torch.equal(before[k], v) for k, v in g.items())


class Turns(Callback):
    """The gradients of both players whenever an optimizer is about to step."""

    def __init__(self) -> None:
        self.turns: list[tuple[str, dict[str, list[Tensor | None]]]] = []

    def on_before_optimizer_step(self, trainer, pl_module, optimizer) -> None:
        assert isinstance(pl_module, GAN)
        networks = {"D": pl_module.discriminator, "G": pl_module.generator}
        stepping = optimizer.param_groups[0]["params"][0]
        player = next(n for n, net in networks.items() if any(p is stepping for p in net.parameters()))
        slopes = {
            n: [None if p.grad is None else p.grad.clone() for p in net.parameters()] for n, net in networks.items()
        }
        self.turns.append((player, slopes))


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_a_turn_makes_no_gradient_for_the_opponent(steps):
    seen = Turns()
    gan = tiny_gan(discriminator_steps=steps)
    fit(gan, callbacks=[seen], max_steps=3)
    assert [player for player, _ in seen.turns] == (["D"] * steps + ["G"]) * 3, "D first, steps times, then G once"
    latest: dict[str, list[Tensor | None]] = {"D": [None] * 4, "G": [None] * 6}
    for player, slopes in seen.turns:
        opponent = "G" if player == "D" else "D"
        for now, before in zip(slopes[opponent], latest[opponent], strict=True):
            assert now is before is None or torch.equal(now, before)  # type: ignore[arg-type]
        assert all(slope is not None for slope in slopes[player])
        latest[player] = slopes[player]


def test_one_iteration_is_algorithm_1_written_out_by_hand():
    """Two D steps on two halves of the batch, then one G step, in bare PyTorch with the same noise."""
    gan = tiny_gan(
        discriminator_steps=2,
        generator_optimization=Optimization(SGD),
        discriminator_optimization=Optimization(SGD),
        seed=5,
    )
    twin = tiny_gan(
        discriminator_steps=2,
        generator_optimization=Optimization(SGD),
        discriminator_optimization=Optimization(SGD),
        seed=5,
    )
    d, g = twin.discriminator, twin.generator
    logits = lambda x: d(x).logits  # noqa: E731
    noise = Noise()
    fit(gan, max_steps=1, callbacks=[noise])

    softplus = nn.functional.softplus
    for x, z in zip(noise.x.split(4), noise.z[:2], strict=True):
        loss = softplus(-logits(x)).mean() + softplus(logits(g(z).detach())).mean()
        for p, slope in zip(d.parameters(), torch.autograd.grad(loss, list(d.parameters())), strict=True):
            p.data -= 0.1 * slope
    loss = softplus(-logits(g(noise.z[2]))).mean()
    for p, slope in zip(g.parameters(), torch.autograd.grad(loss, list(g.parameters())), strict=True):
        p.data -= 0.1 * slope
    for ours, bare in ((gan.discriminator, d), (gan.generator, g)):
        for a, b in zip(ours.parameters(), bare.parameters(), strict=True):
            assert torch.allclose(a, b, rtol=1e-5, atol=1e-7)


class Noise(Callback):
    """Keeps the batch and the latents of an iteration."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        assert isinstance(pl_module, GAN)
        self.x, self.z = batch[0], []
        pl_module.generator.register_forward_pre_hook(lambda _, inputs: self.z.append(inputs[0].clone()))


class Counting(Discriminator):
    """Counts how many batches it judges."""

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.image_shape, self.layer, self.calls = image_shape, nn.Linear(16, 1), 0

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        self.calls += 1
        return DiscriminatorOutput(self.layer(x.flatten(1)).squeeze(1))


@pytest.mark.parametrize(("objective", "calls"), [(Hinge(), 3), (RelativisticPaired(), 4)])
def test_real_logits_are_computed_in_the_generators_turn_only_for_objectives_that_compare(objective, calls):
    judge = Counting(SHAPE)
    fit(GAN(MLPGenerator(SHAPE, latent_dim=3, hidden=[8]), judge, objective), max_steps=1)
    assert judge.calls == calls


RETURNS: dict[str, Callable[[Tensor], Any]] = {
    r"a Tensor \(8,\)": lambda logits: logits[:, 0],
    "a list": lambda logits: [logits],
    r"logits \(8, 1, 3\)": lambda logits: DiscriminatorOutput(logits[:, None]),
    "": DiscriminatorOutput,
}


class Several(Discriminator):
    """A linear layer to three logits."""

    def __init__(self, packing: int = 1, returns: str = "") -> None:
        super().__init__()
        self.image_shape, self.packing, self.returns = SHAPE, packing, returns
        self.layer = nn.Linear(16 * packing, 3)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return RETURNS[self.returns](self.layer(x.flatten(1)))


class Watched(DiffAugment):
    """Changes nothing, and keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__(policy=[])
        self.observed: list[Tensor] = []

    def observe(self, real: Tensor) -> None:
        self.observed.append(real.detach())


def test_all_logits_of_an_image_are_judged_and_logged_and_an_augmentation_sees_their_mean():
    watched = Watched()
    game = tiny_gan(discriminator=Several(packing=2), objective=Hinge(), augmentation=watched)
    before = [p.clone() for p in game.discriminator.parameters()]
    noise = Noise()
    trainer = fit(game, max_steps=1, log_every_n_steps=1, callbacks=[noise])
    logits = noise.x.reshape(4, 32) @ before[0].T + before[1]
    assert torch.allclose(watched.observed[0], logits.mean(1).repeat_interleave(2), atol=1e-6)
    assert trainer.callback_metrics["D/real"].item() == pytest.approx(logits.sigmoid().mean().item(), rel=1e-5)


@pytest.mark.parametrize("returned", [*RETURNS][:-1])
def test_a_discriminator_that_returns_something_else_is_told_what_to_return(returned):
    message = rf"Several returns {returned} for 8 images: its forward must return DiscriminatorOutput\(logits\)"
    with pytest.raises(UserError, match=message):
        fit(tiny_gan(discriminator=Several(returns=returned)), max_steps=1)


# ---- steps --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [1, 2, 4])
def test_max_steps_counts_generator_updates_whatever_the_discriminator_does(steps, tmp_path):
    gan = tiny_gan(discriminator_steps=steps)
    keep = ModelCheckpoint(tmp_path, filename="{step}", every_n_train_steps=4, save_top_k=-1)
    curves = LossCurves()
    trainer = fit(gan, max_steps=9, callbacks=[keep, curves], enable_checkpointing=True, default_root_dir=tmp_path)
    optimizer_d, optimizer_g = trainer.optimizers
    updates = [int(next(iter(o.state.values()))["step"]) for o in (optimizer_d, optimizer_g)]
    assert updates == [9 * steps, 9]
    assert trainer.global_step == 9
    assert sorted(p.name for p in tmp_path.glob("*.ckpt")) == ["step=4.ckpt", "step=8.ckpt"]
    assert curves.curves["step"] == [2, 4, 6, 8]


def test_a_batch_that_does_not_split_is_refused_with_the_key_to_change():
    with pytest.raises(UserError, match=r"a batch of 8 images does not split into 3 minibatches: set data\.batch_size"):
        fit(tiny_gan(discriminator_steps=3))


def test_schedulers_step_once_an_iteration_for_their_own_player():
    decay = partial(torch.optim.lr_scheduler.StepLR, step_size=2, gamma=0.5)
    gan = tiny_gan(generator_optimization=Optimization(SGD, decay), discriminator_optimization=Optimization(SGD))
    trainer = fit(gan, max_steps=5)
    assert [o.param_groups[0]["lr"] for o in trainer.optimizers] == [0.1, 0.025]


# ---- randomness ---------------------------------------------------------------------------------------------------


def test_training_depends_on_the_seed_and_not_on_the_global_stream():
    runs = []
    for global_seed, seed in ((1, 0), (2, 0), (1, 3)):
        gan = tiny_gan(seed=seed)
        torch.manual_seed(global_seed)
        fit(gan)
        runs.append(weights(gan))
    assert same(runs[0], runs[1])
    assert not same(runs[0], runs[2])


class Meddler(Callback):
    """Draws from every stream that it can reach."""

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        torch.randn(5)
        torch.manual_seed(batch_idx)


def test_watching_does_not_change_training(tmp_path):
    alone, watched = tiny_gan(), tiny_gan()
    fit(alone)
    watchers = [SampleGrid(every_n_steps=1, rows=2, columns=2), LossCurves(), Meddler()]
    fit(watched, callbacks=watchers, default_root_dir=tmp_path, log_every_n_steps=1)
    assert same(weights(alone), weights(watched))


def test_going_on_from_a_checkpoint_in_the_middle_of_an_epoch_changes_nothing(tmp_path):
    whole, first, second = tiny_gan(), tiny_gan(), tiny_gan()
    fit(whole, max_steps=10)
    fit(first, max_steps=4).save_checkpoint(tmp_path / "four.ckpt", weights_only=False)
    fit(second, max_steps=10, ckpt_path=tmp_path / "four.ckpt")
    assert same(weights(whole), weights(second))


# ---- refusals -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.rand(8, *SHAPE), r"looks like \[0, 1\]"),
        (torch.rand(8, *SHAPE) * 255, r"they must lie in \[-1, 1\]"),
        (torch.zeros(8, *SHAPE).byte(), "torch.uint8"),
        (torch.zeros(8, 1, 5, 4), "give both the same image_shape"),
        (torch.full((8, *SHAPE), torch.nan), "image 0 of the batch.* not finite"),
    ],
)
def test_images_that_the_networks_would_misread_are_refused(images, message):
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, torch.zeros(8).long()), batch_size=8)
    with pytest.raises(UserError, match=message):
        fit(tiny_gan(), loader)


def test_a_loader_of_images_without_labels_is_enough():
    loader = torch.utils.data.DataLoader(torch.rand(32, *SHAPE) * 2 - 1, batch_size=8)  # type: ignore[arg-type]
    assert fit(tiny_gan(), loader).global_step == 6


def test_a_loss_that_is_not_finite_stops_training_and_says_where():
    explode = partial(torch.optim.SGD, lr=1e30)
    with pytest.raises(UserError, match=r"in iteration \d+: the .* not finite"):
        fit(
            tiny_gan(generator_optimization=Optimization(explode), discriminator_optimization=Optimization(explode)),
            max_steps=20,
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"discriminator_steps": 0}, "discriminator_steps is 0"),
        ({"average_decay": 1.0}, "average_decay is 1.0"),
        ({"generator_optimization": Optimization(lambda p: torch.optim.Adam(p))}, "functools.partial"),
    ],
)
def test_a_game_that_cannot_be_played_is_refused(options, message):
    with pytest.raises(UserError, match=message):
        tiny_gan(**options)


def test_networks_of_different_shapes_are_refused():
    with pytest.raises(UserError, match="same image_shape"):
        GAN(MLPGenerator((1, 4, 4)), MLPDiscriminator((1, 4, 5)))


# ---- checkpoints from scripts -------------------------------------------------------------------------------------


def test_a_scripts_checkpoint_reloads_with_everything_it_was_made_of(tmp_path: Path):
    made = tiny_gan(
        objective=Hinge(), generator_optimization=Optimization(SGD), discriminator_steps=2, average_decay=0.5, seed=9
    )
    fit(made).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    again = GAN.load_from_checkpoint(tmp_path / "a.ckpt")
    assert same(weights(made), weights(again))
    assert isinstance(again.objective, Hinge)
    assert dict(again.hparams) == dict(made.hparams)
    assert torch.equal(again.sample(range(4)), made.sample(range(4)))


def test_arguments_can_be_replaced_while_loading(tmp_path: Path):
    fit(tiny_gan()).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    assert GAN.load_from_checkpoint(tmp_path / "a.ckpt", discriminator_steps=4).discriminator_steps == 4
