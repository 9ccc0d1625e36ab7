"""Two folders of your own images that do not correspond, such as horses and zebras."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.utils.data import Dataset

from gan_lightning.core.errors import UserError
from gan_lightning.data.image_data import Chosen, ImageData
from gan_lightning.data.image_files import MAX_PIXELS
from gan_lightning.data.image_folder import ImageFolder


class Unpaired(ImageData):
    """Every image of two folders or zip files, A and B. No image of one has a counterpart in the other.

    A batch holds `batch_size` images of each side, in turn: a, b, a, b; labels are 0 and 1. Each side has an order of
    its own. An epoch is as long as the larger side; the other begins anew, in another order, whenever all of it was
    used. Each side is read as `ImageFolder` reads one, so it may have any size, format and depth of folders.
    Files of 16 bits are reduced to 8 in training, unless `bits` is 16; `gan predict --images` keeps them.

    Args:
        a: The folder or the .zip file of side A.
        b: The folder or the .zip file of side B.
        image_size: Height and width of the images to train on, or one number for a square.
        channels: 3 for colour, 1 for grey; both sides are shown so.
        batch_size: Images of each side per iteration on each process.
        seed: Fixes the order of the images.
        skip_corrupt: Skip files that cannot be read and report how many, instead of stopping at the first.
        memory_gib: Memory for decoded images of each side on each process, in GiB.
        workers: Number of worker processes that read images which do not fit into memory.
        held_out: Fraction of the images of each side kept out of training, to evaluate results with. An image is held
            out or not by its pixels.
        mirror: Mirror half of the training images of each side, others in every epoch.
        cache_gib: Size of the cache of decoded images of all data sets, in GiB. 0 turns it off.
        max_pixels: Refuse larger images before they are decoded.
        bits: 8 or 16, of each channel in memory. With 16, nothing is cached.
        jitter: Pixels by which images are resized higher and wider than `image_size`. Training images are cropped out
            of that at random, in every epoch elsewhere, others around the centre. 30 for 256 in Zhu et al. (2017).
    """

    def __init__(
        self,
        a: str,
        b: str,
        image_size: int | tuple[int, int] = 64,
        channels: int = 3,
        batch_size: int = 4,
        seed: int = 0,
        skip_corrupt: bool = False,
        memory_gib: float = 4.0,
        workers: int = 2,
        held_out: float = 0.0,
        mirror: bool = False,
        cache_gib: float = 20.0,
        max_pixels: int = MAX_PIXELS,
        bits: Literal[8, 16] = 8,
        jitter: int = 0,
    ) -> None:
        options = (skip_corrupt, memory_gib, workers, 0.0, False, cache_gib, max_pixels, bits, jitter)
        self.folders = [ImageFolder(root, image_size, channels, 1, seed, *options) for root in (a, b)]
        names = [Path(root).stem for root in (a, b)]
        super().__init__(
            self.folders[0].image_shape,
            batch_size,
            seed,
            classes=2,
            held_out=held_out,
            mirror=mirror,
            class_names=names if names[0] != names[1] else ("a", "b"),
            jitter=jitter,
        )

    def load(self) -> Dataset:
        check_sides(*(Path(folder.root).resolve() for folder in self.folders))
        for key, folder in zip(("data.a", "data.b"), self.folders, strict=True):
            folder.root_key = key
        both = TwoSides([folder.load() for folder in self.folders])
        self.workers = max(folder.workers for folder in self.folders)
        return both

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if self.left_out is not None:
            assert self.source is not None
            for folder, kept, out in zip(self.folders, *map(self.groups, (self.source, self.left_out)), strict=True):
                check_share(folder.root, self.held_out, len(kept), len(out))

    def identify(self, images: Dataset) -> Tensor:
        return torch.cat([folder.of_files for folder in self.folders])

    def groups(self, images: Dataset) -> Sequence[Tensor]:
        """Returns the indices of the images of A, and of those of B."""
        in_b = origins_of(images) >= len(self.folders[0].of_files)
        return [(~in_b).nonzero().flatten(), in_b.nonzero().flatten()]


class TwoSides(Dataset):
    """The images of A, then those of B, with labels 0 and 1.

    Args:
        sides: Each takes a tensor of indices and returns (x, y).
    """

    def __init__(self, sides: Sequence[Dataset]) -> None:
        self.sides = sides
        self.of_a, self.of_b = (len(side) for side in sides)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return self.of_a + self.of_b

    def __getitem__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        y = (indices >= self.of_a).long()
        parts = [side[indices[y == i] - i * self.of_a][0] for i, side in enumerate(self.sides) if (y == i).any()]
        return torch.cat(parts)[y.argsort(stable=True).argsort()], y


def check_share(root: str, share: float, kept: int, out: int) -> None:
    """Refuses a side of which nothing is left to train on, or nothing is held out."""
    if not kept or not out:
        raise UserError(
            f"data.held_out is {share}, which holds out {out} of the {kept + out} images of {root} (each is held out "
            "or not by its pixels): add images or change the share"
        )


def origins_of(images: Dataset) -> Tensor:
    """Returns where some of the images (N,) are among all that were loaded."""
    if isinstance(images, Chosen):
        return origins_of(images.source)[images.chosen]
    return torch.arange(len(images))  # type: ignore[arg-type]


def check_sides(a: Path, b: Path) -> None:
    """Refuses sides that share images.

    Args:
        a: Side A, without links.
        b: Side B, without links.
    """
    if a == b:
        raise UserError(f"data.a and data.b are both {a}: name two folders, of images of two kinds")
    inner, outer = ("data.a", "data.b") if b in a.parents else ("data.b", "data.a")
    if b in a.parents or a in b.parents:
        raise UserError(f"{inner} is inside {outer}, so its images would be on both sides: name two folders apart")
