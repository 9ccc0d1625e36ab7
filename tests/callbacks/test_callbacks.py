"""What the watchers write."""

import csv
import signal
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from helpers.tiny import fit, tiny_gan
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from gan_lightning import GAN
from gan_lightning.callbacks import KeepCheckpoints, LossCurves, Progress, RunSummary, SampleGrid, SampleWriter
from gan_lightning.callbacks.checkpoint import also_named
from gan_lightning.callbacks.run_summary import networks_in_words
from gan_lightning.core.errors import TrainingError, UserError
from gan_lightning.core.images import READABLE, picture, pixels_of, tile, to_uint8
from gan_lightning.models.sampling import seed_loader
from gan_lightning.penalties import R1
from gan_lightning.runs.signals import Stopped
from gan_lightning.training.optimization import Optimization
from gan_lightning.training.schedules import Cosine, Linear


def shown(path: Path, columns: int, rows: int) -> np.ndarray:
    """A grid of 4x4 images as it was before it was enlarged."""
    pixels = np.asarray(Image.open(path))
    factor = pixels.shape[1] // (columns * 5 - 1)
    assert pixels.shape == ((rows * 5 - 1) * factor, (columns * 5 - 1) * factor)
    return pixels[::factor, ::factor]


# ---- the grid -----------------------------------------------------------------------------------------------------


def test_grids_are_drawn_at_multiples_of_the_interval_and_at_both_ends(tmp_path):
    fit(tiny_gan(), max_steps=7, callbacks=[SampleGrid(3, 2, 3)], default_root_dir=tmp_path)
    names = sorted(p.name for p in (tmp_path / "grids").iterdir())
    assert names == [f"step-000000{i}.png" for i in (0, 3, 6, 7)]
    with Image.open(tmp_path / "training.gif") as animation:
        assert animation.n_frames == 4  # type: ignore[attr-defined]


def test_an_interval_of_zero_draws_both_ends_only(tmp_path):
    fit(tiny_gan(), max_steps=7, callbacks=[SampleGrid(0)], default_root_dir=tmp_path)
    assert len(list((tmp_path / "grids").iterdir())) == 2


def test_the_grid_shows_what_sampling_the_same_seeds_gives_without_borders(tmp_path):
    gan = tiny_gan()
    fit(gan, max_steps=2, callbacks=[SampleGrid(2, rows=2, columns=3, first_seed=10)], default_root_dir=tmp_path)
    expected = tile(to_uint8(gan.sample(range(10, 16))), columns=3)[:, :, 0]
    assert (shown(tmp_path / "grids" / "step-0000002.png", columns=3, rows=2) == expected).all()


@pytest.mark.parametrize("kind", [CSVLogger, TensorBoardLogger])
def test_the_grid_lies_in_the_loggers_folder(kind, tmp_path):
    logger = kind(tmp_path, name="runs", version=4)
    fit(tiny_gan(), callbacks=[SampleGrid(2, 2, 2)], logger=logger)
    assert (tmp_path / "runs" / "version_4" / "grids" / "step-0000006.png").exists()
    if kind is TensorBoardLogger:
        events = EventAccumulator(str(tmp_path / "runs" / "version_4"))
        events.Reload()
        assert [e.step for e in events.Images("samples")] == [0, 2, 4, 6]


@pytest.mark.parametrize("options", [{"every_n_steps": -1}, {"rows": 0}, {"columns": 0}, {"first_seed": -1}])
def test_a_grid_that_cannot_be_drawn_is_refused(options):
    with pytest.raises(UserError, match=f"grid.{next(iter(options))} is"):
        SampleGrid(**options)


