"""Batches whose images are a function of the seed, the iteration and the process."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from gan_lightning.core.seeding import MIRRORS, ORDER, mix


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
        groups: The indices of each group of images. A batch holds as many of each, in turn, and each has an order of its
            own, anew whenever all of it was used; an epoch is as long as that of the largest. By default, all images
            are one group.
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
    ) -> None:
        self.source, self.workers, self.mirror = source, workers, mirror
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
                WithMirrorImages(self.source, self.images) if self.mirror else self.source,
                batch_size=None,
                sampler=IndexBatches(self),
                num_workers=self.workers,
                pin_memory=torch.cuda.is_available(),
                generator=torch.Generator(),
            )
        )

    def indices(self, start: int) -> Iterator[Tensor]:
        """Yields the indices (groups * batch_size,) of batch `start` and of all later ones, on this process.

        With `mirror`, index i + images is the mirror image of image i.
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


class WithMirrorImages(Dataset):
    """Images and, after them, their mirror images, left and right exchanged.

    Args:
        source: Takes a tensor of indices, returns (x, y) with x (N, C, H, W).
        images: Its number of images.
    """

    def __init__(self, source: Dataset, images: int) -> None:
        self.source, self.images = source, images

    def __len__(self) -> int:
        return 2 * self.images

    def __getitem__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        x, y = self.source[indices % self.images]
        return torch.where((indices < self.images)[:, None, None, None], x, x.flip(3)), y


class IndexBatches(Sampler):
    """The index tensors of one epoch of `Batches`."""

    def __init__(self, batches: Batches) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Tensor]:
        indices = self.batches.indices(self.batches.iteration())
        return (batch for _, batch in zip(range(len(self)), indices, strict=False))
