"""Everything random is a function."""

import torch

from gan_lightning.core.seeding import mix, reseed, scramble


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


def test_scramble_is_a_bijection_that_never_changes():
    assert len({scramble(n) for n in range(100_000)}) == 100_000
    assert (scramble(0), scramble(1), scramble(2**32 - 1)) == (0, 1364076727, 2180083513)


def test_reseeding_repeats_the_default_stream():
    draws = []
    for _ in range(2):
        reseed(torch.device("cpu"), 7)
        draws.append(torch.randn(3))
    assert torch.equal(*draws)