def test_the_animation_of_a_resumed_run_begins_at_its_beginning(tmp_path):
    def train(steps, ckpt_path=None):
        callbacks = [SampleGrid(2, 2, 2), KeepCheckpoints(0), LossCurves()]
        options = {"enable_checkpointing": True, "default_root_dir": tmp_path, "ckpt_path": ckpt_path}
        fit(tiny_gan(), max_steps=steps, callbacks=callbacks, **options)
        return callbacks

    train(4)
    grid, _, curves = train(8, tmp_path / "checkpoints" / "last.ckpt")
    assert grid.steps == [0, 2, 4, 6, 8]  # type: ignore[union-attr]
    assert curves.curves["step"] == [2, 4, 6, 8]  # type: ignore[union-attr]
    with Image.open(tmp_path / "training.gif") as animation:
        assert animation.n_frames == 5  # type: ignore[attr-defined]


@pytest.mark.parametrize("content", [None, b"", b"cut off"])
def test_a_run_whose_last_grid_was_lost_draws_it_again_when_it_is_resumed(content, tmp_path):
    def train(steps, ckpt_path=None):
        options = {"enable_checkpointing": True, "default_root_dir": tmp_path, "ckpt_path": ckpt_path}
        fit(tiny_gan(), max_steps=steps, callbacks=[SampleGrid(2, 2, 2), KeepCheckpoints(0)], **options)

    train(4)
    grid = tmp_path / "grids" / "step-0000004.png"
    before = grid.read_bytes()
    grid.unlink() if content is None else grid.write_bytes(content)
    train(6, tmp_path / "checkpoints" / "last.ckpt")
    assert grid.read_bytes() == before


def test_a_damaged_grid_is_left_out_of_the_film_and_training_ends_well(tmp_path):
    class Damage(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            (tmp_path / "grids" / "step-0000002.png").write_bytes(b"")

    callbacks = [Damage(), SampleGrid(2, 2, 2)]
    with pytest.warns(UserWarning, match=r"leaves out 1 of 4 pictures, .* first of them .*step-0000002.png"):
        fit(tiny_gan(), max_steps=5, callbacks=[*callbacks[::-1]], default_root_dir=tmp_path)
    with Image.open(tmp_path / "training.gif") as animation:
        assert animation.n_frames == 3  # type: ignore[attr-defined]


# ---- pictures -----------------------------------------------------------------------------------------------------


def test_tiles_stand_in_rows_with_a_black_line_between_them_and_none_around():
    images = np.arange(1, 6, dtype=np.uint8)[:, None, None, None].repeat(2, 1).repeat(3, 2)
    assert tile(images, columns=3)[:, :, 0].tolist() == [
        [1, 1, 1, 0, 2, 2, 2, 0, 3, 3, 3],
        [1, 1, 1, 0, 2, 2, 2, 0, 3, 3, 3],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [4, 4, 4, 0, 5, 5, 5, 0, 0, 0, 0],
        [4, 4, 4, 0, 5, 5, 5, 0, 0, 0, 0],
    ]


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
def test_a_picture_loses_no_pixel_whatever_the_channels(channels):
    pixels = np.arange(2 * 3 * channels, dtype=np.uint8).reshape(2, 3, channels)
    assert (pixels_of(picture(pixels), channels) == pixels).all()


def test_one_channel_is_saved_grey_and_small_pictures_are_enlarged(tmp_path):
    fit(tiny_gan(), max_steps=1, callbacks=[SampleGrid(0, 2, 2)], default_root_dir=tmp_path)
    with Image.open(tmp_path / "grids" / "step-0000001.png") as image:
        assert image.mode == "L"
        assert image.width >= READABLE / 2


# ---- curves, checkpoints, progress --------------------------------------------------------------------------------


def test_the_logs_hold_both_losses_and_what_the_discriminator_thinks(tmp_path):
    fit(tiny_gan(), callbacks=[LossCurves()], logger=CSVLogger(tmp_path, name="", version=""))
    rows = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))
    assert [float(row["step"]) for row in rows] == [2, 4, 6]
    assert rows[0].keys() == {"step", "loss/discriminator", "loss/generator", "D/real", "D/fake", "D/accuracy"}
    assert all(0 <= float(row[key]) <= 1 for row in rows for key in ("D/real", "D/fake", "D/accuracy"))
    with Image.open(tmp_path / "losses.png") as picture:
        assert picture.width > 600


