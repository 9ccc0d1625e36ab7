"""Where images come from, one file a data set."""

from gan_lightning.data.cifar import CIFAR10
from gan_lightning.data.digits import Digits
from gan_lightning.data.folder import ImageFolder
from gan_lightning.data.images import Batches, ImageData
from gan_lightning.data.mnist import MNIST, FashionMNIST
from gan_lightning.data.points import Grid, Mixture, Plane, PointData, Points, Ring
from gan_lightning.data.stacked import StackedMNIST

__all__ = [
    "CIFAR10",
    "MNIST",
    "Batches",
    "Digits",
    "FashionMNIST",
    "Grid",
    "ImageData",
    "ImageFolder",
    "Mixture",
    "Plane",
    "PointData",
    "Points",
    "Ring",
    "StackedMNIST",
]
