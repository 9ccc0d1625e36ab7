"""Walks through latent space: where they lead, between classes, and in how much memory."""

import math

import numpy as np
import pytest
import torch
from helpers.tiny import SHAPE
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.films import GIF, Film
from gan_lightning.editing.interpolation import Lerp, Slerp, interpolate
from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.strip import filmed, frames_of, rows_of
from gan_lightning.editing.style_mixing import mixed_styles
from gan_lightning.editing.truncation import RejectUnlikely, TowardsMean
from gan_lightning.editing.walk import Places, Walk, images_at, walked
from gan_lightning.networks import FastGANGenerator, MLPGenerator, ResNetGenerator


def stops(count: int = 3, dim: int = 4, classes: int = 0) -> Latents:
    z = torch.randn(count, dim, generator=torch.Generator().manual_seed(1))
    return Latents(z, torch.arange(count) if classes else None, [f"seed {i}" for i in range(count)])


def pixels(z: Tensor, y: Tensor | None = None) -> Tensor:
    """A model that is no network: four numbers as an image of 2x2."""
    return z.view(-1, 1, 2, 2)


def test_slerp_of_perpendicular_unit_latents_has_the_sine_and_the_cosine_as_coordinates():
    a, b = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    way = interpolate(a, b, 4)
    angles = torch.tensor([0, math.pi / 6, math.pi / 3, math.pi / 2])
    torch.testing.assert_close(way, torch.stack([angles.cos(), angles.sin()], 1))


def test_lerp_is_the_straight_line():
    way = interpolate(torch.tensor([0.0, 1.0]), torch.tensor([4.0, -1.0]), 3, Lerp())
    assert way.tolist() == [[0, 1], [2, 0], [4, -1]]


def test_slerp_between_latents_of_one_line_is_the_straight_line():
    a = torch.tensor([1.0, 2.0])
    for b in (a, 3 * a, -a):
        way = interpolate(a, b, 3)
        torch.testing.assert_close(way, interpolate(a, b, 3, Lerp()))


@pytest.mark.parametrize("way", [Slerp(), Lerp()])
def test_a_walk_meets_its_stops_exactly_and_as_often_as_asked(way):
    walk = Walk(stops(), steps=5, interpolation=way)
    z = torch.cat([places.z for places in walk.batches(4)])
    assert len(z) == len(walk) == 11
    assert torch.equal(z[::5], walk.stops.z)


def test_a_closed_walk_ends_one_frame_before_its_beginning():
    walk = Walk(stops(), steps=5, closed=True)
    assert len(walk) == 15
    last = walk.at(torch.tensor([14]))
    torch.testing.assert_close(last.z[0], interpolate(walk.stops.z[2], walk.stops.z[0], 6)[4])


def test_batches_change_no_frame():
    walk = Walk(stops(5), steps=7)
    one, other = (torch.cat([places.z for places in walk.batches(size)]) for size in (1, 64))
    assert torch.equal(one, other)


def test_one_stop_is_one_frame():
    for closed in (False, True):
        assert len(Walk(stops(1), closed=closed)) == 1


@pytest.mark.parametrize("network", [MLPGenerator, ResNetGenerator])
def test_between_two_classes_lies_the_mix_of_their_embeddings(network):
    torch.manual_seed(0)
    model = network(SHAPE, latent_dim=4, classes=3).eval()
    z = stops(2).z
    share = torch.tensor([0.25, 0.75])
    mixed = images_at(model, Places(z, torch.tensor([0, 0]), torch.tensor([2, 2]), share))
    for i, t in enumerate(share):
        by_hand = network(SHAPE, latent_dim=4, classes=3).eval()
        by_hand.load_state_dict(model.state_dict())
        for layer in by_hand.modules():
            if isinstance(layer, torch.nn.Embedding):
                layer.weight.data[0] = (1 - t) * layer.weight.data[0] + t * layer.weight.data[2]
        torch.testing.assert_close(mixed[i : i + 1], by_hand(z[i : i + 1], torch.tensor([0])).detach())
    assert torch.equal(model(z, torch.tensor([0, 0])), model(z, torch.tensor([0, 0]))), "the hooks are gone"


def test_a_model_without_embeddings_changes_class_in_the_middle():
    seen: list[int] = []

    def model(z: Tensor, y: Tensor) -> Tensor:
        seen.extend(y.tolist())
        return z.view(-1, 1, 2, 2)

    assert len([*walked(model, Walk(stops(2, classes=2), steps=4).batches())]) == 1
    assert seen == [0, 0, 1, 1, 1]


def test_truncation_towards_the_mean_shortens_latents():
    given = stops()
    assert torch.equal(TowardsMean(0.5)(given, pixels, None, None).z, given.z / 2)


