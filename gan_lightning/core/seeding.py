"""Random numbers without state: every draw is a function of integers.

The draws of an iteration depend on (seed, iteration, process), the order of an epoch on (seed, epoch), a sample on its
own number. A resumed run therefore has no random state to restore, and other draws in between (for a picture, a metric,
a user's callback) change nothing.
"""

from collections.abc import Callable

import torch
from torch import Tensor

Draw = Callable[..., Tensor]
"""Draws random numbers of a given shape, whose first dimension is the number of images."""

LARGEST_SEED = 2**32 - 1

TRAINING, ORDER, POINTS, HELD_OUT, STACKS, MIRRORS, CROPS = 1, 2, 3, 4, 5, 6, 7
"""The purposes of random streams, each one of the integers that identify its stream."""


def mix(*numbers: int) -> int:
    """Mixes integers into a 32-bit seed; neighbours give unrelated seeds. (torch's CPU generator reads 32 bits.)

    The finaliser is SplitMix64's: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014,
    Figure 16. https://doi.org/10.1145/2660193.2660195
    """
    state = 0
    for number in numbers:
        state = (state + number + 0x9E3779B97F4A7C15) % 2**64
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) % 2**64
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) % 2**64
        state ^= state >> 31
    return state >> 32


def scramble(number: int) -> int:
    """A bijection of 32-bit integers: different seeds stay different, neighbours become unrelated.

    The finaliser of MurmurHash3 (Appleby, 2011). https://github.com/aappleby/smhasher
    """
    number = ((number ^ (number >> 16)) * 0x85EBCA6B) % 2**32
    number = ((number ^ (number >> 13)) * 0xC2B2AE35) % 2**32
    return number ^ (number >> 16)


def reseed(device: torch.device, seed: int) -> None:
    """Seeds the default generators that a step on this device draws from.

    `torch.manual_seed` would also work but takes sixty times as long, because it visits every backend.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.default_generators[device.index or 0].manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)


def numbered_draws(seed: int) -> tuple[Draw, Draw]:
    """Returns draws of standard normal numbers, and of numbers uniform in [0, 1), on the CPU, by a seed alone."""
    generator = torch.Generator().manual_seed(mix(seed))
    return (
        lambda *shape: torch.randn(shape, generator=generator),
        lambda *shape: torch.rand(shape, generator=generator),
    )