def test_curves_stand_beside_the_levels_of_the_model_and_a_single_value_is_a_point(tmp_path):
    gan, curves = tiny_gan(), LossCurves()
    gan.levels = {"loss": {"chance": 1.5}}
    fit(gan, max_steps=2, callbacks=[curves], default_root_dir=tmp_path)
    losses, outputs = curves.figure().axes
    drawn = {str(line.get_label()): line for line in losses.get_lines()}
    assert {*map(float, drawn["chance"].get_ydata())} == {1.5}  # type: ignore[arg-type]
    assert drawn["chance"].get_linestyle() == "--"
    assert "chance" not in {line.get_label() for line in outputs.get_lines()}
    assert drawn["generator"].get_marker() == "o"
    assert len(drawn["generator"].get_ydata()) == 1  # type: ignore[arg-type]


def test_the_last_checkpoint_is_written_at_the_interval_and_at_the_end(tmp_path):
    steps = []

    class Spy(KeepCheckpoints):
        def save(self, trainer, path):
            super().save(trainer, path)
            steps.append(trainer.global_step)

    fit(tiny_gan(), max_steps=7, callbacks=[Spy(3)], enable_checkpointing=True, default_root_dir=tmp_path)
    assert steps == [0, 3, 6, 7]
    assert sorted(p.name for p in (tmp_path / "checkpoints").iterdir()) == ["best.ckpt", "last.ckpt"]


def test_a_second_name_leaves_nothing_else_behind(tmp_path):
    (tmp_path / "last").write_text("new")
    for _ in range(2):  # a rename of one name of a file to another of the same file does nothing
        also_named(tmp_path / "last", tmp_path / "best")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["best", "last"]
    assert (tmp_path / "best").read_text() == "new"


@pytest.mark.parametrize("fails", [False, True])
def test_signals_mean_after_training_what_they_meant_before(fails, tmp_path):
    class Fails(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
            if fails:
                raise KeyError

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in numbers]
    options = {"enable_checkpointing": True, "default_root_dir": tmp_path}
    with pytest.raises(KeyError) if fails else nullcontext():
        fit(tiny_gan(), callbacks=[Fails(), KeepCheckpoints()], **options)
    assert [signal.getsignal(number) for number in numbers] == before


def test_a_number_that_nobody_logs_cannot_choose_the_best_checkpoint(tmp_path):
    options = {"enable_checkpointing": True, "default_root_dir": tmp_path}
    with pytest.raises(
        UserError, match=r"checkpoint.monitor is fid, which is not logged; there are D/accuracy, D/fake"
    ):
        fit(tiny_gan(), callbacks=[KeepCheckpoints(2, monitor="fid")], **options)


@pytest.mark.parametrize(("limits", "total"), [({"max_steps": 9}, 9), ({"max_steps": -1, "max_epochs": 2}, 12)])
def test_the_bar_says_how_far_training_is_and_what_the_players_think(limits, total, capsys):
    fit(tiny_gan(), callbacks=[Progress(seconds=0)], enable_progress_bar=True, **limits)
    lines = capsys.readouterr().err.strip().splitlines()
    assert f"{total}/{total}" in lines[-1]
    for word in ("epoch 2", "loss D", "loss G", "D(x)", "D(G(z))", "accuracy", "it/s"):
        assert word in lines[-1], word


def test_the_announcement_names_players_data_and_length(capsys):
    fit(tiny_gan(), callbacks=[RunSummary()])
    text = capsys.readouterr().out
    for word in ("MLPGenerator (", "MLPDiscriminator (", "Blobs: 48 images", "6 iterations in all", "1 x cpu"):
        assert word in text, word


