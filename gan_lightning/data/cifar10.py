"""The CIFAR-10 data set."""

import torch
import torchvision
from torch.utils.data import TensorDataset

from gan_lightning.data.downloads import open_dataset
from gan_lightning.data.image_data import ImageData

CIFAR_FILES = "cifar-10-python.tar.gz"

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class CIFAR10(ImageData):
    """Animals and vehicles: 50,000 colour images of 32x32, ten classes. Downloaded once (170 MB).

    Krizhevsky, "Learning multiple layers of features from tiny images", 2009. https://www.cs.toronto.edu/~kriz/cifar.html

    Args:
        root: The folder that contains cifar-10-python.tar.gz, packed or unpacked; downloads go there.
        batch_size: Images per iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the images.
        held_out: Fraction of the images kept out of training, to evaluate samples against; each by its pixels.
        mirror: Mirror half of the training images, others in every epoch. Images to compare with stay as they are.
    """

    def __init__(
        self, root: str = "data", batch_size: int = 128, seed: int = 0, held_out: float = 0.0, mirror: bool = False
    ) -> None:
        super().__init__((3, 32, 32), batch_size, seed, 0, 10, held_out, mirror, CIFAR_CLASSES)
        self.root = root

    def prepare_data(self) -> None:
        open_dataset(torchvision.datasets.CIFAR10, self.root, ".", CIFAR_FILES, download=True)

    def load(self) -> TensorDataset:
        return cifar_tensors(open_dataset(torchvision.datasets.CIFAR10, self.root, ".", CIFAR_FILES, download=False))

    def load_test(self) -> TensorDataset:
        return cifar_tensors(
            open_dataset(torchvision.datasets.CIFAR10, self.root, ".", CIFAR_FILES, download=False, train=False)
        )


def cifar_tensors(files: torchvision.datasets.CIFAR10) -> TensorDataset:
    """Images, uint8 (N, 3, 32, 32), and labels, int64 (N,)."""
    pixels = torch.from_numpy(files.data).permute(0, 3, 1, 2).contiguous()  # from (N, 32, 32, 3)
    return TensorDataset(pixels, torch.tensor(files.targets, dtype=torch.int64))
