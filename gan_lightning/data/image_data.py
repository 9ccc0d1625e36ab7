"""The base class of data sets: shape, range, order and batches of images, held-out images."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, NoReturn

import torch
from lightning.pytorch import LightningDataModule
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape
from gan_lightning.data.batches import Batches
from gan_lightning.data.identity import Origin, identify, share_below

HIGHEST = {torch.uint8: 255, torch.uint16: 65535}
"""White, by the kind of pixels."""


class ImageData(LightningDataModule, ABC):
    """Images for a GAN. A subclass provides them in one method: `load`.

    Batches are (x, y): images (N, C, H, W), kept as uint8 or uint16 and scaled to [-1, 1] on the device, and labels
    (N,) int64, zeros if there are none. The images of batch p depend only on the seed, p and the number of processes.
    Every epoch has a new order; a remainder smaller than a batch is left out of that epoch.

    Args:
        image_shape: Channels, height, width.
        batch_size: Images per iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the images.
        workers: Number of worker processes that read images, for data that is not in memory.
        classes: Number of classes; 0 for data without labels, None if unknown.
        held_out: Fraction of the images kept out of training, to evaluate samples against. An image is held out or not
            by its pixels, so adding or removing others does not move it, and copies and mirror images stay together.
        mirror: Mirror half of the training images, others in every epoch. Images to compare with stay as they are.
        class_names: The names of the classes, if they have any.
        jitter: Pixels by which the images that `load` returns are higher and wider than `image_shape`. Training images
            are cropped at random, in every epoch elsewhere, others around the centre.
    """

    extractor: str | None = None
    """The name of this package's feature network for such images, if it has one."""
    input_channels: int = 0
    """Channels of an input that `load` puts behind those of each image, for a translator; 0 for images alone."""

    def __init__(
        self,
        image_shape: ImageShape,
        batch_size: int = 128,
        seed: int = 0,
        workers: int = 0,
        classes: int | None = None,
        held_out: float = 0.0,
        mirror: bool = False,
        class_names: Sequence[str] = (),
        jitter: int = 0,
    ) -> None:
        super().__init__()
        if not 0 <= held_out < 1:
            raise UserError(f"data.held_out is {held_out}; it must be a fraction of the images, at least 0 and below 1")
        if batch_size < 1:
            raise UserError(f"data.batch_size is {batch_size}; it must be at least 1")
        if jitter < 0:
            raise UserError(f"data.jitter is {jitter}; it must be at least 0 pixels")
        self.jitter = jitter
        self.image_shape, self.batch_size, self.seed, self.workers = image_shape, batch_size, seed, workers
        self.classes, self.held_out, self.mirror = classes, held_out, mirror
        self.class_names = tuple(class_names)
        self.source: Dataset | None = None
        self.left_out: Dataset | None = None
        self.identities: Tensor | None = None

    @abstractmethod
    def load(self) -> Dataset:
        """Loads the images as a data set that takes a tensor of indices (N,) and returns (x, y) as above, x as uint8
        or uint16.

        In memory, that is `TensorDataset(pixels, labels)`. Called once on each process, after `prepare_data`.
        """

    def load_test(self) -> Dataset | None:
        """Loads the data set's test images, in the form that `load` returns; None if it has none."""
        return None

    def identify(self, images: Dataset) -> Tensor:
        """Returns numbers (N,), int64 below 2^62, that name the images that `load` returned by their content.

        By default they are those of the pixels, which are read once.
        """
        return identify(images)

    def identities_of(self, images: Dataset) -> Tensor:
        """Returns the identities (N,) of some of the images, or of the test images."""
        if isinstance(images, Chosen):
            return self.identities_of(images.source)[images.chosen]
        return self.identify(images)

    def setup(self, stage: str) -> None:
        if self.source is None:
            source = self.load()
            if self.held_out or isinstance(source, TensorDataset):  # other images may take long to read
                self.identities = self.identify(source)
            self.source, self.left_out = divided(source, self.held_out, self.identities)

    def state_dict(self) -> dict[str, Any]:
        """Returns what checkpoints keep of the data: which images are trained on, and the names of their classes."""
        origin = self.origin(self.held_out)
        words = {} if origin is None else {"trained_on": origin.words()}
        return words | ({"class_names": [*self.class_names]} if self.class_names else {})

    def origin(self, held_out: float) -> Origin | None:
        """Returns which images are trained on if this share is held out; None if that is unknown."""
        return None if self.identities is None else Origin.of(self.identities[self.identities >= share_below(held_out)])

    def train_dataloader(self) -> Batches:
        assert self.source is not None, "call prepare_data() and setup('fit') first, as a Trainer does"
        trainer = self.trainer
        batches = Batches(
            self.source,
            self.batch_size,
            self.seed,
            process=trainer.global_rank if trainer else 0,
            processes=trainer.world_size if trainer else 1,
            iteration=lambda: trainer.global_step if trainer else 0,
            workers=self.workers,
            mirror=self.mirror,
            groups=self.groups(self.source),
            jitter=self.jitter,
        )
        if (images := min(map(len, batches.groups))) < self.batch_size * batches.processes:
            each = f" for each of {batches.processes} processes" if batches.processes > 1 else ""
            side = " on one side" if len(batches.groups) > 1 else ""
            raise UserError(
                f"{type(self).__name__} has {images} image{'s' * (images != 1)}{side}, fewer than one batch of "
                f"{self.batch_size}{each}: "
                f"set data.batch_size to at most {images // batches.processes}"
            )
        return batches

    def groups(self, images: Dataset) -> Sequence[Tensor]:
        """Returns the indices of each group of images of which a batch holds as many, in turn; none if it is all one.

        Args:
            images: Some of the images.
        """
        return ()

    @classmethod
    def load_from_checkpoint(cls, *args: Any, **kwargs: Any) -> NoReturn:  # type: ignore[override]
        """Always fails: a checkpoint does not hold its data.

        Raises:
            UserError: Always.
        """
        raise UserError(f"a checkpoint holds no data: create {cls.__name__} with the options in the run's config.yaml")

    def on_after_batch_transfer(self, batch: tuple[Tensor, Tensor], dataloader_idx: int) -> tuple[Tensor, Tensor]:
        x, y = batch
        return self.as_floats(x), y

    def as_floats(self, x: Tensor) -> Tensor:
        """Converts images from `load`, now on the device, to floats in [-1, 1]."""
        return scale(self.cropped(x) if self.jitter else x)

    def cropped(self, x: Tensor) -> Tensor:
        """Crops images (N, C, H, W) that are too large, those to compare with, around the centre."""
        _, height, width = self.image_shape
        top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
        return x[:, :, top : top + height, left : left + width]


