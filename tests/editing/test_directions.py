"""Directions in latent space: what the methods find where the answer is known, and what their numbers mean."""

import math

import pytest
import torch
import torch.nn.functional as F
from helpers.tiny import SHAPE
from safetensors.torch import save_file
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.editing.attributes import Attribute, attribute_directions, boundary, without
from gan_lightning.editing.direction_files import read_directions, write_directions
from gan_lightning.editing.directions import (
    Directions,
    GANSpace,
    SeFa,
    directions,
    principal,
)
from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.measures import ink_height, ink_mass, ink_width, slant, stroke_width, warmth
from gan_lightning.editing.purity import class_kept, monotone, purity, purity_table
from gan_lightning.editing.sweep import Sweep, images_along
from gan_lightning.networks import Generator, MLPGenerator


class Stretch(Generator):
    """A dense layer of known singular values: coordinate i is stretched by (1, 4, 2)[i] and turned."""

    def __init__(self) -> None:
        super().__init__()
        self.latent_dim, self.image_shape = 3, (1, 2, 2)
        self.layer = nn.Linear(3, 4, bias=False)
        turn = torch.linalg.qr(torch.randn(4, 4, generator=torch.Generator().manual_seed(0)))[0][:, :3]
        self.layer.weight.data = turn * torch.tensor([1.0, 4.0, 2.0])

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.layer(z).view(-1, 1, 2, 2)


def normal(count: int = 2000, dim: int = 3) -> Tensor:
    return torch.randn(count, dim, generator=torch.Generator().manual_seed(0))


def one_hot(index: int) -> Tensor:
    return F.one_hot(torch.tensor(index), 3).double()


@pytest.mark.parametrize(("method", "near"), [(SeFa(), 1e-4), (GANSpace(), 0.02), (GANSpace("layer", 2), 0.02)])
def test_the_axes_of_a_linear_generator_are_found_by_how_far_they_stretch(method, near):
    found = directions(Stretch(), method)
    for vector, strength, index in zip(found.vectors, found.strengths, (1, 2, 0), strict=False):
        torch.testing.assert_close(vector.double(), one_hot(index), atol=near, rtol=0)
        assert float(strength) == pytest.approx((1, 4, 2)[index], rel=0.05)


def test_ganspace_explains_latents_also_where_there_are_more_activations_than_samples():
    rows = normal(20, 50).double()
    rows = rows - rows.mean(0)
    deviations, vectors = principal(rows, 5)
    values, right = torch.linalg.svd(rows, full_matrices=False)[1:]
    torch.testing.assert_close(deviations, values[:5] / 20**0.5)
    torch.testing.assert_close((vectors.T * right[:5]).sum(1).abs(), torch.ones(5).double())


@pytest.mark.parametrize("method", [SeFa(), GANSpace()])
def test_directions_are_the_same_at_every_call_and_leave_the_class_alone(method):
    torch.manual_seed(0)
    model = MLPGenerator(SHAPE, latent_dim=3, hidden=[8], classes=4).eval()
    one, other = directions(model, method), directions(model, method)
    assert torch.equal(one.vectors, other.vectors)
    assert one.vectors.shape == (3, 3)
    torch.testing.assert_close(one.vectors.norm(dim=1).double(), torch.ones(3).double())


def test_sefa_needs_a_dense_layer_that_takes_the_latent_and_ganspace_a_layer_that_exists():
    with pytest.raises(UserError, match="choose GANSpace"):
        directions(lambda z: z.view(-1, 3, 1, 1), SeFa(), latent_dim=3)
    with pytest.raises(UserError, match="is nowhere, which this network does not have: choose one of"):
        directions(Stretch(), GANSpace("nowhere"))


def test_the_boundary_of_two_sets_is_the_normal_of_the_plane_between_them():
    z = normal()
    along = torch.tensor([0.6, 0.0, 0.8])
    far = (z @ along).abs() > 0.3
    z = z[far]
    found = boundary(z[z @ along > 0], z[z @ along < 0])
    torch.testing.assert_close(found, along.double(), atol=0.03, rtol=0)


