"""Your own images: any folder of image files."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from lightning_utilities.core.rank_zero import rank_zero_warn
from PIL import Image, ImageOps
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset
from tqdm import tqdm

from gan_lightning.core.errors import UserError
from gan_lightning.data.image_data import ImageData

ENDINGS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".jp2", ".avif"}


class ImageFolder(ImageData):
    """Every image below a folder, either flat or with one folder per class.

    Grey, colour, palette, transparent (on white) and 16-bit images of any size are resized to cover `image_size` and
    cropped to it around the centre. Photographs are turned upright by their EXIF tag. If the folder itself holds no
    image, each folder in it is a class, in order of name; otherwise there are no classes.

    Images are decoded once and kept in memory as uint8 if they fit into `memory_gib`. Otherwise they are checked once,
    and decoded again whenever they are used.

    Args:
        root: The folder.
        image_size: Height and width of the images to train on, or one number for a square.
        channels: 3 for colour, 1 for grey.
        batch_size: Images per iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the images.
        skip_corrupt: Skip files that cannot be read and report how many, instead of stopping at the first.
        memory_gib: Memory for decoded images on each process, in GiB.
        workers: Number of worker processes that decode images which do not fit into memory.
        held_out: Fraction of the images kept out of training, to evaluate samples against; always the same images.
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
    ) -> None:
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        if min(height, width) < 1:
            raise UserError(f"data.image_size is {image_size}; height and width must be at least 1")
        if channels not in (1, 3):
            raise UserError(f"data.channels is {channels}; it must be 1 (grey) or 3 (colour)")
        super().__init__((channels, height, width), batch_size, seed, held_out=held_out)
        self.root, self.skip_corrupt, self.memory_gib = root, skip_corrupt, memory_gib
        self.workers_when_lazy = workers

    def load(self) -> Dataset:
        paths, labels = labelled_paths(Path(self.root))
        in_memory = len(paths) * int(np.prod(self.image_shape)) <= self.memory_gib * 2**30
        pixels = torch.empty((len(paths) if in_memory else 0, *self.image_shape), dtype=torch.uint8)
        self.classes = 1 + max(labels.values()) if len({*labels.values()}) > 1 else 0
        readable = []
        for path, image in zip(paths, self.decoded(paths), strict=True):
            if isinstance(image, UserError):
                if not self.skip_corrupt:
                    raise image
                continue
            if in_memory:
                pixels[len(readable)] = image
            readable.append(path)
        self.report(paths, readable)
        y = torch.tensor([labels[path] for path in readable], dtype=torch.int64)
        if in_memory:
            return TensorDataset(pixels[: len(readable)], y)
        self.workers = self.workers_when_lazy
        return LazyImages(readable, y, self.image_shape)

    def decoded(self, paths: list[Path]) -> Iterator[Tensor | UserError]:
        """Yields each file's image, or the error that explains why it has none, in order."""

        def attempt(path: Path) -> Tensor | UserError:
            try:
                return decode(path, self.image_shape)
            except UserError as error:
                return error

        yield from in_threads(attempt, tqdm(paths, desc=f"reading {self.root}", unit=" images", disable=None))

    def report(self, paths: list[Path], readable: list[Path]) -> None:
        skipped = sorted(set(paths) - set(readable))
        if not readable:
            raise UserError(f"none of the {len(paths)} images in {self.root} can be read; the first is {paths[0]}")
        if skipped:
            rank_zero_warn(f"skipped {len(skipped)} of {len(paths)} images that cannot be read, first {skipped[0]}")


class LazyImages(Dataset):
    """Images that are decoded each time they are used.

    Args:
        paths: The files.
        labels: (N,) int64.
        image_shape: Channels, height, width.
    """

    def __init__(self, paths: list[Path], labels: Tensor, image_shape: tuple[int, int, int]) -> None:
        self.paths, self.labels, self.image_shape = paths, labels, image_shape

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        chosen = [self.paths[i] for i in indices.tolist()]
        return torch.stack([decode(path, self.image_shape) for path in chosen]), self.labels[indices]


def labelled_paths(root: Path) -> tuple[list[Path], dict[Path, int]]:
    """The image files below a folder, sorted, and the class of each (0 for all if the folder has no classes)."""
    if not root.is_dir():
        raise UserError(f"data.root is {root}, which is {'a file' if root.exists() else 'not there'}: name a folder")
    paths = sorted(p for p in root.rglob("*") if p.suffix.lower() in ENDINGS and not p.name.startswith("."))
    if not paths:
        raise UserError(
            f"no image found in {root} or below it (looked for {' '.join(sorted(ENDINGS))}): check data.root"
        )
    folders = sorted({p.relative_to(root).parts[0] for p in paths})
    has_classes = all(p.parent != root for p in paths)
    return paths, {p: folders.index(p.relative_to(root).parts[0]) if has_classes else 0 for p in paths}


def decode(path: Path, image_shape: tuple[int, int, int]) -> Tensor:
    """Decodes an image file to uint8 (C, H, W): upright, opaque, 8-bit, resized to cover the shape and cropped to it.

    Raises:
        UserError: The file cannot be read as an image; the message names it.
    """
    channels, height, width = image_shape
    try:
        with Image.open(path) as file:
            image = eight_bit(ImageOps.exif_transpose(file))
    except Exception as error:  # on damaged files, Pillow's decoders raise many kinds, even SyntaxError
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"cannot read {path} ({reason}): remove it, or skip unreadable files with data.skip_corrupt true"
        ) from error
    image = image.convert("L" if channels == 1 else "RGB")
    image = ImageOps.fit(image, (width, height), method=Image.Resampling.LANCZOS)
    return torch.from_numpy(np.array(image)).view(height, width, channels).permute(2, 0, 1).contiguous()


def eight_bit(image: Image.Image) -> Image.Image:
    """Converts an image to an opaque one with 8 bits per channel."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image, dtype=np.float64)
        if image.mode == "F":
            values = values * (255 if values.max() <= 1 else 1)  # floats are in [0, 1] or, rarely, in [0, 255]
        elif image.mode.startswith("I;16") or values.max() > 255:
            values = values / 257  # 65535 is white
        return Image.fromarray(values.round().clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image


def in_threads(function: Callable, items: Iterable) -> Iterator:
    """Maps in threads, keeping the order. Pillow decodes without the interpreter lock."""
    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        yield from pool.map(function, items)
