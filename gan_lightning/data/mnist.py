"""The MNIST and Fashion-MNIST data sets."""

import torch
import torchvision
from torch.utils.data import TensorDataset

from gan_lightning.data.downloads import open_dataset
from gan_lightning.data.image_data import ImageData

MNIST_FILES = "train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz (and the two t10k-… files; compressed or not)"

DIGITS = "0123456789"

CLOTHES = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


class MNIST(ImageData):
    """Handwritten digits: 60,000 grey images of 28x28, ten classes. Downloaded once (11 MB).

    LeCun, Cortes and Burges. https://web.archive.org/web/2024/http://yann.lecun.com/exdb/mnist/

    Args:
        root: The folder that contains MNIST/raw; downloads go there.
        batch_size: Images per iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the images.
        held_out: Fraction of the images kept out of training, to evaluate samples against; each by its pixels.
    """

    extractor = "MNIST"

    def __init__(self, root: str = "data", batch_size: int = 128, seed: int = 0, held_out: float = 0.0) -> None:
        super().__init__((1, 28, 28), batch_size, seed, classes=10, held_out=held_out, class_names=DIGITS)
        self.root = root

    def prepare_data(self) -> None:
        open_dataset(torchvision.datasets.MNIST, self.root, "MNIST/raw", MNIST_FILES, download=True)

    def load(self) -> TensorDataset:
        return mnist_tensors(
            open_dataset(torchvision.datasets.MNIST, self.root, "MNIST/raw", MNIST_FILES, download=False)
        )

    def load_test(self) -> TensorDataset:
        return mnist_tensors(
            open_dataset(torchvision.datasets.MNIST, self.root, "MNIST/raw", MNIST_FILES, download=False, train=False)
        )


class FashionMNIST(ImageData):
    """Clothes and shoes: 60,000 grey images of 28x28, ten classes. Downloaded once (30 MB).

    Xiao, Rasul and Vollgraf, "Fashion-MNIST", 2017. https://arxiv.org/abs/1708.07747

    Args:
        root: The folder that contains FashionMNIST/raw; downloads go there.
        batch_size: Images per iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the images.
        held_out: Fraction of the images kept out of training, to evaluate samples against; each by its pixels.
    """

    def __init__(self, root: str = "data", batch_size: int = 128, seed: int = 0, held_out: float = 0.0) -> None:
        super().__init__((1, 28, 28), batch_size, seed, classes=10, held_out=held_out, class_names=CLOTHES)
        self.root = root

    def prepare_data(self) -> None:
        open_dataset(torchvision.datasets.FashionMNIST, self.root, "FashionMNIST/raw", MNIST_FILES, download=True)

    def load(self) -> TensorDataset:
        make = torchvision.datasets.FashionMNIST
        return mnist_tensors(open_dataset(make, self.root, "FashionMNIST/raw", MNIST_FILES, download=False))

    def load_test(self) -> TensorDataset:
        make = torchvision.datasets.FashionMNIST
        return mnist_tensors(
            open_dataset(make, self.root, "FashionMNIST/raw", MNIST_FILES, download=False, train=False)
        )


def mnist_tensors(files: torchvision.datasets.MNIST) -> TensorDataset:
    """Images, uint8 (N, 1, 28, 28), and labels, int64 (N,)."""
    return TensorDataset(files.data.unsqueeze(1), torch.as_tensor(files.targets, dtype=torch.int64))