def test_an_attribute_grows_along_its_direction_and_leaves_others_alone_if_asked():
    model, z = Stretch(), normal()
    first = Attribute("first", lambda x: x.flatten(1) @ model.layer.weight[:, 0])
    both = Attribute("both", lambda x: x.flatten(1) @ (model.layer.weight[:, 0] + model.layer.weight[:, 2] / 4))
    plain = attribute_directions(model, [both], z).vectors[0]
    assert plain[0] > 0.5
    assert plain[2] > 0.5
    free = attribute_directions(model, [both], z, unchanged=[first])
    torch.testing.assert_close(free.vectors[0], one_hot(2), atol=0.1, rtol=0)
    assert 0.5 < float(free.strengths[0]) < 1, "the correlation of the attribute with the latents along it"


def test_what_is_left_of_a_vector_is_perpendicular_to_the_others():
    found = without(torch.tensor([[1.0, 1.0, 0.0]]), torch.tensor([[0.0, 2.0, 0.0]]))
    torch.testing.assert_close(found, torch.tensor([[1.0, 0.0, 0.0]]))
    with pytest.raises(UserError, match="are the same"):
        without(torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 0.0]]))


def test_an_attribute_that_no_image_has_has_no_direction():
    with pytest.raises(UserError, match="nothing is the same in almost all images"):
        attribute_directions(Stretch(), [Attribute("nothing", lambda x: torch.zeros(len(x)))], normal(100))


def test_sets_of_seeds_must_differ():
    with pytest.raises(UserError, match="on both sides"):
        boundary(normal(2), normal(0))
    with pytest.raises(UserError, match="some seeds are on both sides"):
        boundary(normal(3), normal(1))


def bars(width: int, lean: float = 0.0, size: int = 40) -> Tensor:
    """A white bar of 24 rows, so many pixels wide, that leans to the right by so many pixels a row; with soft edges."""
    rows, columns = torch.arange(size)[:, None], torch.arange(size)
    middle = size / 2 - 0.5 + lean * (size / 2 - 0.5 - rows)
    inside = (width / 2 + 0.5 - (columns - middle).abs()).clamp(0, 1) * ((rows - 19.5).abs() < 12)
    return inside[None, None] * 2 - 1


def test_a_long_stroke_is_as_wide_as_it_is_and_leans_as_it_does():
    for width in (2, 3, 5):
        assert float(stroke_width(bars(width))) == pytest.approx(width * 24 / (24 + width), rel=0.02), "its ends count"
    for lean in (-0.4, 0.0, 0.25):
        assert float(slant(bars(3, lean))) == pytest.approx(lean, abs=0.01)
    assert float(ink_mass(bars(2))) == pytest.approx(2 * 24 / 1600)
    assert float(ink_height(bars(3))) == pytest.approx(math.sqrt((24**2 - 1) / 12), rel=1e-3)
    assert float(ink_width(bars(3, 0.25))) == pytest.approx(float(ink_width(bars(3))), rel=0.06), (
        "its slant is left out"
    )
    assert float(stroke_width(torch.full((1, 1, 8, 8), -1.0))) == 0, "no ink"


