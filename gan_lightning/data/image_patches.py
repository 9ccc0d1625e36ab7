"""Patches of your own photographs, at the size at which they were taken."""

import sys
from collections.abc import Iterator

import numpy as np
import torch
from lightning_utilities.core.rank_zero import rank_zero_only
from PIL import Image
from torch import Tensor
from torch.utils.data import TensorDataset

from gan_lightning.core.errors import UserError, printable
from gan_lightning.data.decoding import limit_of
from gan_lightning.data.deep_decoding import alike, colour_strips, fitted_values, values_of
from gan_lightning.data.identity import identity_of
from gan_lightning.data.image_data import ImageData
from gan_lightning.data.image_files import MAX_PIXELS, ImageFile, read_image, reading
from gan_lightning.data.image_source import image_source
from gan_lightning.data.readable import readable_of

GIB = 2**30


class ImagePatches(ImageData):
    """Every image below a folder or in a zip file, cut into patches side by side, without resizing.

    For tasks that depend on the finest details, such as super-resolution. The patches lie around the centre of each
    image; a remainder at its edges is left out. An image that is smaller than a patch is enlarged to it, and a line
    says how many are. They are kept
    in memory as bytes; if some files have 16 bits, all with 16 bits.

    Args:
        root: The folder or the .zip file.
        image_size: Height and width of a patch, or one number for a square.
        channels: 3 for colour, 1 for grey.
        batch_size: Patches per iteration on each process.
        seed: Fixes the order of the patches.
        skip_corrupt: Skip files that cannot be read and report how many, instead of stopping at the first.
        memory_gib: Memory for the patches on each process, in GiB.
        held_out: Fraction of the images kept out of training, with all their patches, to evaluate results against. An
            image is held out or not by its pixels.
        mirror: Mirror half of the training patches, others in every epoch.
        max_pixels: Refuse larger images before they are decoded.
    """

    def __init__(
        self,
        root: str,
        image_size: int | tuple[int, int] = 96,
        channels: int = 3,
        batch_size: int = 16,
        seed: int = 0,
        skip_corrupt: bool = False,
        memory_gib: float = 4.0,
        held_out: float = 0.0,
        mirror: bool = False,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        height, width = (image_size, image_size) if isinstance(image_size, int) else image_size
        if min(height, width) < 1:
            raise UserError(f"data.image_size is {image_size}; height and width must be at least 1")
        if channels not in (1, 3):
            raise UserError(f"data.channels is {channels}; it must be 1 (grey) or 3 (colour)")
        super().__init__((channels, height, width), batch_size, seed, classes=0, held_out=held_out, mirror=mirror)
        self.root, self.skip_corrupt, self.memory_gib, self.max_pixels = root, skip_corrupt, memory_gib, max_pixels

    def load(self) -> TensorDataset:
        found, numbers, size, small = [], [], 0, 0
        for patches, identity, enlarged in self.readable():
            size, small = size + patches.nbytes, small + enlarged
            if size > self.memory_gib * GIB:
                raise UserError(
                    f"the patches of {self.root} take more than data.memory_gib, {self.memory_gib:g} GiB: increase it, "
                    "or give fewer images"
                )
            found.append(patches)
            numbers += [identity] * len(patches)
        if small:
            warn_of_enlarged(f"{small:,} of {len(found):,} images in {self.root}", self.image_shape)
        self.of_patches = torch.tensor(numbers, dtype=torch.int64)
        return TensorDataset(torch.cat(alike(found)), torch.zeros(len(numbers), dtype=torch.int64))

    def identify(self, images: object) -> Tensor:
        """Returns for each patch the number (N,) of the image that it comes from."""
        return self.of_patches

    def readable(self) -> Iterator[tuple[Tensor, int, bool]]:
        """Yields the patches (n, C, h, w) of each file that can be read, the image's identity and whether it was
        enlarged, in order.

        Raises:
            UserError: One cannot be read, and such are not to be skipped; or none can.
        """
        source = image_source(self.root)
        with reading(self.max_pixels):
            found = readable_of(
                lambda index: patches_of(source.file(index), self.image_shape, self.max_pixels),
                len(source.names),
                self.skip_corrupt,
                self.root,
            )
            yield from (patches for _, patches in found)


@rank_zero_only
def warn_of_enlarged(which: str, image_shape: tuple[int, int, int]) -> None:
    """Says that some images are smaller than a patch."""
    _, height, width = image_shape
    print(
        printable(
            f"{which} are smaller than a patch of {height}x{width}, and blurred as they are enlarged to it: choose a "
            "smaller data.image_size"
        ),
        file=sys.stderr,
    )


def patches_of(file: ImageFile, image_shape: tuple[int, int, int], max_pixels: int) -> tuple[Tensor, int, bool]:
    """Returns the patches (n, C, h, w) of an image, row by row, the image's identity, and whether it was enlarged."""

    def use(image: Image.Image) -> tuple[Tensor, int, bool]:
        channels, height, width = image_shape
        values = values_of(image, channels)
        identity = identity_of(colour_strips(values))
        if values.shape[0] < height or values.shape[1] < width:
            return fitted_values(values, height, width)[None], identity, True
        return cut_apart(values, height, width), identity, False

    return read_image(file, use, limit_of(max_pixels))


def cut_apart(pixels: np.ndarray, height: int, width: int) -> Tensor:
    """Cuts pixels (H, W, C) into as many patches (n, C, height, width) as there is room for, around the centre."""
    rows, columns = pixels.shape[0] // height, pixels.shape[1] // width
    top, left = (pixels.shape[0] - rows * height) // 2, (pixels.shape[1] - columns * width) // 2
    inside = torch.from_numpy(pixels[top : top + rows * height, left : left + columns * width].copy())
    patches = inside.view(rows, height, columns, width, -1).permute(0, 2, 4, 1, 3)
    return patches.reshape(rows * columns, -1, height, width).contiguous()
