"""Each class alone."""

import pytest
import torch

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics import frechet, per_class


def normal(n: int, seed: int) -> torch.Tensor:
    return torch.randn(n, 3, generator=torch.Generator().manual_seed(seed))


def test_each_class_is_measured_against_the_same_class_and_rare_ones_are_left_out():
    real, made = normal(100, 1), normal(90, 2)
    classes, told = torch.arange(100) % 3, torch.arange(90) % 3
    classes[classes == 2] = 7  # of which there are no samples
    told[25:30] = 9
    found = per_class(frechet, real, classes, made, told)
    assert [*found] == [0, 1]
    assert found[1] == frechet(real[classes == 1], made[told == 1])


def test_another_number_of_classes_than_of_images_is_refused():
    with pytest.raises(UserError, match="4 real images with 3 classes, and 5 samples with 5: give one class for each"):
        per_class(frechet, normal(4, 1), torch.zeros(3), normal(5, 2), torch.zeros(5))
