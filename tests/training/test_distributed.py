"""Several processes learn what one would from all their batches together."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.processes import together
from helpers.tiny import SHAPE, Blobs, Slopes, fit, half
from helpers.variants import VARIANTS, play
from lightning.pytorch import Callback
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from gan_lightning import GAN
from gan_lightning.callbacks import KeepCheckpoints, SampleGrid
from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import TRAINING, mix
from gan_lightning.networks.batch_norm import SharedBatchNorm, share_batch_norm
from gan_lightning.runs.metrics_csv import MetricsTable, rows
from gan_lightning.training.alternating import AlternatingModule

TWO: dict[str, Any] = {"devices": 2, "strategy": "ddp"}
EXACT: dict[str, Any] = {"precision": "64-true"}

pytestmark = pytest.mark.usefixtures("one_thread")  # as the processes have that are started here


class Twin(AlternatingModule):
    """One process that takes the batches and the noise of two; it is mixed with the model that it plays."""

    def training_step(self, batch: Any, batch_idx: int) -> None:
        self.streams = [
            torch.Generator().manual_seed(mix(self.seed, TRAINING, self.iteration, process)) for process in range(2)
        ]
        super().training_step(batch, batch_idx)

    def minibatches(self, batch):
        game: Any = super()
        halves = [list(game.minibatches(half)) for half in zip(*(t.chunk(2) for t in batch), strict=True)]
        return [(torch.cat([x, u]), torch.cat([y, v])) for (x, y), (u, v) in zip(*halves, strict=True)]

    def split(self, minibatch: Any, update: Any) -> Any:
        split = [
            [half.tensor_split(update.microbatches) for half in whole.chunk(2)]  # each process splits its own half
            for whole in minibatch
        ]
        return zip(*([torch.cat(pair) for pair in zip(*halves, strict=True)] for halves in split), strict=True)

    def normal(self, *shape: int) -> Tensor:
        half: Any = (shape[0] // 2, *shape[1:])
        return torch.cat([torch.randn(half, generator=stream, dtype=torch.float64) for stream in self.streams])

    def uniform(self, *shape: int) -> Tensor:
        half: Any = (shape[0] // 2, *shape[1:])
        return torch.cat([torch.rand(half, generator=stream, dtype=torch.float64) for stream in self.streams])


def as_twin(model: AlternatingModule) -> None:
    model.__class__ = type("Twin", (Twin, type(model)), {})


def slopes_of(name: str, twin: bool = False) -> list[Tensor]:
    gan, slopes = play(name), Slopes()
    if twin:
        as_twin(gan)
    fit(gan, Blobs(batch_size=16 if twin else 8), callbacks=[slopes], max_steps=3, **EXACT, **({} if twin else TWO))
    return slopes.seen


def in_two_processes() -> dict[str, list[Tensor]]:
    return {name: slopes_of(name) for name in VARIANTS}


@pytest.fixture(scope="module")
def of_two() -> list[dict[str, list[Tensor]]]:
    return together(in_two_processes)


@pytest.mark.parametrize("name", VARIANTS)
def test_the_gradients_of_two_processes_are_those_of_one_with_the_doubled_batch(name, of_two):
    ones = slopes_of(name, twin=True)
    for twos in (of_two[0][name], of_two[1][name]):
        assert len(twos) == len(ones) >= 3
        for one, two in zip(ones, twos, strict=True):
            assert (one - two).norm() <= 1e-9 * one.norm()


# ---- batch normalisation ------------------------------------------------------------------------------------------


def normalised(x: Tensor, synchronise: bool) -> tuple[Tensor, ...]:
    """Output, gradient, gradient of a gradient penalty, and running statistics of a layer between two others."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3, momentum=0.3), nn.Tanh(), nn.Conv2d(3, 1, 1)).double()
    if synchronise:
        share_batch_norm(net)
        assert isinstance(net[1], SharedBatchNorm)
    x = x.clone().requires_grad_()
    y = net(x)
    (slope,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope.square().sum(), x)
    return y.detach(), slope.detach(), curvature, net[1].running_mean.clone(), net[1].running_var.clone()  # type: ignore[union-attr]


def half_normalised(x: Tensor) -> tuple[Tensor, ...]:
    torch.distributed.init_process_group("gloo")
    return normalised(x.chunk(2)[torch.distributed.get_rank()], synchronise=True)


