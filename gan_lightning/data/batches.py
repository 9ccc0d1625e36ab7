"""Batches whose images are a function of the seed, the iteration and the process."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from gan_lightning.core.seeding import CROPS, MIRRORS, ORDER, mix


class Batches:
    """One epoch of batches, from the trainer's current iteration on. It resumes without any saved state.

    Args:
        source: Takes a tensor of indices, returns a batch.
        batch_size: Images of each group per batch of one process.
        seed: Fixes the order.
        process: The rank of this process, over all machines.
        processes: Number of processes.
        iteration: Returns the number of batches used so far. Called when an epoch starts.
        workers: Number of worker processes that read ahead.
        mirror: Whether half of the images, others in every epoch, are mirrored.
        groups: The indices of each group of images. A batch holds as many of each, in turn. Each has an order of its
            own, anew whenever all of it was used; an epoch is as long as that of the largest. By default, all images
            are one group.
        jitter: Pixels by which images are cropped in height and width, in every epoch elsewhere.
    """

    def __init__(
        self,
        source: Dataset,
        batch_size: int,
        seed: int = 0,
        process: int = 0,
        processes: int = 1,
        iteration: Callable[[], int] = lambda: 0,
        workers: int = 0,
        mirror: bool = False,
        groups: Sequence[Tensor] = (),
        jitter: int = 0,
    ) -> None:
        self.source, self.workers, self.mirror, self.jitter = source, workers, mirror, jitter
        self.images: int = len(source)  # type: ignore[arg-type]
        self.groups = groups or [torch.arange(self.images)]
        self.batch_size, self.process, self.processes = batch_size, process, processes
        self.seed, self.iteration = seed, iteration

    def __len__(self) -> int:
        return max(map(len, self.groups)) // (self.batch_size * self.processes)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        # its own generator: without one, the loader would draw from the global one
        return iter(
            DataLoader(
                Versions(self.source, self.images, self.jitter) if self.mirror or self.jitter else self.source,
                batch_size=None,
                sampler=IndexBatches(self),
                num_workers=self.workers,
                pin_memory=torch.cuda.is_available(),
                generator=torch.Generator(),
            )
        )

    def indices(self, start: int) -> Iterator[Tensor]:
        """Yields the indices (groups * batch_size,) of batch `start` and of all later ones, on this process.

        Index i + v images is version v of image i, as `Versions` counts them.
        """
        groups = (self.indices_in(group, number, start) for number, group in enumerate(self.groups))
        for parts in zip(*groups, strict=True):
            yield torch.stack(parts, 1).flatten()

    def indices_in(self, group: Tensor, number: int, start: int) -> Iterator[Tensor]:
        """Yields the indices (batch_size,) in a group."""
        batches = len(group) // (self.batch_size * self.processes)
        while True:
            epoch, skipped = divmod(start, batches)
            order = group[torch.randperm(len(group), generator=self.draws(ORDER, epoch, number))]
            if self.mirror:
                order += self.images * torch.randint(2, (len(group),), generator=self.draws(MIRRORS, epoch, number))
            if self.jitter:
                places = torch.randint(
                    (self.jitter + 1) ** 2, (len(group),), generator=self.draws(CROPS, epoch, number)
                )
                order += 2 * self.images * places
            for batch in range(skipped, batches):
                first = (batch * self.processes + self.process) * self.batch_size
                yield order[first : first + self.batch_size]
            start += batches - skipped

    def draws(self, purpose: int, epoch: int, group: int) -> torch.Generator:
        return torch.Generator().manual_seed(mix(self.seed, purpose, epoch, *([group] if group else [])))

    def state_dict(self) -> dict:
        """Returns an empty state: Lightning needs the method to resume in the middle of an epoch."""
        return {}

    def load_state_dict(self, state: dict) -> None:
        """Does nothing: the state is empty."""


class Versions(Dataset):
    """Images, then their mirror images, left and right exchanged; then both again for every further place of a crop.

    Args:
        source: Takes a tensor of indices, returns (x, y) with x (N, C, H, W).
        images: Its number of images.
        jitter: Pixels that a crop leaves out of each row and column; it can be in (jitter + 1)^2 places.
    """

    def __init__(self, source: Dataset, images: int, jitter: int = 0) -> None:
        self.source, self.images, self.jitter = source, images, jitter

    def __len__(self) -> int:
        return 2 * self.images * (self.jitter + 1) ** 2

    def __getitem__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        x, y = self.source[indices % self.images]
        version = indices // self.images
        x = torch.where((version % 2 == 0)[:, None, None, None], x, x.flip(3))
        return cropped_at(x, version // 2, self.jitter) if self.jitter else x, y


def cropped_at(x: Tensor, places: Tensor, jitter: int) -> Tensor:
    """Crops images (N, C, H, W) by this many pixels, each at one of its (jitter + 1)^2 places (N,), row by row."""
    height, width = (side - jitter for side in x.shape[2:])
    corners = [divmod(place, jitter + 1) for place in places.tolist()]
    pairs = zip(x, corners, strict=True)
    return torch.stack([image[:, top : top + height, left : left + width] for image, (top, left) in pairs])


class IndexBatches(Sampler):
    """The index tensors of one epoch of `Batches`."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Tensor]:
        indices = self.batches.indices(self.batches.iteration())
        return (batch for _, batch in zip(range(len(self)), indices, strict=False))