class Chosen(Dataset):
    """A subset of another data set.

    Args:
        source: Takes a tensor of indices, returns (x, y).
        chosen: The indices of the subset, (N,) int64.
    """

    def __init__(self, source: Dataset, chosen: Tensor) -> None:
        self.source, self.chosen = source, chosen

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        return self.source[self.chosen[indices]]


def divided(source: Dataset, share: float, identities: Tensor | None) -> tuple[Dataset, Dataset | None]:
    """Splits images into those for training and those held out, which have identities in the lowest part of the range.

    Raises:
        UserError: All images, or none, would be held out.
    """
    if not share:
        return source, None
    assert identities is not None
    out = identities < share_below(share)
    if out.all() or not out.any():
        raise UserError(
            f"data.held_out is {share}, which holds out {int(out.sum())} of {len(out)} images (each is held out or not "
            "by its pixels): add images or change the share"
        )
    return Chosen(source, (~out).nonzero().flatten()), Chosen(source, out.nonzero().flatten())


def scale(pixels: Tensor) -> Tensor:
    """Converts pixels, uint8 from 0 to 255 or uint16 from 0 to 65535, to floats in [-1, 1].

    Raises:
        UserError: The pixels are neither.
    """
    if pixels.dtype not in HIGHEST:
        raise UserError(
            f"load() returns images as {pixels.dtype}; it must return bytes (torch.uint8) or torch.uint16 to 65535"
        )
    return pixels.float().div_(HIGHEST[pixels.dtype] / 2).sub_(1)