def test_batch_statistics_are_those_of_all_processes_up_to_second_derivatives():
    x = torch.randn(6, 2, 4, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    *whole, mean, variance = normalised(x, synchronise=False)
    halves = together(half_normalised, x)
    for i, tensor in enumerate(whole):
        assert torch.allclose(torch.cat([part[i] for part in halves]), tensor, rtol=1e-9, atol=1e-12)
    for part in halves:
        assert torch.allclose(part[3], mean, rtol=1e-9)
        assert torch.allclose(part[4], variance, rtol=1e-9)


def test_alone_a_shared_normalisation_is_an_ordinary_one():
    x = torch.randn(6, 2, 4, 4, dtype=torch.float64)
    for a, b in zip(normalised(x, True), normalised(x, False), strict=True):
        assert torch.equal(a, b)


# ---- who sees and writes what -------------------------------------------------------------------------------------


class Drawn(Callback):
    """The images and the latents of every iteration."""

    def on_train_start(self, trainer, pl_module) -> None:
        assert isinstance(pl_module, GAN)
        self.labels, self.latents = [], []
        pl_module.generator.register_forward_pre_hook(lambda _, inputs: self.latents.append(inputs[0].clone()))

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
        self.labels.append(batch[1])


def an_epoch(folder: Path) -> tuple[list[int], Tensor]:
    drawn, table = Drawn(), MetricsTable(folder)
    watchers = [drawn, SampleGrid(2, 2, 2), KeepCheckpoints(2)]
    options = {"enable_checkpointing": True, "logger": [table, CSVLogger(folder, "csv")], "log_every_n_steps": 1}
    fit(play("two steps"), Blobs(batch_size=8), callbacks=watchers, max_steps=3, **TWO, **options)
    return torch.cat(drawn.labels).tolist(), torch.cat(drawn.latents)


def test_two_processes_share_out_the_images_draw_their_own_noise_and_write_once(tmp_path):
    (images, noise), (others, other_noise) = together(an_epoch, tmp_path)
    assert sorted(images + others) == list(range(48)), "each image once"
    assert not (noise == other_noise).any()
    assert [row["step"] for row in rows(tmp_path / "metrics.csv")] == ["1", "2", "3"]
    assert sorted(p.name for p in (tmp_path / "grids").iterdir()) == [f"step-000000{i}.png" for i in (0, 2, 3)]
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def logged_losses(twin: bool) -> list[float]:
    class Kept(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            losses.append(float(trainer.callback_metrics["loss/discriminator"]))

    losses: list[float] = []
    gan = play("objective=NonSaturating")
    if twin:
        as_twin(gan)
    size = {"batch_size": 16} if twin else {"batch_size": 8}
    options = EXACT | ({} if twin else TWO)
    fit(gan, Blobs(**size), callbacks=[Kept()], log_every_n_steps=1, max_steps=3, **options)
    return losses


def test_logged_numbers_are_means_over_all_processes():
    for losses in together(logged_losses, False):
        assert losses == pytest.approx(logged_losses(True), rel=1e-6)


# ---- trouble on one process ---------------------------------------------------------------------------------------


def bad_images_on_one(kind: str) -> str:
    """Trains on float images of which one is bad, on the second process only."""
    rank = int(os.environ["RANK"])
    images = torch.rand(32, *SHAPE) * 2 - 1
    if rank == 1:
        images[{"late": 13, "first": 2}[kind], 0, 1, 1] = torch.nan
    loader = DataLoader(TensorDataset(images, torch.zeros(32).long()), batch_size=8)
    try:
        fit(play("two steps"), loader, use_distributed_sampler=False, **TWO)
    except UserError as error:
        return str(error)
    return "no error"


def both_bad_images_on_one() -> dict[str, str]:
    return {kind: bad_images_on_one(kind) for kind in ("first", "late")}


def test_a_bad_image_on_one_process_stops_both_with_the_same_words():
    one, other = together(both_bad_images_on_one)
    assert one == other
    for kind, iteration, image in (("first", 1, 2), ("late", 2, 5)):
        place = f"process 1: iteration {iteration}: image {image} of the batch, counted from 0"
        assert one[kind].startswith(f"{place}, has pixels that are not finite")


class BreaksOne(Callback):
    """Makes a weight infinite, on the second process only."""

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx) -> None:
        if trainer.global_step == 2 and trainer.global_rank == 1:
            next(pl_module.parameters()).data.view(-1)[0] = torch.inf


def infinite_on_one() -> list[str]:
    return [infinite_at(precision) for precision in ("32-true", "bf16-mixed")]


def infinite_at(precision: str) -> str:
    try:
        fit(play("two steps"), callbacks=[BreaksOne()], log_every_n_steps=50, precision=precision, **TWO)
    except UserError as error:
        return str(error)
    return "no error"


def test_a_gradient_that_is_not_finite_on_one_process_stops_both_with_the_same_words():
    one, other = together(infinite_on_one)
    assert one == other
    assert len(one) == 2
    for words in one:
        assert words.startswith(
            "training stopped in iteration 3: the discriminator's objective, gradient and batch statistics"
        )


def overflow_on_both() -> tuple[float, dict[str, Tensor]]:
    gan = play("two steps")
    trainer = fit(gan, max_steps=30, **half(scale=2.0**40), **TWO)
    scaler: Any = trainer.precision_plugin
    return scaler.scaler.get_scale(), gan.state_dict()


def test_two_processes_skip_the_same_steps_when_gradients_overflow():
    (scale, one), (other_scale, other) = together(overflow_on_both)
    assert scale == other_scale < 2.0**30
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert all(tensor.isfinite().all() for tensor in one.values())


def full_disk_on_the_first(folder: Path) -> str:
    from gan_lightning.core import checkpoint_files

    def full(content, file):
        file.write(b"half of it")
        raise OSError(28, os.strerror(28))

    keep = KeepCheckpoints(2)

    class Fills(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            if trainer.global_step == 3 and trainer.is_global_zero:
                checkpoint_files.torch.save = full

    try:
        fit(play("two steps"), callbacks=[Fills(), keep], default_root_dir=folder, enable_checkpointing=True, **TWO)
    except UserError as error:
        return str(error)
    return "no error"


def test_a_full_disk_stops_all_processes_with_the_same_words_and_keeps_the_checkpoint(tmp_path):
    one, other = together(full_disk_on_the_first, tmp_path)
    assert one == other
    assert "No space left on device" in one
    assert "the previous checkpoints are kept" in one
    assert torch.load(tmp_path / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 2
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def unequal_start(checkpoint: Path) -> str:
    path = checkpoint if os.environ["RANK"] == "0" else None
    try:
        fit(play("two steps"), max_steps=9, ckpt_path=path, **TWO)
    except UserError as error:
        return str(error)
    return "no error"


def test_processes_that_start_from_different_iterations_are_told(tmp_path):
    fit(play("two steps"), max_steps=3).save_checkpoint(tmp_path / "a.ckpt", weights_only=False)
    for message in together(unequal_start, tmp_path / "a.ckpt"):
        assert message.startswith("the processes start at iterations 3, 0: put the checkpoint where all")


# ---- refusals -----------------------------------------------------------------------------------------------------


REFUSED: list[tuple[dict[str, Any], str]] = [
    (
        {"gradient_clip_val": 0.5},
        "set model.generator_optimization.gradient_clip and model.discriminator_optimization.gradient_clip instead",
    ),
    ({"accumulate_grad_batches": 2}, "set model.generator_optimization.accumulation and"),
    ({"precision": "16-true"}, "trainer.precision is 16-true"),
    ({"precision": "bf16-true"}, "trainer.precision is bf16-true"),
    ({"sync_batchnorm": True, **TWO}, "sync_batchnorm is not needed"),
    ({"strategy": "ddp", "devices": 1, "static_graph": True}, "static_graph=True"),
    ({"strategy": "fsdp", "devices": 1}, "FSDPStrategy"),
]


def all_refused() -> list[str]:
    return [refused({**options}) for options, _ in REFUSED]


def test_options_that_suit_one_optimizer_only_are_refused_by_name():
    (words,) = together(all_refused, processes=1)
    for said, (_, message) in zip(words, REFUSED, strict=True):
        assert message in said


def refused(options: dict[str, Any]) -> str:
    from lightning.pytorch.strategies import DDPStrategy, FSDPStrategy

    if options.pop("static_graph", False):
        options["strategy"] = DDPStrategy(static_graph=True, process_group_backend="gloo")
    if options.get("strategy") == "fsdp":
        from gan_lightning.training.supported import check_trainer

        class Stub:
            gradient_clip_val, accumulate_grad_batches, precision, strategy = None, 1, "32-true", FSDPStrategy()

        check: Any = check_trainer
        try:
            check(Stub)
        except UserError as error:
            return str(error)
    if options.get("devices") == 2:
        options["devices"] = 1
    try:
        fit(play("two steps"), **options)
    except UserError as error:
        return str(error)
    return "no error"
