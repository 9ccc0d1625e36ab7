"""CMMD, as a loop over all pairs has it."""

import math

import pytest
import torch

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics.distances import cmmd


def clouds_of(n: int, m: int, shift: float = 0.0) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(0)
    return torch.randn(n, 3, generator=stream), torch.randn(m, 3, generator=stream) + shift


def test_cmmd_is_that_of_a_loop_over_all_pairs_with_each_feature_beside_itself():
    x, y = clouds_of(7, 5, shift=2.0)

    def k(a, b):
        return math.exp(-sum((s - t) ** 2 for s, t in zip(a, b, strict=True)) / (2 * 10**2))

    def mean(xs, ys):
        return sum(k(a, b) for a in xs for b in ys) / (len(xs) * len(ys))

    a, b = x.tolist(), y.tolist()
    expected = 1000 * (mean(a, a) + mean(b, b) - 2 * mean(a, b))
    assert cmmd(x, y).value == pytest.approx(expected, rel=1e-9)


def test_cmmd_of_the_same_features_is_0_and_of_equal_distributions_its_bias():
    x, y = clouds_of(400, 300)
    assert cmmd(x, x).value == pytest.approx(0, abs=1e-9)
    kernel = torch.exp(-torch.pdist(torch.cat([x, y]).double()).square() / 200)
    assert cmmd(x, y).value == pytest.approx(1000 * (1 / 400 + 1 / 300) * (1 - kernel.mean().item()), rel=0.6)


def test_the_standard_error_of_cmmd_is_how_much_it_varies_over_sets_of_samples():
    x, y = clouds_of(200, 200 * 60, shift=1.0)
    values = torch.tensor([cmmd(x, part).value for part in y.split(200)])
    assert cmmd(x, y[:200]).error == pytest.approx(values.std().item(), rel=0.3)


def test_features_of_other_lengths_are_refused():
    with pytest.raises(UserError, match="must be"):
        cmmd(torch.zeros(3, 2), torch.zeros(3, 4))
