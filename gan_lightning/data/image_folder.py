"""Your own images: any folder or zip file of image files."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from lightning_utilities.core.rank_zero import rank_zero_warn
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset
from tqdm import tqdm

from gan_lightning.core.errors import UserError, printable
from gan_lightning.data.identity import identity_of
from gan_lightning.data.image_data import ImageData
from gan_lightning.data.image_files import MAX_PIXELS, ImageFile, Limit, in_threads, read_image, reading
from gan_lightning.data.image_source import ImageSource, classes_of, image_source

STRIP = 2**20
"""Pixels of a large image that are converted together."""


class ImageFolder(ImageData):
    """Every image below a folder or in a zip file, either flat or with one folder per class.

    Grey, colour, palette, transparent (on white) and 16-bit images of any size are resized to cover `image_size` and
    cropped to it around the centre. Photographs are turned upright by their EXIF tag. A zip file is read where it lies,
    as the folder that it would unpack to. If every image is in a folder, these are the classes, in order of name; one
    folder that holds everything is looked through. Otherwise there are no classes.

    Images are decoded once and kept in memory as uint8 if they fit into `memory_gib`. Otherwise they are checked once,
    and decoded again whenever they are used.

    Args:
        root: The folder or the .zip file.
        image_size: Height and width of the images to train on, or one number for a square.
        channels: 3 for colour, 1 for grey.
        batch_size: Images per iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the images.
        skip_corrupt: Skip files that cannot be read and report how many, instead of stopping at the first.
        memory_gib: Memory for decoded images on each process, in GiB.
        workers: Number of worker processes that decode images which do not fit into memory.
        held_out: Fraction of the images kept out of training, to evaluate samples against. An image is held out or not
            by the pixels of its file, whatever `image_size` is: adding or removing others does not move it, and copies
            and mirror images stay together.
        max_pixels: Refuse larger images before they are decoded, which takes 4 to 12 bytes of memory per pixel. A file
            of a few kilobytes can declare billions of pixels.
    """

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
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        if min(height, width) < 1:
            raise UserError(f"data.image_size is {image_size}; height and width must be at least 1")
        if channels not in (1, 3):
            raise UserError(f"data.channels is {channels}; it must be 1 (grey) or 3 (colour)")
        if max_pixels < 1:
            raise UserError(f"data.max_pixels is {max_pixels}; it must be at least 1")
        super().__init__((channels, height, width), batch_size, seed, held_out=held_out)
        self.root, self.skip_corrupt, self.memory_gib = root, skip_corrupt, memory_gib
        self.workers_when_lazy, self.max_pixels = workers, max_pixels

    def load(self) -> Dataset:
        source = image_source(self.root)
        classes, labels = classes_of(source.names)
        self.classes = len(classes)
        count = len(source.names)
        in_memory = count * int(np.prod(self.image_shape)) <= self.memory_gib * 2**30
        pixels = torch.empty((count if in_memory else 0, *self.image_shape), dtype=torch.uint8)
        readable, identities = [], []
        with reading(self.max_pixels):
            for index, found in enumerate(self.decoded(source)):
                if isinstance(found, UserError):
                    if not self.skip_corrupt:
                        raise found
                    continue
                image, identity = found
                if in_memory:
                    pixels[len(readable)] = image
                readable.append(index)
                identities.append(identity)
        self.report(source, readable)
        self.of_files = torch.tensor(identities, dtype=torch.int64)
        y = torch.tensor(labels, dtype=torch.int64)[readable]
        if in_memory:
            return TensorDataset(pixels[: len(readable)], y)
        self.workers = self.workers_when_lazy
        return LazyImages(source, readable, y, self.image_shape, self.max_pixels)

    def identify(self, images: Dataset) -> Tensor:
        return self.of_files

    def decoded(self, source: ImageSource) -> Iterator[tuple[Tensor, int] | UserError]:
        """Yields each file's image and identity, or the error that explains why it has none, in order."""

        def attempt(index: int) -> tuple[Tensor, int] | UserError:
            try:
                return decode_and_name(source.file(index), self.image_shape, self.max_pixels)
            except UserError as error:
                return error

        numbers = range(len(source.names))
        yield from in_threads(
            attempt, tqdm(numbers, desc=f"reading {printable(self.root)}", unit=" images", disable=None)
        )

    def report(self, source: ImageSource, readable: list[int]) -> None:
        count = len(source.names)
        if not readable:
            raise UserError(f"none of the {count} images in {self.root} can be read; the first is {source.file(0)}")
        if len(readable) < count:
            first = source.file(min({*range(count)} - {*readable}))
            rank_zero_warn(
                f"skipped {count - len(readable)} of {count} images that cannot be read, first {printable(first)}"
            )


