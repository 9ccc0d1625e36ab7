"""The picture of the plane, and samples as points."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.tiny import POINT, Blobs, fit, ring, same, tiny_gan, toy_gan, weights
from lightning.pytorch import Trainer
from lightning.pytorch.loggers import TensorBoardLogger
from PIL import Image
from torch import Tensor
from torch.nn.functional import normalize

from gan_lightning import GAN
from gan_lightning.callbacks import PlanePicture, PointWriter
from gan_lightning.callbacks.plane_picture import COLOURS, Opinion, lattice
from gan_lightning.core.errors import UserError
from gan_lightning.data import Grid, Plane
from gan_lightning.models.sampling import seed_loader
from gan_lightning.networks import Discriminator, DiscriminatorOutput

pytestmark = pytest.mark.filterwarnings("ignore:.*does not have many workers")


def watched(folder: Path, gan: GAN | None = None, every: int = 3, **options: Any) -> GAN:
    gan = gan or toy_gan()
    fit(gan, ring(), callbacks=[PlanePicture(every, samples=20)], default_root_dir=folder, **options)
    return gan


# ---- the picture --------------------------------------------------------------------------------------------------


def test_planes_are_drawn_at_multiples_of_the_interval_and_at_both_ends_and_make_an_animation(tmp_path):
    watched(tmp_path, max_steps=7)
    assert sorted(p.name for p in (tmp_path / "grids").iterdir()) == [f"step-000000{i}.png" for i in (0, 3, 6, 7)]
    with Image.open(tmp_path / "training.gif") as animation:
        assert animation.n_frames == 4  # type: ignore[attr-defined]


def test_the_plane_is_shown_in_tensorboard(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    watched(tmp_path, logger=TensorBoardLogger(tmp_path, name="runs", version=4))
    events = EventAccumulator(str(tmp_path / "runs" / "version_4"))
    events.Reload()
    assert [e.step for e in events.Images("samples")] == [0, 3, 6]


@pytest.mark.parametrize("options", [{}, {"packing": 2}, {"classes": 8}, {"spectral_norm": True}], ids=str)
def test_watching_changes_neither_weights_nor_the_global_stream(options, tmp_path):
    alone = toy_gan(**options)
    fit(alone, ring())
    before = weights(alone)
    stream = torch.get_rng_state()
    seen = watched(tmp_path, toy_gan(**options), every=1)
    assert same(weights(seen), before)
    assert torch.equal(torch.get_rng_state(), stream)


def test_the_animation_keeps_the_colours_of_its_frames(tmp_path):
    watched(tmp_path)
    with Image.open(tmp_path / "grids" / "step-0000006.png") as picture, Image.open(tmp_path / "training.gif") as gif:
        gif.seek(gif.n_frames - 1)  # type: ignore[attr-defined]
        still, moving = (np.asarray(image.convert("RGB")).astype(int) for image in (picture, gif))
    off = np.abs(still - moving).max(2)
    assert (off <= 12).mean() > 0.99, "of 255, in all but a hundredth of the pixels"


def test_only_points_have_a_plane(tmp_path):
    with pytest.raises(UserError, match="PlanePicture draws points, not Blobs: use SampleGrid"):
        fit(tiny_gan(), Blobs(), callbacks=[PlanePicture()], default_root_dir=tmp_path)


def test_an_interval_below_zero_is_refused():
    with pytest.raises(UserError, match=r"grid\.every_n_steps is -1"):
        PlanePicture(-1)


def test_the_middle_colour_means_that_the_discriminator_cannot_tell():
    assert COLOURS.N % 2 == 1
    assert min(COLOURS(0.5)) > 0.95


# ---- what D thinks ------------------------------------------------------------------------------------------------


class Hill(Discriminator):
    """-|x - a|^2, and for packs the sum over members: a hill with its top at a, whose slope is 2 (a - x)."""

    def __init__(self, top: tuple[float, float] = (0.5, -0.25), packing: int = 1) -> None:
        super().__init__()
        self.image_shape, self.packing, self.top = POINT, packing, torch.tensor(top)

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return DiscriminatorOutput(-(x.view(len(x), self.packing, 2) - self.top).square().sum((1, 2)))


def test_the_lattice_covers_the_plane_row_by_row():
    assert lattice(2, torch.zeros(1)).flatten(1).tolist() == [[-0.5, -0.5], [0.5, -0.5], [-0.5, 0.5], [0.5, 0.5]]


def test_arrows_point_where_the_logit_rises():
    x = lattice(6, torch.zeros(1))
    slopes = Opinion(Hill(), x).slopes(x)
    assert torch.allclose(normalize(slopes), normalize(torch.tensor([0.5, -0.25]) - x.flatten(1)), atol=1e-5)


def test_a_discriminator_of_packs_is_asked_for_each_place_among_real_points():
    x, real = lattice(4, torch.zeros(1)), torch.randn(50, 2, 1, 1)
    one, three = Opinion(Hill(), real), Opinion(Hill(packing=3), real)
    assert torch.allclose(three(x) - three(x)[0], one(x) - one(x)[0], atol=1e-4), "the same but for a constant"


def test_a_discriminator_of_classes_shows_the_class_that_it_likes_best():
    class Tops(Hill):
        classes = 2

        def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
            assert y is not None
            return DiscriminatorOutput(-(x.flatten(1) - torch.stack([self.top, -self.top])[y]).square().sum(1))

    tops = torch.tensor([[0.5, -0.25], [-0.5, 0.25]])[:, :, None, None]
    assert Opinion(Tops(), tops)(tops).tolist() == [0, 0]


# ---- predictions --------------------------------------------------------------------------------------------------


def predict(gan: GAN, folder: Path, seeds: range, plane: Plane, batch_size: int = 3, **options: Any) -> None:
    writer = PointWriter(seeds, plane, folder, **options)
    trainer = Trainer(logger=False, enable_progress_bar=False, accelerator="cpu", callbacks=[writer])
    trainer.predict(gan, seed_loader(seeds[0], len(seeds), batch_size), return_predictions=False)


def test_samples_of_points_are_a_table_in_the_users_units_and_a_picture(tmp_path):
    plane = Plane((100.0, -3.0), (50.0, 0.5), ("width", "height"))
    gan = toy_gan()
    predict(gan, tmp_path / "new", range(8, 12), plane)
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["points.csv", "points.png"]
    rows = [*csv.DictReader((tmp_path / "new" / "points.csv").read_text().splitlines())]
    assert [row["seed"] for row in rows] == ["8", "9", "10", "11"]
    expected = plane.points(gan.sample(range(8, 12)))
    assert [[float(row["width"]), float(row["height"])] for row in rows] == [
        pytest.approx(point, rel=1e-6) for point in expected.tolist()
    ]


def test_points_of_classes_have_their_class_in_the_table(tmp_path):
    gan = toy_gan(classes=8)
    writer = PointWriter(range(2), Plane(), tmp_path, npz=True, labels=[5, 3])
    trainer = Trainer(logger=False, enable_progress_bar=False, accelerator="cpu", callbacks=[writer])
    trainer.predict(gan, seed_loader(0, 2, 3, [5, 3]), return_predictions=False)
    header, *rows = (tmp_path / "points.csv").read_text().splitlines()
    assert header == "seed,label,x,y"
    assert [row.split(",")[:2] for row in rows] == [["0", "5"], ["1", "5"], ["0", "3"], ["1", "3"]]
    archive = np.load(tmp_path / "samples.npz")
    assert archive["labels"].tolist() == [5, 5, 3, 3]
    assert archive["points"] == pytest.approx(gan.sample([0, 1, 0, 1], [5, 5, 3, 3]).flatten(1).numpy(), abs=1e-5)


def test_the_table_does_not_depend_on_the_batch_size(tmp_path):
    for size in (1, 5):
        predict(toy_gan(), tmp_path / str(size), range(7), Grid().plane, size)
    assert (tmp_path / "1" / "points.csv").read_bytes() == (tmp_path / "5" / "points.csv").read_bytes()


def test_the_archive_holds_the_same_points_as_the_table(tmp_path):
    predict(toy_gan(), tmp_path, range(5), Plane(), npz=True)
    archive = np.load(tmp_path / "samples.npz")
    table = np.loadtxt(tmp_path / "points.csv", delimiter=",", skiprows=1)
    assert archive["seeds"].tolist() == table[:, 0].tolist()
    assert archive["points"] == pytest.approx(table[:, 1:])


def test_a_folder_of_points_that_holds_files_is_not_overwritten_in_silence(tmp_path):
    (tmp_path / "thesis.txt").write_text("dear to me")
    with pytest.raises(UserError, match="holds 1 files already"):
        predict(toy_gan(), tmp_path, range(2), Plane())
    assert (tmp_path / "thesis.txt").read_text() == "dear to me"
