"""Where a search for a latent starts."""

import torch
from torch import Tensor

from gan_lightning.editing.matches import Pixels
from gan_lightning.editing.starts import nearest_samples, ranks_in_classes


def shifted(z: Tensor, y: Tensor) -> Tensor:
    """Images of one pixel: the latent, ten times the label further."""
    return (z + 10 * y[:, None]).view(-1, 1, 1, 1)


def starts_of(labels: Tensor | None, count: int, in_turn: bool = False) -> tuple[Tensor, Tensor]:
    """The distances (count,) of the starts from the pixel 0, and their labels."""
    found = nearest_samples(shifted, torch.zeros(1, 1), Pixels(), 1, 3, labels, 12, count, 0, in_turn=in_turn)
    assert found.y is not None
    return shifted(found.z[0], found.y[0]).flatten().abs(), found.y[0]


def test_the_nearest_samples_are_of_any_class():
    distances, labels = starts_of(None, 4)
    assert labels.tolist() == [0] * 4
    assert distances.equal(distances.sort().values)


def test_in_turn_the_nearest_sample_of_every_class_comes_before_the_second_nearest_of_any():
    distances, labels = starts_of(None, 4, in_turn=True)
    assert labels.tolist() == [0, 1, 2, 0]
    assert distances[0] < distances[3] < distances[1], "all samples of the class 0 are nearer than any other"


def test_samples_of_a_class_that_is_given_are_the_only_ones():
    distances, labels = starts_of(torch.tensor([2]), 4, in_turn=True)
    assert labels.tolist() == [2] * 4
    assert distances.equal(distances.sort().values)


def test_ranks_count_from_the_nearest_in_each_class():
    distances = torch.tensor([[5.0, 1.0, 2.0, 0.0, 7.0]])
    assert ranks_in_classes(distances, torch.tensor([0, 1, 0, 1, 0])).tolist() == [[1, 1, 0, 0, 2]]
