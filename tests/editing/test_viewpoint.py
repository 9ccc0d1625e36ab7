"""What a page shows."""

import pytest
import torch

from gan_lightning.core.errors import UserError
from gan_lightning.editing.latent_files import Latents
from gan_lightning.editing.nearest import nearest_images
from gan_lightning.editing.viewpoint import Viewpoint, move_along

Z = torch.tensor([[3.0, 0.0], [0.0, 3.0]])
ENDS = Latents(Z, torch.tensor([1, 1]), ["a", "b"])
NOT_MOVED = torch.zeros(2)


def test_a_view_that_is_not_edited_is_its_first_end():
    view = Viewpoint(ENDS, 1, NOT_MOVED, 0)
    assert view.is_sample
    assert torch.equal(view.place.z, Z[:1])
    assert view.place.names == ["a"]


def test_ends_are_truncated_then_moved_and_the_way_between_them_is_a_great_circle():
    view = Viewpoint(ENDS, 0.5, torch.tensor([0.0, 1.0]), 0.5)
    assert torch.equal(view.stops.z, torch.tensor([[1.5, 1.0], [0.0, 2.5]]))
    assert view.stops.names == ["a, edited", "b, edited"]
    middle = Viewpoint(ENDS, 1, NOT_MOVED, 0.5)
    assert torch.allclose(middle.place.z, torch.tensor([[3.0, 3.0]]) / 2**0.5)
    assert middle.place.names == ["a to b, 50%"]
    assert not middle.is_sample


def test_a_place_on_the_way_is_a_frame_of_the_walk():
    for frame in range(5):
        view = Viewpoint(ENDS, 0.7, NOT_MOVED, frame / 4)
        assert torch.allclose(view.place.z, view.way(4).at(torch.tensor([frame])).z, atol=1e-6)


def test_a_move_adds_directions_and_coordinates():
    vectors = torch.eye(3)[:2]
    assert move_along(vectors, [2.0, -1.0], [2, 0], [5.0, 1.0]).tolist() == [3, -1, 5]
    assert move_along(vectors, [2.0]).tolist() == [2, 0, 0]
    with pytest.raises(UserError, match="there is no coordinate 3: latents have 3"):
        move_along(vectors, [], [3], [1.0])


def test_the_nearest_images_are_found_in_blocks_with_their_distances():
    blocks = [torch.full((2, 1, 2, 2), 255, dtype=torch.uint8), torch.zeros(1, 1, 2, 2, dtype=torch.uint8)]
    found = nearest_images(torch.full((1, 2, 2), -1.0), blocks, 2)
    assert found.images[0].max() == 0
    assert found.distances.tolist() == [0, 2]
    assert len(nearest_images(torch.zeros(1, 2, 2), blocks, 9).images) == 3
