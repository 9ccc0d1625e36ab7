"""From the number of a sample to its latent vector. One number names one image, whatever the batch or the machine."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from gan_lightning.errors import UserError
from gan_lightning.randomness import scramble

LARGEST = 2**32 - 1


def latents(seeds: Iterable[int], latent_dim: int) -> Tensor:
    """Standard normal latents (N, latent_dim), float32 on the CPU; row n depends on seed n alone.

    Args:
        seeds: Integers from 0 to 4294967295, one for each sample.
        latent_dim: Numbers in one latent.

    Raises:
        UserError: A seed is out of range.
    """
    generator = torch.Generator()
    rows = [torch.randn(latent_dim, generator=generator.manual_seed(scramble(check_seed(s)))) for s in seeds]
    return torch.stack(rows) if rows else torch.empty(0, latent_dim)


def check_seed(seed: int) -> int:
    seed = int(seed)
    if not 0 <= seed <= LARGEST:
        raise UserError(f"{seed} is no seed of a sample: seeds are whole numbers from 0 to {LARGEST}")
    return seed


def seed_loader(first_seed: int = 0, count: int = 64, batch_size: int = 64) -> DataLoader:
    """Batches of seeds (N,) int64 for `Trainer.predict`, which splits them over the processes.

    Args:
        first_seed: The first sample's number.
        count: How many samples.
        batch_size: Samples made at a time. It changes the memory needed, not the images.
    """
    for key, value in (("count", count), ("batch_size", batch_size)):
        if value < 1:
            raise UserError(f"samples.{key} is {value}; it must be at least 1")
    check_seed(first_seed)
    check_seed(first_seed + count - 1)
    return DataLoader(range(first_seed, first_seed + count), batch_size=batch_size)  # type: ignore[arg-type]


def in_full_precision(generator: nn.Module) -> nn.Module:
    """The generator in float64 where the device has it: there, rounding is too small to depend on the batch size.

    In float32 a matrix product rounds differently for batches of 7 and of 64, which now and then moves a pixel by one.
    """
    device = next((p.device for p in generator.parameters()), torch.device("cpu"))
    return generator if device.type == "mps" else generator.double()