def test_red_is_warmer_than_blue():
    red = torch.tensor([1.0, -1.0, -1.0]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert warmth(red) > 0 > warmth(red.flip(1))


def test_purity_says_what_changes_how_evenly_and_whether_the_class_stays():
    assert monotone(torch.tensor([[1, 2, 3], [3, 2, 1], [1, 2, 2], [1, 3, 2]])).tolist() == [True, True, False, False]
    assert class_kept(torch.tensor([[7, 7, 7], [1, 7, 7]])).tolist() == [True, False]

    def model(z: Tensor) -> Tensor:
        return z.view(-1, 3, 1, 1)

    def classify(x: Tensor) -> Tensor:
        return F.one_hot((x[:, 0, 0, 0] > 0).long(), 2).float()

    measures = {"first": lambda x: x[:, 0, 0, 0], "both": lambda x: x[:, 0, 0, 0] + x[:, 1, 0, 0]}
    found = Directions(torch.eye(3)[:2], torch.ones(2), ["a", "b"])
    stops = Latents(normal(500), None, [""] * 500)
    a, b = purity(model, found, stops, measures, 1.0, classify)
    assert a.main == "first"
    assert a.changes == pytest.approx({"first": 2, "both": 2 / 2**0.5}, rel=0.1)
    assert (a.share, a.monotone) == pytest.approx((a.changes["first"] / sum(a.changes.values()), 1))
    assert a.kept == a.both == pytest.approx(0.317, abs=0.05), "as often as a normal number is 1 or more from 0"
    assert (b.main, b.share, b.kept) == ("both", 1, 1)
    assert "| 1 | b | both +1.4 sd | 100% | first +0.0 | 100% | 100% | 100% |" in purity_table([a, b], 1.0)


def test_a_sweep_shows_each_latent_before_behind_and_in_its_place():
    stops = Latents(normal(2), torch.tensor([4, 5]), ["a", "b"])
    sweep = Sweep(stops, one_hot(1), extent=2, steps=5)
    places = [*sweep.batches(4)]
    z = torch.cat([place.z for place in places]).unflatten(0, (5, 2))
    torch.testing.assert_close(z[2], stops.z)
    torch.testing.assert_close(z[4] - z[0], torch.tensor([[0.0, 4, 0]] * 2))
    assert [place.y.tolist() for place in places if place.y is not None] == [[4, 5, 4, 5], [4, 5, 4, 5], [4, 5]]
    closed = Sweep(stops, one_hot(1), extent=2, steps=5, closed=True)
    assert closed.values.tolist() == [-2, -1, 0, 1, 2, 1, 0, -1]
    images = images_along(lambda z, y: z.view(-1, 3, 1, 1), stops, one_hot(1), [-2, 0, 2], batch=4)
    torch.testing.assert_close(images[:, :, :, 0, 0], z[::2].transpose(0, 1))


def test_directions_come_back_from_their_file_and_nothing_else_does(tmp_path):
    path = tmp_path / "directions.safetensors"
    found = Directions(torch.eye(3)[:2], torch.tensor([2.0, 1.0]), ["a", "b"])
    write_directions(path, found)
    read = read_directions(path, 3)
    assert torch.equal(read.vectors, found.vectors)
    assert read.names == found.names
    assert torch.equal(read.chosen(1), torch.eye(3)[1])
    with pytest.raises(UserError, match="no direction 2: the file has 2, counted from 0"):
        read.chosen(2)
    with pytest.raises(UserError, match="directions of 3 numbers, and this model takes 4"):
        read_directions(path, 4)
    with pytest.raises(UserError, match="there is no file"):
        read_directions(tmp_path / "nowhere", 3)
    names = {"names": '["a"]'}
    for tensors, words in [
        ({"vectors": torch.eye(3), "strengths": torch.ones(3)}, names),
        ({"vectors": torch.full((1, 3), math.nan), "strengths": torch.ones(1)}, names),
        ({"vectors": torch.ones(1, 3)}, names),
        ({"vectors": torch.ones(1, 3), "strengths": torch.ones(1)}, {"names": "[1]"}),
        ({"vectors": torch.ones(1, 3), "strengths": torch.ones(1)}, {"names": "["}),
    ]:
        save_file(tensors, path, words)
        with pytest.raises(UserError, match="holds no directions"):
            read_directions(path, 3)
    path.write_bytes(b"no such file")
    with pytest.raises(UserError, match="holds no directions"):
        read_directions(path, 3)
