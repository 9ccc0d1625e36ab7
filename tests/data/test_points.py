"""Points: two worlds, one's own files, and the way to the networks and back."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from helpers.processes import gan, start_two, status
from helpers.tiny import fit

from gan_lightning import GAN, cli
from gan_lightning.callbacks import KeepCheckpoints
from gan_lightning.core.checkpoint_files import read
from gan_lightning.core.errors import UserError
from gan_lightning.data import Grid, Plane, PointData, Points, Ring
from gan_lightning.networks import MLPDiscriminator, MLPGenerator


def toy_gan() -> GAN:
    torch.manual_seed(0)
    return GAN(MLPGenerator((2, 1, 1), 2, hidden=[8], batch_norm=False), MLPDiscriminator((2, 1, 1), hidden=[8]))


def written(path: Path, text: str) -> Points:
    path.write_text(text)
    return Points(str(path))


def loaded(data: PointData) -> tuple[torch.Tensor, torch.Tensor]:
    """All images and labels, as the networks get them."""
    data.setup("fit")
    assert data.source is not None
    return data.source[:]


# ---- the two worlds -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("world", "modes", "deviation"), [(Ring, 8, 0.01), (Grid, 25, 0.05)])
def test_a_world_is_an_even_mixture_of_round_gaussians_of_the_protocol(world, modes, deviation):
    points, labels = world().points()
    means = torch.stack([points[labels == k].mean(0) for k in range(modes)])
    assert torch.allclose(means, world().means, atol=5 * deviation / (len(points) / modes) ** 0.5)
    assert (points - world().means[labels]).std(0).tolist() == pytest.approx([deviation] * 2, rel=0.02)
    assert (labels.bincount() * modes / len(points)).tolist() == pytest.approx([1] * modes, abs=0.1)


def test_the_modes_of_the_ring_lie_on_the_unit_circle_and_those_of_the_grid_two_apart():
    assert Ring().means.norm(dim=1).tolist() == pytest.approx([1] * 8)
    assert sorted(map(tuple, Grid().means.tolist())) == [(x, y) for x in range(-4, 5, 2) for y in range(-4, 5, 2)]


def test_a_world_is_a_function_of_its_seed():
    (a, _), (b, _), (c, _) = (loaded(Ring(count=50, seed=seed)) for seed in (3, 3, 4))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_making_points_leaves_the_global_stream_alone():
    before = torch.get_rng_state()
    loaded(Grid(count=10))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_world_of_no_points_is_refused():
    with pytest.raises(UserError, match=r"data\.count is 0"):
        Ring(count=0)


# ---- the plane ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("world", [Ring, Grid])
def test_the_networks_see_points_within_one_and_the_way_back_loses_a_thousandth_of_a_deviation_at_most(world):
    data = world()
    images, _ = loaded(data)
    assert images.shape == (100_000, 2, 1, 1)
    assert images.dtype == torch.float32
    assert images.abs().max() < 0.95
    assert (data.plane.points(images) - data.points()[0]).abs().max() < data.deviation / 1000


def test_a_plane_is_as_exact_far_from_zero_and_stretches_each_axis_by_itself(tmp_path):
    points = np.random.default_rng(0).random((100, 2)) * [1e-3, 1e6] + [1e5, -1e7]
    np.save(tmp_path / "far.npy", points)
    data = Points(str(tmp_path / "far.npy"))
    images, _ = loaded(data)
    assert images.abs().amax((0, 2, 3)).tolist() == pytest.approx([0.8, 0.8])
    assert np.abs(data.plane.points(images).numpy() - points).max(0) == pytest.approx([0, 0], abs=0.1)
    assert np.abs(data.plane.points(images).numpy() - points).max(0)[0] < 1e-9


def test_points_in_a_line_have_a_plane_too(tmp_path):
    data = written(tmp_path / "line.csv", "1,5\n2,5\n3,5\n")
    images, _ = loaded(data)
    assert images.isfinite().all()
    assert torch.allclose(data.plane.points(images), torch.tensor([[1.0, 5.0], [2.0, 5.0], [3.0, 5.0]]).double())


# ---- files --------------------------------------------------------------------------------------------------------


def test_a_table_with_or_without_a_header_and_an_array_hold_the_same_points(tmp_path):
    plain = written(tmp_path / "plain.csv", "1,2\n-3.5,4e1\n\n")
    named = written(tmp_path / "named.csv", "\ufeffwidth, height\n1,2\n-3.5,40\n")
    np.save(tmp_path / "array.npy", np.array([[1, 2], [-3.5, 40]], dtype=np.float32))
    for data in (plain, named, Points(str(tmp_path / "array.npy"))):
        assert data.points()[0].tolist() == [[1, 2], [-3.5, 40]]
    assert named.plane.names == ("width", "height")
    assert plain.plane.names == ("x", "y")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1,2\n3\n", "line 2 of .* has 1 columns; data.path must have 2"),
        ("1,2,3\n", "line 1 of .* has 3 columns"),
        ("x,y\n1,2\n1,two\n", "line 3 of .* is 1,two; data.path must have two numbers"),
        ("1,2\nnan,3\n", "point 1 in .* is .nan, 3.0.; the coordinates in data.path must be finite"),
        ("x,y\n", "holds no points"),
    ],
)
def test_a_table_that_holds_no_points_is_refused_with_the_line(text, words, tmp_path):
    with pytest.raises(UserError, match=words):
        written(tmp_path / "a.csv", text).setup("fit")


@pytest.mark.parametrize(
    "array",
    [np.zeros(4), np.zeros((4, 3)), np.zeros((0, 2)), np.array([["a", "b"]]), np.array([[1j, 0]])],
    ids=lambda a: f"{a.dtype}{a.shape}",
)
def test_an_array_that_holds_no_points_is_refused(array, tmp_path):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match=r"data\.path must hold"):
        Points(str(tmp_path / "a.npy")).setup("fit")


def test_an_array_is_read_without_executing_what_is_in_it(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[print, 1]]), allow_pickle=True)
    with pytest.raises(UserError, match="cannot be read"):
        Points(str(tmp_path / "a.npy")).setup("fit")


@pytest.mark.parametrize(("name", "words"), [("a.csv", "not there"), ("a.txt", "must end in"), ("", "must end in")])
def test_a_path_that_is_no_file_of_points_is_refused(name, words, tmp_path):
    with pytest.raises(UserError, match=f"data.path is .*{words}"):
        Points(str(tmp_path / name))


# ---- training -----------------------------------------------------------------------------------------------------


def checkpoint_of(data: PointData, folder: Path) -> Path:
    train(data, folder)
    return folder / "checkpoints" / "last.ckpt"


def train(data: PointData, folder: Path, **options: Any) -> None:
    keep = {"callbacks": [KeepCheckpoints()], "enable_checkpointing": True, "default_root_dir": folder}
    fit(toy_gan(), data, **(keep | options))


@pytest.mark.parametrize("world", [Ring, Grid])
def test_the_game_plays_with_points_as_with_images_and_the_checkpoint_knows_the_plane(world, tmp_path):
    data = world(count=64, batch_size=8)
    assert Plane.in_checkpoint(read(checkpoint_of(data, tmp_path))) == data.plane


def test_a_checkpoint_of_images_has_no_plane():
    assert Plane.in_checkpoint({"state_dict": {}, "Digits": {"plane": 3}}) is None


def test_training_goes_on_in_the_plane_of_the_checkpoint_whatever_the_points_are_now(tmp_path):
    path = tmp_path / "a.csv"
    plane = written(path, "x,y\n" + "0,0\n4,2\n" * 20).plane
    checkpoint = checkpoint_of(Points(str(path), batch_size=8), tmp_path)
    fewer = written(path, "1,1\n2,1\n" * 20)
    fewer.batch_size = 8
    train(fewer, tmp_path, ckpt_path=checkpoint, max_steps=8)
    assert fewer.plane == plane
    assert torch.allclose(fewer.plane.points(loaded(fewer)[0]), fewer.points()[0])


def test_points_outside_of_the_plane_of_the_checkpoint_are_refused(tmp_path):
    path = tmp_path / "a.csv"
    written(path, "0,0\n4,2\n" * 20)
    checkpoint = checkpoint_of(Points(str(path), batch_size=8), tmp_path)
    farther = written(path, "0,0\n5,2\n" * 20)
    with pytest.raises(UserError, match=r"20 of 40 points lie outside .*x from -0.5 to 4.5.* first \(5, 2\)"):
        train(farther, tmp_path, ckpt_path=checkpoint, max_steps=8)


TINY = ["--model.generator.hidden", "[8]", "--model.discriminator.hidden", "[8]", "--data.batch_size", "8"]


@pytest.mark.parametrize("world", ["Ring", "Grid", "Points"])
def test_points_train_and_are_sampled_through_the_command(world, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.csv").write_text("width,height\n" + "1000,0.1\n1010,0.2\n" * 10)
    own = ["--data.path", "mine.csv"] if world == "Points" else ["--data.count", "16"]
    cli.main(["fit", "--data", world, *own, *TINY, "--trainer.max_steps", "2", "--trainer.log_every_n_steps", "1"])
    run = tmp_path / "lightning_logs" / "version_0"
    assert (run / "grids" / "step-0000002.png").is_file()
    assert (run / "training.gif").is_file()
    cli.main(["predict", "--ckpt_path", "last", "--samples.count", "5"])
    assert "wrote 5 points: points.csv and points.png into samples" in capsys.readouterr().out
    header, *rows = (tmp_path / "samples" / "points.csv").read_text().splitlines()
    assert len(rows) == 5
    assert header == ("seed,width,height" if world == "Points" else "seed,x,y")
    if world == "Points":
        assert all(990 < float(row.split(",")[1]) < 1020 for row in rows), "in the user's units"


def test_a_file_that_is_not_there_ends_the_command_with_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.main(["fit", "--data", "Points", "--data.path", "mine.csv"])
    assert capsys.readouterr().err.strip() == "gan fit: data.path is mine.csv, which is not there"


def test_points_do_not_depend_on_the_number_of_processes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cli.main(["fit", "--data", "Ring", "--data.count", "16", *TINY, "--trainer.max_steps", "2"])
    predict = ["predict", "--ckpt_path", "last", "--samples.count", "7", "--samples.npz", "true"]
    cli.main([*predict, "--samples.folder", "one"])
    two = ["--samples.folder", "two", "--samples.batch_size", "2", "--trainer.accelerator", "cpu"]
    group = start_two(gan, *predict, *two, "--trainer.devices", "2", "--trainer.strategy", "ddp")
    assert [status(process) for process in group] == [0, 0], Path("output.txt").read_text()
    assert sorted(p.name for p in Path("two").iterdir()) == ["points.csv", "points.png", "samples.npz"]
    assert Path("one/points.csv").read_bytes() == Path("two/points.csv").read_bytes()
