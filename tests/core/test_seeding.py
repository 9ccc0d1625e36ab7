"""Everything random is a function."""

import numpy as np
import pytest
import torch

from gan_lightning.core import seeding
from gan_lightning.core.seeding import LARGEST_SEED, mix, reseed, scramble


def test_neighbouring_numbers_get_unrelated_seeds():
    seeds = [mix(s, i, p) for s in range(5) for i in range(200) for p in range(4)]
    assert len(set(seeds)) == len(seeds)
    bits = torch.tensor([[(s >> b) & 1 for b in range(32)] for s in seeds], dtype=torch.float)
    assert ((bits.mean(0) - 0.5).abs() < 5 * 0.5 / len(seeds) ** 0.5).all()


def test_the_order_of_the_numbers_matters():
    assert mix(1, 2) != mix(2, 1)
    assert mix(0) != mix(0, 0)


def test_mix_never_changes():
    assert (mix(0), mix(1, 2, 3)) == (3793791033, 1793398209)


def test_mix_is_splitmix64_in_numbers_of_64_bits():
    """The first number of SplitMix64 from 0 is E220A8397B1DCDAF; NumPy's numbers wrap by themselves."""
    assert mix(0) == 0xE220A839
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        for numbers in rng.integers(2**32, size=(300, 3), dtype=np.uint64):
            state = np.uint64(0)
            for number in numbers:
                state = state + number + np.uint64(0x9E3779B97F4A7C15)
                state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
                state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
                state ^= state >> np.uint64(31)
            assert mix(*numbers.tolist()) == state >> np.uint64(32)


def test_the_streams_never_change():
    names = ("TRAINING", "ORDER", "POINTS", "HELD_OUT", "STACKS")
    assert [getattr(seeding, name) for name in names] == [1, 2, 3, 4, 5]
    assert LARGEST_SEED == 0xFFFFFFFF


def test_scramble_is_a_bijection_that_never_changes():
    assert len({scramble(n) for n in range(100_000)}) == 100_000
    assert (scramble(0), scramble(1), scramble(2**32 - 1)) == (0, 1364076727, 2180083513)


def test_reseeding_repeats_the_default_stream():
    draws = []
    for _ in range(2):
        reseed(torch.device("cpu"), 7)
        draws.append(torch.randn(3))
    assert torch.equal(*draws)


@pytest.mark.parametrize(
    ("device", "seeds"),
    [("cpu", (0, 0, 0)), ("cuda", (7, 0, 0)), ("cuda:0", (7, 0, 0)), ("cuda:1", (0, 7, 0)), ("mps", (0, 0, 7))],
)
def test_the_generator_of_the_steps_own_device_is_seeded_and_no_other(device, seeds, monkeypatch):
    others = tuple(torch.Generator().manual_seed(0) for _ in range(3))
    monkeypatch.setattr(torch.cuda, "default_generators", others[:2])
    monkeypatch.setattr(torch.mps, "manual_seed", others[2].manual_seed)
    reseed(torch.device(device), 7)
    assert tuple(generator.initial_seed() for generator in others) == seeds
    assert torch.default_generator.initial_seed() == 7
