"""The data sets, one file each; image_data.py is their base. Data sets in here are found automatically."""

from typing import TYPE_CHECKING, Any

from gan_lightning.core.discovery import classes
from gan_lightning.data.batches import Batches as Batches
from gan_lightning.data.image_data import ImageData as ImageData
from gan_lightning.data.plane import Plane as Plane

if TYPE_CHECKING:  # for editors; data sets that are not listed are found, too
    from gan_lightning.data.cifar10 import CIFAR10 as CIFAR10
    from gan_lightning.data.digits import Digits as Digits
    from gan_lightning.data.image_folder import ImageFolder as ImageFolder
    from gan_lightning.data.image_patches import ImagePatches as ImagePatches
    from gan_lightning.data.mixtures import Grid as Grid
    from gan_lightning.data.mixtures import Mixture as Mixture
    from gan_lightning.data.mixtures import Ring as Ring
    from gan_lightning.data.mnist import MNIST as MNIST
    from gan_lightning.data.mnist import FashionMNIST as FashionMNIST
    from gan_lightning.data.pairs import Pairs as Pairs
    from gan_lightning.data.points import PointData as PointData
    from gan_lightning.data.points import Points as Points
    from gan_lightning.data.stacked_mnist import StackedMNIST as StackedMNIST
    from gan_lightning.data.unpaired import Unpaired as Unpaired

    def __getattr__(name: str) -> Any: ...


globals().update(classes(__name__, ImageData))
