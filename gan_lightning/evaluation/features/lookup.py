"""Which extractor is meant."""

from pathlib import Path

from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData, PointData
from gan_lightning.evaluation.features.extractor import Coordinates, Extractor
from gan_lightning.evaluation.features.feature_file import Channelwise, Learnt
from gan_lightning.evaluation.features.inception import Inception

PINNED = {"MNIST": Path(__file__).parent / "mnist.safetensors"}
"""Feature networks that come with the package."""


def extractor_for(data: ImageData, name: str | None = None) -> Extractor:
    """What sees the images of some data.

    Args:
        data: Points are their own features; some data sets know a feature network of the package.
        name: MNIST, StackedMNIST (the same, channel by channel), Inception, or the file of a feature network; the one
            that the data knows if None.

    Raises:
        UserError: The data knows none, or needs none, or there is no such file.
    """
    if isinstance(data, PointData):
        if name is not None:
            raise UserError(f"judge.extractor is {name}, but points are seen as they are: leave it out")
        return Coordinates()
    name = name or data.extractor
    if name is None:
        raise UserError(
            f"no feature network of this package knows {type(data).__name__}: make one with gan fit --config "
            "configs/extractor.yaml and the same --data, then name its features.safetensors with judge.extractor; or "
            "set judge.extractor to Inception, for photographs"
        )
    if name == "Inception":
        return Inception()
    if name == "StackedMNIST":
        return Channelwise(Learnt(PINNED["MNIST"]))
    return Learnt(PINNED.get(name, name))
