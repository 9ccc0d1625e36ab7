"""Mirrored and shifted versions of images."""

import pytest
import torch

from gan_lightning.evaluation.versions import moved_by, versions

IMAGE = torch.arange(12.0).view(1, 1, 3, 4)


def test_an_image_has_ten_versions_itself_and_its_mirror_image_first():
    found = versions(torch.rand(3, 2, 5, 6))
    assert found.shape == (3, 10, 2, 5, 6)
    found = versions(IMAGE)
    assert torch.equal(found[:, 0], IMAGE)
    assert torch.equal(found[:, 1], IMAGE.flip(3))
    assert len(found[0].unique(dim=0)) == 10


def test_a_shift_repeats_the_edge():
    assert moved_by(IMAGE, 0, 1)[0, 0].tolist() == [[0, 0, 1, 2], [4, 4, 5, 6], [8, 8, 9, 10]]
    assert moved_by(IMAGE, -2, 0)[0, 0].tolist() == [[8, 9, 10, 11]] * 3
    assert moved_by(IMAGE, 1, 0)[0, 0, :2].tolist() == [[0, 1, 2, 3]] * 2


@pytest.mark.parametrize(("down", "right"), [(0, 1), (0, -2), (2, 0), (-1, 0)])
def test_a_shift_of_an_image_with_plain_edges_is_taken_back_by_one_of_its_versions(down, right):
    x = torch.zeros(1, 1, 9, 9)
    x[:, :, 3:6, 3:6] = torch.rand(3, 3)
    assert any(torch.equal(version[None], x) for version in versions(moved_by(x, down, right))[0])