class LazyImages(Dataset):
    """Images that are decoded each time they are used.

    Args:
        source: Where the files are.
        files: The numbers of the files to use.
        labels: (N,) int64.
        image_shape: Channels, height, width.
        max_pixels: As in `ImageFolder`.
    """

    def __init__(
        self,
        source: ImageSource,
        files: Sequence[int],
        labels: Tensor,
        image_shape: tuple[int, int, int],
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self.source, self.files, self.labels = source, files, labels
        self.image_shape, self.max_pixels = image_shape, max_pixels

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        chosen = [self.source.file(self.files[i]) for i in indices.tolist()]
        with reading(self.max_pixels):
            images = [decode(file, self.image_shape, self.max_pixels) for file in chosen]
        return torch.stack(images), self.labels[indices]


def decode(file: ImageFile, image_shape: tuple[int, int, int], max_pixels: int = MAX_PIXELS) -> Tensor:
    """Decodes an image file to uint8 (C, H, W): upright, opaque, 8-bit, resized to cover the shape and cropped to it.

    Raises:
        UserError: The file cannot be read as an image; the message names it.
    """
    return read_image(file, lambda image: fitted(image, image_shape), limit_of(max_pixels))


def decode_and_name(file: ImageFile, image_shape: tuple[int, int, int], max_pixels: int) -> tuple[Tensor, int]:
    """Decodes an image file, and returns the identity of all its pixels, too."""

    def use(image: Image.Image) -> tuple[Tensor, int]:
        ImageOps.exif_transpose(image, in_place=True)
        image = opaque(image)
        return fitted(image, image_shape), identity_of(strips(image))

    return read_image(file, use, limit_of(max_pixels))


def limit_of(max_pixels: int) -> Limit:
    return Limit(
        max_pixels,
        f"data.max_pixels is {max_pixels:,}",
        "remove it, or skip unreadable files with data.skip_corrupt true",
    )


def fitted(image: Image.Image, image_shape: tuple[int, int, int]) -> Tensor:
    """Converts an image, in place, to uint8 (C, H, W), as `decode` says."""
    channels, height, width = image_shape
    ImageOps.exif_transpose(image, in_place=True)
    image = in_channels(image, channels)
    image = ImageOps.fit(image, (width, height), method=Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).view(height, width, channels).permute(2, 0, 1).contiguous()


def strips(image: Image.Image) -> Iterator[np.ndarray]:
    """Yields the pixels in colour, (h, W, 3), in parts: as a whole, they would be in memory once more."""
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        part = image.crop((0, top, image.width, min(top + rows, image.height)))
        yield np.asarray(part if part.mode == "RGB" else part.convert("RGB"))


def in_channels(image: Image.Image, channels: int) -> Image.Image:
    """Converts an image to an opaque one with 8 bits per channel: grey for one channel, else colour."""
    image, mode = opaque(image), "L" if channels == 1 else "RGB"
    return image if image.mode == mode else image.convert(mode)


def opaque(image: Image.Image) -> Image.Image:
    """Converts an image that is transparent, has more than 8 bits, or has no direct way to grey."""
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(in_bytes(np.asarray(image)))
    if image.mode == "LAB":
        return image.convert("RGB")
    return on_white(image) if image.has_transparency_data else image


def on_white(image: Image.Image) -> Image.Image:
    """Lays a transparent image on white, in strips: as a whole, it would be in memory four times."""
    result = Image.new("RGB", image.size)
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        strip = image.crop((0, top, image.width, min(top + rows, image.height)))
        strip = (strip.convert("LA") if strip.mode == "La" else strip).convert("RGBA")
        white = Image.new("RGBA", strip.size, "white")
        result.paste(Image.alpha_composite(white, strip).convert("RGB"), (0, top))
    return result


def in_bytes(values: np.ndarray) -> np.ndarray:
    """Scales the values of a picture with more than 8 bits, (H, W), to uint8.

    Floats are in [0, 1] or, rarely, in [0, 255]. Of integers, 65535 is white, unless they are of 32 bits and below 256.
    """
    top = values.max()
    times = 255 if values.dtype.kind == "f" and top <= 1 else 1
    over = 257 if values.dtype.kind != "f" and (values.itemsize == 2 or top > 255) else 1
    result = np.empty(values.size, dtype=np.uint8)
    for start in range(0, values.size, 2**20):  # in parts: as float64, an image would need eight times its memory
        part = values.reshape(-1)[start : start + 2**20].astype(np.float64) * times / over
        result[start : start + 2**20] = np.nan_to_num(part.round().clip(0, 255))
    return result.reshape(values.shape)