def test_the_announcement_names_equal_networks_once():
    networks = [nn.Linear(2, 1), nn.Linear(2, 1), nn.Linear(3, 1), nn.Conv2d(1, 1, 1)]
    assert networks_in_words(networks) == [
        "2 x Linear (3 parameters each)",
        "Linear (4 parameters)",
        "Conv2d (2 parameters)",
    ]


def test_schedules_that_do_not_end_with_the_training_are_named(capsys):
    fall = partial(torch.optim.lr_scheduler.PolynomialLR, total_iters=20)
    first, second = (
        tiny_gan(
            penalties=[R1()],
            generator_optimization=Optimization(scheduler=fall),
            schedules={"penalties.R1.weight": Linear(iterations=n), "average_decay": Cosine(images=8 * n)},
        )
        for n in (9, 20)
    )
    fit(first, max_steps=6, callbacks=[RunSummary()])
    named = "model.generator_optimization.scheduler.total_iters 20, model.schedules.penalties.R1.weight.iterations 9"
    named += ", model.schedules.average_decay.images 72"
    assert f"planned for another length than these 6 iterations: {named}\n" in capsys.readouterr().out
    fit(second, max_steps=20, callbacks=[RunSummary()])
    assert "another length" not in capsys.readouterr().out


@pytest.mark.parametrize("end", [TrainingError("no more"), Stopped(130)])
def test_a_training_that_fails_or_is_stopped_has_its_curves_and_animation(end, tmp_path):
    class End(Callback):
        def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx) -> None:
            if trainer.global_step == 4:
                raise end

    watchers = [SampleGrid(2, 2, 3), LossCurves(), End()]
    with pytest.raises((TrainingError, SystemExit)):
        fit(tiny_gan(), max_steps=9, callbacks=watchers, log_every_n_steps=1, default_root_dir=tmp_path)
    assert {"losses.png", "training.gif"} <= {path.name for path in tmp_path.iterdir()}


# ---- predictions --------------------------------------------------------------------------------------------------


def predict(gan: GAN, folder: Path, seeds: range, **options) -> None:
    trainer = Trainer(
        logger=False,
        enable_progress_bar=False,
        accelerator="cpu",
        callbacks=[SampleWriter(seeds, folder, **options)],
    )
    trainer.predict(gan, seed_loader(seeds[0], len(seeds), 3), return_predictions=False)


pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers")


def test_samples_are_named_by_their_seed(tmp_path):
    predict(tiny_gan(), tmp_path / "new", range(8, 12))
    names = sorted(p.name for p in (tmp_path / "new").iterdir())
    assert names == ["0008.png", "0009.png", "0010.png", "0011.png", "grid.png"]


def test_the_archive_holds_the_same_images_as_the_files(tmp_path):
    gan = tiny_gan()
    predict(gan, tmp_path, range(5), npz=True)
    archive = np.load(tmp_path / "samples.npz")
    assert archive["seeds"].tolist() == [0, 1, 2, 3, 4]
    assert archive["images"].shape == (5, 4, 4, 1)
    assert archive["images"].dtype == np.uint8
    assert (np.asarray(Image.open(tmp_path / "0003.png")) == archive["images"][3, :, :, 0]).all()
    assert (np.abs(archive["images"].astype(int) - to_uint8(gan.sample(range(5)))) <= 1).all()


def test_a_folder_that_holds_files_is_not_overwritten_in_silence(tmp_path):
    (tmp_path / "thesis.txt").write_text("dear to me")
    with pytest.raises(UserError, match="holds 1 files already"):
        predict(tiny_gan(), tmp_path, range(2))
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]
    predict(tiny_gan(), tmp_path, range(2), overwrite=True)
    assert (tmp_path / "thesis.txt").read_text() == "dear to me"


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "samples").write_text("")
    with pytest.raises(UserError, match="is a file"):
        predict(tiny_gan(), tmp_path / "samples", range(2))