def test_rejection_keeps_likely_latents_and_redraws_the_others_until_they_are_likely():
    given = stops(64)
    redrawn = torch.Generator().manual_seed(5)
    found = RejectUnlikely(0.5)(
        given, pixels, lambda x, y: x[:, 0, 0, 0], lambda attempt: torch.randn(64, 4, generator=redrawn)
    )
    likely = given.z[:, 0] > 0.2
    assert torch.equal(found.z[likely], given.z[likely])
    assert (found.z[:, 0] > -0.2).all(), "the median of a normal coordinate is 0"


def test_mixing_with_its_own_style_changes_nothing_and_with_another_one_does():
    torch.manual_seed(0)
    model = FastGANGenerator((3, 16, 16), latent_dim=4, width=4).eval()
    given = stops(2)
    mixed = mixed_styles(model, given, given).unflatten(0, (2, 2))
    own = model(given.z).detach()
    torch.testing.assert_close(mixed[[0, 1], [0, 1]], own)
    assert not torch.allclose(mixed[0, 1], own[0])


def test_a_network_with_one_entrance_has_no_style_to_mix():
    with pytest.raises(UserError, match="no style to mix"):
        mixed_styles(MLPGenerator(SHAPE, latent_dim=4), stops(), stops())


class Counting(Film):
    """Counts the batches that are made and not yet written."""

    made = written = most_waiting = 0

    def begin(self, file) -> None:
        pass

    def write(self, frame: np.ndarray) -> None:
        self.written += 1
        self.most_waiting = max(self.most_waiting, self.made - self.written)

    def end(self) -> None:
        pass


def test_a_walk_of_ten_thousand_frames_holds_one_batch_at_a_time(tmp_path):
    film = Counting(tmp_path / "film", 20)
    walk = Walk(stops(11), steps=1000)

    def model(z: Tensor) -> Tensor:
        film.made += len(z)
        return pixels(z)

    kept = filmed(frames_of(walked(model, walk.batches(16))), [film], {0, 10_000})
    assert film.written == len(walk) == 10_001
    assert film.most_waiting < 16
    assert sorted(kept) == [0, 10_000]


def test_a_strip_goes_from_stop_to_stop_and_has_at_most_twelve_rows():
    assert rows_of(Walk(stops(3), steps=4)) == [[0, 1, 2, 3, 4], [4, 5, 6, 7, 8]]
    assert rows_of(Walk(stops(3), steps=4, closed=True))[-1] == [8, 9, 10, 11, 0]
    assert rows_of(Walk(stops(1))) == [[0]]
    assert len(rows_of(Walk(stops(40), steps=4))) == 12


def test_a_gif_is_what_was_written_frame_by_frame(tmp_path):
    from PIL import Image

    grey = np.random.default_rng(0).integers(0, 16, (5, 8, 6, 1), dtype=np.uint8) * 17
    colour = np.random.default_rng(0).integers(0, 256, (5, 8, 6, 3), dtype=np.uint8)
    for frames in (grey, colour):
        with GIF(tmp_path / "film.gif", fps=20) as film:
            for frame in frames:
                film.write(frame)
        with Image.open(tmp_path / "film.gif") as read:
            assert (read.n_frames, read.info["duration"], read.info["loop"]) == (5, 50, 0)  # type: ignore[attr-defined]
            for i, frame in enumerate(frames):
                read.seek(i)
                shown = np.asarray(read.convert("RGB")).astype(int)
                assert np.abs(shown - frame).max() <= 24, "of 48 pixels, hardly any shares its colour"


def test_a_film_that_fails_leaves_no_file(tmp_path):
    def film() -> None:
        with GIF(tmp_path / "film.gif", 20) as film:
            filmed((np.full((4, 4, 1), 1 // (1 - i), dtype=np.uint8) for i in range(3)), [film])

    with pytest.raises(ZeroDivisionError):
        film()
    assert not list(tmp_path.iterdir())


def test_an_mp4_plays_every_frame_also_of_odd_sizes(tmp_path):
    av = pytest.importorskip("av")
    from gan_lightning.core.films import MP4

    for name in ("a.mp4", "b.mp4"):
        with MP4(tmp_path / name, fps=20) as film:
            for level in (0, 128, 255):
                film.write(np.full((33, 35, 1), level, dtype=np.uint8))
    with av.open(str(tmp_path / "a.mp4")) as file:
        frames = [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]
    assert [frame.shape for frame in frames] == [(34, 36, 3)] * 3
    assert [round(float(frame.mean())) for frame in frames] == pytest.approx([0, 128, 255], abs=3)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
