"""Your own images: any folder or zip file of image files."""

from collections.abc import Iterator
from typing import Literal

import numpy as np
import torch
from lightning_utilities.core.rank_zero import rank_zero_warn
from PIL import __version__ as PILLOW
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset
from tqdm import tqdm

from gan_lightning.core.errors import UserError, printable
from gan_lightning.core.images import ImageShape
from gan_lightning.data.decoding import decode, decode_and_name
from gan_lightning.data.deep_decoding import decode_deep
from gan_lightning.data.image_data import ImageData
from gan_lightning.data.image_files import MAX_PIXELS, ImageFile, in_threads, reading
from gan_lightning.data.image_source import ImageSource, classes_of, image_source
from gan_lightning.data.pixel_cache import DecodedPixels, PixelCache, StoredPixels, gib_of


class ImageFolder(ImageData):
    """Every image below a folder or in a zip file, either flat or with one folder per class.

    Grey, colour, palette, transparent (on white) and 16-bit images of any size are resized to cover `image_size` and
    cropped to it around the centre. Photographs are turned upright by their EXIF tag. A zip file is read where it lies,
    as the folder that it would unpack to. If every image is in a folder, these are the classes, in order of name; one
    folder that holds everything is looked through. Otherwise there are no classes.

    Images are decoded once, into the user's cache folder, where later starts find them as long as no file changes
    (`gan cache` shows it). They are kept in memory as uint8 if they fit into `memory_gib`; otherwise they are read from
    the cache as they are used, or, if it is off or full, decoded again.

    With `bits: 16`, files that have 16 bits keep them. Then nothing is cached.

    Args:
        root: The folder or the .zip file.
        image_size: Height and width of the images to train on, or one number for a square.
        channels: 3 for colour, 1 for grey.
        batch_size: Images per iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the images.
        skip_corrupt: Skip files that cannot be read and report how many, instead of stopping at the first.
        memory_gib: Memory for decoded images on each process, in GiB.
        workers: Number of worker processes that read images which do not fit into memory.
        held_out: Fraction of the images kept out of training, to evaluate samples against. An image is held out or not
            by the pixels of its file, whatever `image_size` is: adding or removing others does not move it, and copies
            and mirror images stay together.
        mirror: Mirror half of the training images, others in every epoch. Images to compare with stay as they are.
        cache_gib: Size of the cache of decoded images of all data sets, in GiB. Those that were not used for longest
            make room for others. 0 turns it off.
        max_pixels: Refuse larger images before they are decoded, which takes 4 to 12 bytes of memory per pixel. A file
            of a few kilobytes can declare billions of pixels.
        bits: 8 or 16, of each channel in memory.
        jitter: Pixels by which images are resized higher and wider than `image_size`. Training images are cropped out
            of that at random, in every epoch elsewhere, others around the centre: a few hundred images go further.
    """

    root_key = "data.root"
    """The option that names the folder."""

    def __init__(
        self,
        root: str,
        image_size: int | tuple[int, int] = 64,
        channels: int = 3,
        batch_size: int = 128,
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
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        if min(height, width) < 1:
            raise UserError(f"data.image_size is {image_size}; height and width must be at least 1")
        if channels not in (1, 3):
            raise UserError(f"data.channels is {channels}; it must be 1 (grey) or 3 (colour)")
        if bits not in (8, 16):
            raise UserError(f"data.bits is {bits}; it must be 8 or 16")
        if max_pixels < 1:
            raise UserError(f"data.max_pixels is {max_pixels}; it must be at least 1")
        if not cache_gib >= 0:
            raise UserError(f"data.cache_gib is {cache_gib}; it must be at least 0")
        super().__init__((channels, height, width), batch_size, seed, held_out=held_out, mirror=mirror, jitter=jitter)
        self.root, self.skip_corrupt, self.memory_gib = root, skip_corrupt, memory_gib
        self.workers_when_lazy, self.cache_gib, self.max_pixels = workers, cache_gib, max_pixels
        self.bits: Literal[8, 16] = bits

    @property
    def decoded_shape(self) -> ImageShape:
        """Channels, height and width of an image before it is cropped."""
        channels, height, width = self.image_shape
        return channels, height + self.jitter, width + self.jitter

    def load(self) -> Dataset:
        source = image_source(self.root, self.root_key)
        classes, labels = classes_of(source.names)
        self.classes, self.class_names = len(classes), tuple(classes)
        in_memory = gib_of(len(source.names), self.decoded_shape) * self.bits / 8 <= self.memory_gib
        found = self.from_cache(source, in_memory) or self.decoded(source, in_memory)
        self.report(source, found.files)
        self.of_files = torch.from_numpy(found.identities)
        y = torch.tensor(labels, dtype=torch.int64)[found.files]
        if in_memory:
            kept = np.array(found.pixels) if isinstance(found, StoredPixels) else found.pixels
            return TensorDataset(torch.from_numpy(kept), y)
        self.workers = self.workers_when_lazy
        lazy = LazyImages(source, found.files, y, self.decoded_shape, self.max_pixels, self.bits)
        return MappedImages(found, lazy) if isinstance(found, StoredPixels) else lazy

    def identify(self, images: Dataset) -> Tensor:
        return self.of_files

    def from_cache(self, source: ImageSource, in_memory: bool) -> StoredPixels | None:
        """Returns the decoded images in the user's cache, decoded now if need be; None if they cannot be there."""
        depends_on = (source.stamp(), PILLOW.encode(), str(self.max_pixels).encode())
        cache = PixelCache(depends_on, len(source.names), self.decoded_shape, self.cache_gib)
        if not cache.is_on() or self.bits == 16:
            return None
        with cache.locked():
            found = cache.read(check=in_memory)
            if found is not None and (self.skip_corrupt or len(found.files) == len(source.names)):
                return found
            return cache.read() if cache.write(self.readable(source)) else None

    def decoded(self, source: ImageSource, in_memory: bool) -> DecodedPixels:
        """Decodes all images, and keeps them if they fit into memory."""
        count = len(source.names)
        pixels = np.empty((count if in_memory else 0, *self.decoded_shape), dtype=f"uint{self.bits}")
        files, identities = [], []
        for index, image, identity in self.readable(source):
            if in_memory:
                pixels[len(files)] = image
            files.append(index)
            identities.append(identity)
        return DecodedPixels(pixels[: len(files)], np.array(files, np.int64), np.array(identities, np.int64))

    def readable(self, source: ImageSource) -> Iterator[tuple[int, np.ndarray, int]]:
        """Yields the number of each file that can be read, its image (C, H, W), and its identity, in order.

        Raises:
            UserError: One cannot be read, and such are not to be skipped.
        """

        def attempt(index: int) -> tuple[Tensor, int] | UserError:
            try:
                read = decode_deep if self.bits == 16 else decode_and_name
                return read(source.file(index), self.decoded_shape, self.max_pixels)
            except UserError as error:
                return error

        numbers = tqdm(range(len(source.names)), desc=f"reading {printable(self.root)}", unit=" images", disable=None)
        with reading(self.max_pixels):
            for index, found in enumerate(in_threads(attempt, numbers)):
                if not isinstance(found, UserError):
                    yield index, found[0].numpy(), found[1]
                elif not self.skip_corrupt:
                    raise found

    def report(self, source: ImageSource, readable: np.ndarray) -> None:
        count = len(source.names)
        if not len(readable):
            raise UserError(f"none of the {count} images in {self.root} can be read; the first is {source.file(0)}")
        if len(readable) < count:
            first = source.file(int(np.setdiff1d(np.arange(count), readable)[0]))
            rank_zero_warn(
                f"skipped {count - len(readable)} of {count} images that cannot be read, first {printable(first)}"
            )


class LazyImages(Dataset):
    """Images that are decoded each time they are used.

    Args:
        source: Where the files are.
        files: The numbers of the files to use, (N,).
        labels: (N,) int64.
        image_shape: Channels, height, width.
        max_pixels: As in `ImageFolder`.
        bits: As there.
    """

    def __init__(
        self,
        source: ImageSource,
        files: np.ndarray,
        labels: Tensor,
        image_shape: tuple[int, int, int],
        max_pixels: int = MAX_PIXELS,
        bits: Literal[8, 16] = 8,
    ) -> None:
        self.source, self.files, self.labels = source, files, labels
        self.image_shape, self.max_pixels, self.bits = image_shape, max_pixels, bits

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        chosen = [self.source.file(int(self.files[i])) for i in indices.tolist()]
        with reading(self.max_pixels):
            images = [self.decoded(file) for file in chosen]
        return torch.stack(images), self.labels[indices]

    def decoded(self, file: ImageFile) -> Tensor:
        if self.bits == 16:
            return decode_deep(file, self.image_shape, self.max_pixels)[0]
        return decode(file, self.image_shape, self.max_pixels)


class MappedImages(Dataset):
    """Images that are read from the cache as they are used. One that is damaged there is decoded again.

    Args:
        stored: The images.
        lazy: The same, decoded from their files.
    """

    def __init__(self, stored: StoredPixels, lazy: LazyImages) -> None:
        self.stored, self.lazy = stored, lazy

    def __len__(self) -> int:
        return len(self.lazy)

    def __getitem__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        images, whole = self.stored.read(indices.numpy())
        x, damaged = torch.from_numpy(images), torch.from_numpy(~whole)
        if damaged.any():
            x[damaged] = self.lazy[indices[damaged]][0]
        return x, self.lazy.labels[indices]
