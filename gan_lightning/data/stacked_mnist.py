"""Stacked MNIST: a thousand modes from triples of digits."""

import torch
from torch import Tensor
from torch.utils.data import Dataset

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import STACKS, mix
from gan_lightning.data.image_data import ImageData
from gan_lightning.data.mnist import MNIST


class StackedMNIST(ImageData):
    """Three random MNIST digits as the channels of one image of 28x28: 1,000 classes, 0 to 999.

    Metz et al., "Unrolled generative adversarial networks", 2017, Section 3.3.1. https://arxiv.org/abs/1611.02163.
    How many classes samples cover, and how evenly, shows whether a generator drops modes.

    Args:
        root: The folder that contains MNIST/raw; downloads go there.
        count: Number of images.
        batch_size: Images per iteration on each process. The discriminator's steps share them.
        seed: Fixes the images and their order.
        held_out: Fraction of the images kept out of training, to evaluate samples against; each by its pixels.
    """

    extractor = "StackedMNIST"

    def __init__(
        self, root: str = "data", count: int = 128_000, batch_size: int = 128, seed: int = 0, held_out: float = 0.0
    ) -> None:
        super().__init__((3, 28, 28), batch_size, seed, classes=1000, held_out=held_out)
        if count < 1:
            raise UserError(f"data.count is {count}; it must be at least 1")
        self.digits, self.count = MNIST(root), count

    def prepare_data(self) -> None:
        self.digits.prepare_data()

    def load(self) -> Dataset:
        return Stacks(self.digits.load().tensors, self.count, mix(self.seed, STACKS))

    def load_test(self) -> Dataset:
        return Stacks(self.digits.load_test().tensors, TEST_IMAGES, mix(self.seed, STACKS, 1))


TEST_IMAGES = 26_000
"""Number of images made of test digits; the literature counts modes in as many samples."""


class Stacks(Dataset):
    """Random triples of grey images.

    Args:
        digits: Images (N, 1, H, W), uint8, and labels (N,), 0 to 9.
        count: Number of triples.
        seed: Fixes the triples.
    """

    def __init__(self, digits: tuple[Tensor, ...], count: int, seed: int) -> None:
        self.pixels, self.labels = digits
        draws = torch.Generator().manual_seed(seed)
        self.triples = torch.randint(len(self.pixels), (count, 3), generator=draws)

    def __len__(self) -> int:
        return len(self.triples)

    def __getitem__(self, indices: Tensor) -> tuple[Tensor, Tensor]:
        chosen = self.triples[indices]
        return self.pixels[chosen].squeeze(2), (self.labels[chosen] * torch.tensor([100, 10, 1])).sum(1)
