"""Your own pairs: images, each with the input that it is to be made from."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape
from gan_lightning.data.deep_decoding import alike
from gan_lightning.data.image_data import ImageData
from gan_lightning.data.image_files import MAX_PIXELS, reading
from gan_lightning.data.pair_files import InTwoFolders, PairFiles, Side, SideBySide, check_sizes_of
from gan_lightning.data.pixel_cache import gib_of
from gan_lightning.data.readable import readable_of


class Pairs(ImageData):
    """Images with an input for each: side by side in one file, or in two folders of equal names.

    For a translator with the degradation `Given`. Both of a pair are resized to cover `image_size` and cropped to it
    around the centre, in the same way, and mirrored together. They must be of one size. A batch holds the channels of
    the images, and then those of the inputs. Files of 16 bits keep them.

    Args:
        root: The folder or the .zip file of files that hold both, side by side. Or give `inputs` and `targets`.
        inputs: The folder or the .zip file of inputs.
        targets: That of the images to make, of the same names but for the endings.
        input_side: Where the input is in files that hold both: left or right.
        image_size: Height and width of the images to train on, or one number for a square.
        channels: 3 for colour, 1 for grey; of the images to make.
        input_channels: The same, of the inputs.
        batch_size: Pairs per iteration on each process.
        seed: Fixes the order of the pairs.
        jitter: Pixels by which pairs are resized higher and wider than `image_size`. Training pairs are cropped out of
            that at random, in every epoch elsewhere, others around the centre. 30 for 256 in Isola et al. (2017).
        mirror: Mirror half of the training pairs, others in every epoch. Pairs to compare with stay as they are.
        held_out: Fraction of the pairs kept out of training, to evaluate results against. A pair is held out or not by
            the pixels of its image.
        skip_corrupt: Skip files that cannot be read and report how many, instead of stopping at the first.
        memory_gib: Memory for the pairs on each process, in GiB, where 8 bits take a byte. If they take more, they are
            read as they are used.
        workers: Number of worker processes that read pairs which do not fit into memory.
        max_pixels: Refuse larger files before they are decoded.
    """

    def __init__(
        self,
        root: str | None = None,
        inputs: str | None = None,
        targets: str | None = None,
        input_side: Side = "left",
        image_size: int | tuple[int, int] = 256,
        channels: int = 3,
        input_channels: int = 3,
        batch_size: int = 1,
        seed: int = 0,
        jitter: int = 0,
        mirror: bool = False,
        held_out: float = 0.0,
        skip_corrupt: bool = False,
        memory_gib: float = 4.0,
        workers: int = 2,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        if min(height, width) < 1:
            raise UserError(f"data.image_size is {image_size}; height and width must be at least 1")
        for key, value in (("channels", channels), ("input_channels", input_channels)):
            if value not in (1, 3):
                raise UserError(f"data.{key} is {value}; it must be 1 (grey) or 3 (colour)")
        check_places(root, inputs, targets)
        shape = (channels, height, width)
        super().__init__(shape, batch_size, seed, classes=0, held_out=held_out, mirror=mirror, jitter=jitter)
        self.root, self.inputs, self.targets = root, inputs, targets
        self.input_side: Side = input_side
        self.input_channels, self.skip_corrupt, self.memory_gib = input_channels, skip_corrupt, memory_gib
        self.workers_when_lazy, self.max_pixels = workers, max_pixels

    @property
    def shapes(self) -> tuple[ImageShape, ImageShape]:
        """The shapes of an image and its input before they are cropped."""
        channels, height, width = self.image_shape
        height, width = height + self.jitter, width + self.jitter
        return (channels, height, width), (self.input_channels, height, width)

    def load(self) -> Dataset:
        files = self.files()
        check_sizes_of(files, self.max_pixels)
        count, (shape, input_shape) = len(files.names), self.shapes
        together = (shape[0] + input_shape[0], *shape[1:])
        in_memory = gib_of(count, together) <= self.memory_gib
        pixels = torch.empty((count if in_memory else 0, *together), dtype=torch.uint8)
        found, identities = [], []
        for index, (pair, identity) in self.readable(files):
            if in_memory:
                pixels, pair = alike([pixels, pair])
                pixels[len(found)] = pair
                if pixels.nbytes > self.memory_gib * 2**30:  # as pairs of 16 bits
                    in_memory, pixels = False, pixels[:0]
            found.append(index)
            identities.append(identity)
        self.of_pairs = torch.tensor(identities, dtype=torch.int64)
        labels = torch.zeros(len(found), dtype=torch.int64)
        if in_memory:
            return TensorDataset(pixels[: len(found)], labels)
        self.workers = self.workers_when_lazy
        return LazyPairs(files, found, self.shapes, self.max_pixels)

    def identify(self, images: Dataset) -> Tensor:
        return self.of_pairs

    def files(self) -> PairFiles:
        """Lists the pairs."""
        if self.inputs is not None and self.targets is not None:
            return InTwoFolders(self.targets, self.inputs)
        assert self.root is not None
        return SideBySide(self.root, self.input_side)

    def readable(self, files: PairFiles) -> Iterator[tuple[int, tuple[Tensor, int]]]:
        """Yields the number of each pair that can be read, its pixels, and its identity, in order.

        Raises:
            UserError: One cannot be read, and such are not to be skipped; or none can.
        """
        with reading(self.max_pixels):
            yield from readable_of(
                lambda index: files.read(index, self.shapes, self.max_pixels),
                len(files.names),
                self.skip_corrupt,
                str(self.root or self.targets),
            )


class LazyPairs(Dataset):
    """Pairs that are read each time they are used.

    Args:
        files: Where they are.
        chosen: The numbers of those to use.
        shapes: Channels, height, width of an image and of its input.
        max_pixels: As in `Pairs`.
    """

    def __init__(
        self, files: PairFiles, chosen: list[int], shapes: tuple[ImageShape, ImageShape], max_pixels: int
    ) -> None:
        self.files, self.chosen, self.shapes, self.max_pixels = files, chosen, shapes, max_pixels

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        with reading(self.max_pixels):
            read = [self.files.read(self.chosen[index], self.shapes, self.max_pixels) for index in indices.tolist()]
        return torch.stack(alike([pair for pair, _ in read])), torch.zeros(len(read), dtype=torch.int64)


def check_places(root: str | None, inputs: str | None, targets: str | None) -> None:
    """Refuses pairs that are said to be in more than one place, or in none."""
    where = "pairs are in files that hold both side by side (data.root), or in two folders (data.inputs, data.targets)"
    if root is not None and (inputs, targets) != (None, None):
        raise UserError(f"{where}; data.root is {root}: set it to null (--data.root null), or give it alone")
    missing = [key for key, value in (("inputs", inputs), ("targets", targets)) if value is None]
    if root is None and missing:
        raise UserError(f"{where}; there is no {' and no '.join(f'data.{key}' for key in missing)}: "
                        f"{'give both folders' if len(missing) == 1 else 'give one or the other'}")  # fmt: skip
