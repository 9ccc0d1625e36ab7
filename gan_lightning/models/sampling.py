"""The latents of samples. A seed determines one image, whatever the batch size or the machine."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import LARGEST_SEED, scramble


def latents(seeds: Iterable[int], latent_dim: int) -> Tensor:
    """Returns standard normal latents (N, latent_dim), float32 on the CPU. Row n depends on seed n alone.

    Args:
        seeds: Whole numbers from 0 to 4294967295, one for each sample.
        latent_dim: Length of a latent.

    Raises:
        UserError: A seed is out of range.
    """
    generator = torch.Generator()
    rows = [torch.randn(latent_dim, generator=generator.manual_seed(scramble(check_seed(s)))) for s in seeds]
    return torch.stack(rows) if rows else torch.empty(0, latent_dim)


def traversed(z: Tensor, coordinates: Sequence[int], values: Sequence[float]) -> Tensor:
    """Returns copies (N, latent_dim) of a latent, each with one coordinate changed, row by row.

    Args:
        z: The latent, (latent_dim,).
        coordinates: The coordinates to change, from 0; each makes a row.
        values: The new values; each makes a column.

    Raises:
        UserError: There is no such coordinate.
    """
    for coordinate in coordinates:
        if not 0 <= coordinate < len(z):
            raise UserError(f"there is no coordinate {coordinate} to traverse: latents have {len(z)}, counted from 0")
    copies = z.repeat(len(coordinates), len(values), 1)
    for copy, coordinate in zip(copies, coordinates, strict=True):
        copy[:, coordinate] = torch.as_tensor(values)
    return copies.flatten(0, 1)


def labels_of(seeds: Sequence[int], labels: Iterable[int] | None, classes: int) -> Tensor:
    """Returns labels (N,) int64 of samples: those asked for, else the classes in turn from seed to seed.

    Args:
        seeds: The seeds of the samples.
        labels: From 0 to classes - 1, one for each sample.
        classes: Number of classes that the generator was made for; 0 for one without labels.

    Raises:
        UserError: A label is out of range, or the generator takes none.
    """
    if labels is None:
        return torch.tensor([seed % max(1, classes) for seed in seeds], dtype=torch.int64)
    labels = list(labels)
    if not classes:
        raise UserError("this model was trained without labels: leave out samples.labels")
    for label in labels:
        if not 0 <= label < classes:
            raise UserError(f"{label} is no label of this model: its classes are 0 to {classes - 1}")
    return torch.tensor(labels, dtype=torch.int64)


def check_seed(seed: int) -> int:
    seed = int(seed)
    if not 0 <= seed <= LARGEST_SEED:
        raise UserError(f"{seed} is not a seed: seeds are whole numbers from 0 to {LARGEST_SEED}")
    return seed


def seed_loader(
    first_seed: int = 0, count: int = 64, batch_size: int = 64, labels: Sequence[int] | None = None
) -> DataLoader:
    """Returns batches for `Trainer.predict`, which splits them over processes: seeds (N,) int64, or (seeds, labels).

    Args:
        first_seed: The seed of the first sample.
        count: Number of samples; with labels, for each label.
        batch_size: Samples made at a time. It changes the memory needed, not the images.
        labels: Classes. The same seeds are used for each class, one class after another.
    """
    for key, value in (("count", count), ("batch_size", batch_size)):
        if value < 1:
            raise UserError(f"samples.{key} is {value}; it must be at least 1")
    check_seed(first_seed)
    check_seed(first_seed + count - 1)
    seeds = range(first_seed, first_seed + count)
    asked = seeds if labels is None else [(seed, label) for label in labels for seed in seeds]
    return DataLoader(asked, batch_size=batch_size)  # type: ignore[arg-type]


def in_full_precision(generator: nn.Module) -> nn.Module:
    """Converts the generator to float64 where the device has it: its rounding is too small to depend on the batch size.

    In float32, a matrix product rounds differently for batches of 7 and of 64, which now and then moves a pixel by one.
    """
    device = next((p.device for p in generator.parameters()), torch.device("cpu"))
    return generator if device.type == "mps" else generator.double()
