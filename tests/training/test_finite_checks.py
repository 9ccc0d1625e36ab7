"""Trouble is said, not hidden."""

from functools import partial

import pytest
import torch
from helpers.tiny import SHAPE, Blobs, fit, moved, tiny_gan
from lightning.pytorch import Callback
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from gan_lightning.callbacks import KeepCheckpoints
from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.networks import Discriminator, DiscriminatorOutput, MLPDiscriminator, MLPGenerator
from gan_lightning.objectives import NonSaturating
from gan_lightning.training.finite_checks import FiniteChecks
from gan_lightning.training.optimization import Optimization

SGD = partial(torch.optim.SGD, lr=0.1)


class Breaks(Callback):
    """Makes a number of a player infinite before an iteration (counted from 1)."""

    def __init__(self, player: str, iteration: int) -> None:
        self.player, self.iteration = player, iteration

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        if trainer.global_step + 1 == self.iteration:
            next(getattr(pl_module, self.player).parameters()).data.view(-1)[0] = torch.inf


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_trouble_stops_at_its_iteration_and_names_the_player_the_term_and_the_last_good_state(precision, tmp_path):
    keep = KeepCheckpoints(2)
    options = {"enable_checkpointing": True, "default_root_dir": tmp_path, "log_every_n_steps": 50}
    callbacks = [Breaks("discriminator", 6), keep]
    with pytest.raises(TrainingError) as caught:
        fit(tiny_gan(), max_steps=20, callbacks=callbacks, precision=precision, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("training stopped in iteration 6: the discriminator's objective and gradient are not")
    assert "model.discriminator_optimization.gradient_clip 1" in message
    assert message.endswith(f"The last good state, of iteration 4, is {tmp_path}/checkpoints/last.ckpt")
    kept = torch.load(keep.last, weights_only=True)
    assert kept["global_step"] == 4
    assert all(tensor.isfinite().all() for tensor in kept["state_dict"].values())


class Infinite(NonSaturating):
    """A loss of G's that is infinite, but has a finite gradient."""

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return super().generator(fake, real) + torch.inf


def test_a_term_that_is_infinite_with_a_finite_gradient_is_trouble_too():
    message = r"iteration 1: the generator's objective is not finite \(objective inf, gradient 0"
    with pytest.raises(TrainingError, match=message):
        fit(tiny_gan(objective=Infinite()))


class Cliff(Discriminator):
    """Finite logits with a gradient that is none."""

    def __init__(self, image_shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.image_shape, self.inner = image_shape, MLPDiscriminator(image_shape, hidden=[4])

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        logits = self.inner(x).logits
        return DiscriminatorOutput(logits + (logits * 0).sqrt())


def test_a_gradient_that_is_not_a_number_is_trouble_though_the_loss_is_finite():
    message = r"discriminator's gradient is not finite \(objective \d+\.\d+, gradient nan, batch statistics"
    with pytest.raises(TrainingError, match=message):
        fit(tiny_gan(discriminator=Cliff(SHAPE)))


def test_no_checkpoint_is_written_of_a_state_that_is_not_finite(tmp_path):
    """As on a GPU, where numbers are looked at when they are logged or saved."""
    gan = tiny_gan()
    trainer = fit(gan, max_steps=2)
    gan.finite.add(2, "generator", {"gradient": torch.tensor(torch.nan)})
    with pytest.raises(TrainingError, match="iteration 3: the generator's gradient"):
        trainer.save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    assert not (tmp_path / "a.ckpt").exists()


class Steep(NonSaturating):
    """A loss of G's with large gradients."""

    def generator(self, fake: Tensor, real: Tensor | None) -> Tensor:
        return 1e4 * super().generator(fake, real)


def test_weights_that_an_update_has_made_infinite_are_not_saved_either(tmp_path):
    keep, explode = KeepCheckpoints(1), partial(torch.optim.SGD, lr=3e38)
    gan = tiny_gan(generator_optimization=Optimization(explode), objective=Steep())
    message = r"generator\S+ is not finite after iteration 1\."
    with pytest.raises(TrainingError, match=message):
        fit(gan, callbacks=[keep], enable_checkpointing=True, default_root_dir=tmp_path)
    assert torch.load(keep.last, weights_only=True)["global_step"] == 0


def test_a_bad_image_is_named_with_its_iteration_and_everything_before_it_is_saved(tmp_path):
    images = torch.rand(32, *SHAPE) * 2 - 1
    images[26, 0, 2, 1] = torch.inf
    loader = DataLoader(TensorDataset(images, torch.zeros(32).long()), batch_size=8)
    keep = KeepCheckpoints(100)
    with pytest.raises(TrainingError) as caught:
        fit(tiny_gan(), loader, callbacks=[keep], enable_checkpointing=True, default_root_dir=tmp_path)
    assert str(caught.value).startswith("iteration 4: image 2 of the batch, counted from 0, has pixels that are not")
    assert str(caught.value).endswith(f"repair or remove it. The last good state, of iteration 3, is {keep.last}")
    assert torch.load(keep.last, weights_only=True)["global_step"] == 3


def test_moving_statistics_that_overflow_are_trouble_at_once():
    options = {
        "generator_optimization": Optimization(partial(torch.optim.SGD, lr=1e30)),
        "generator": MLPGenerator(SHAPE, 3, [8, 8]),
    }
    with pytest.raises(TrainingError, match=r"in iteration [23]: the .* batch statistics .* not finite"):
        fit(tiny_gan(**options), max_steps=50, log_every_n_steps=50)


def test_the_first_of_several_troubles_is_named():
    checks = FiniteChecks()
    checks.add(7, "discriminator", {"objective": torch.tensor(1.0), "gradient": torch.tensor(2.0)})
    checks.add(7, "generator", {"objective": torch.tensor(torch.nan), "gradient": torch.tensor(2.0)})
    checks.add(8, "discriminator", {"objective": torch.tensor(torch.nan), "gradient": torch.tensor(torch.nan)})
    with pytest.raises(
        TrainingError, match=r"iteration 8: the generator's objective is not .*objective nan, gradient 2"
    ):
        checks.check()
    checks.check()


def test_a_data_set_that_does_not_give_bytes_is_refused():
    class Floats(Blobs):
        def load(self):
            return torch.utils.data.TensorDataset(torch.rand(48, *SHAPE), torch.zeros(48).long())

    with pytest.raises(UserError, match=r"returns images as torch\.float32; it must return bytes"):
        fit(tiny_gan(), Floats())


# ---- limits on gradients ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("player", ["generator", "discriminator"])
def test_a_limit_scales_a_players_gradient_down_to_it_and_leaves_the_other_alone(player):
    other = {"generator": "discriminator", "discriminator": "generator"}[player]
    free = {"generator_optimization": Optimization(SGD), "discriminator_optimization": Optimization(SGD)}
    limits = {f"{player}_optimization": Optimization(SGD, gradient_clip=0.01)}
    assert moved(tiny_gan(**free), player) > 0.0011
    assert moved(tiny_gan(**free | limits), player) == pytest.approx(0.1 * 0.01, rel=1e-4)
    if other == "discriminator":  # D moves first, so that G's limit cannot touch it
        assert moved(tiny_gan(**free | limits), other) == moved(tiny_gan(**free), other)
    high = {f"{player}_optimization": Optimization(SGD, gradient_clip=1e6)}
    assert moved(tiny_gan(**free | high), player) == pytest.approx(moved(tiny_gan(**free), player), rel=1e-6)
