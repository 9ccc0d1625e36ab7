"""The choice of a feature extractor for a data set."""

from gan_lightning.core.errors import UserError
from gan_lightning.data import ImageData, PointData
from gan_lightning.evaluation.features.efficientnet import EfficientNetLite0
from gan_lightning.evaluation.features.extractor import Coordinates, Extractor
from gan_lightning.evaluation.features.feature_file import Channelwise, Learnt
from gan_lightning.evaluation.features.hed import HED
from gan_lightning.evaluation.features.inception import Inception
from gan_lightning.evaluation.features.vision_transformers import CLIP, DINOv2
from gan_lightning.networks.feature_files import PINNED

PRETRAINED = {kind.__name__: kind for kind in (EfficientNetLite0, HED, Inception, DINOv2, CLIP)}
"""Networks that others have trained on photographs."""


def extractor_for(data: ImageData, name: str | None = None) -> Extractor:
    """Returns the feature extractor for a data set.

    Args:
        data: The data set. Points are their own features; some data sets have a feature network in the package.
        name: MNIST, SecondMNIST, StackedMNIST (MNIST, channel by channel), Colour (colour or grey images of any size),
            EfficientNetLite0, HED, Inception, DINOv2, CLIP, or the file of a feature network. If None, the data set's
            own, or Colour.

    Raises:
        UserError: The data set has no extractor or needs none, or there is no such file.
    """
    if isinstance(data, PointData):
        if name is not None:
            raise UserError(f"judge.extractor is {name}, but points are their own features: leave it out")
        return Coordinates()
    name = name or data.extractor or ("Colour" if data.image_shape[0] in (1, 3) else None)
    if name is None:
        labels = "" if data.classes else " --model.network.classes 0"
        raise UserError(
            f"the package has no feature network for {type(data).__name__}: train one with gan fit --config extractor "
            f"and the same data{labels}, then set judge.extractor to its features.safetensors; or set judge.extractor "
            "to EfficientNetLite0, for photographs"
        )
    if name in PRETRAINED:
        return PRETRAINED[name]()
    if name == "StackedMNIST":
        return Channelwise(Learnt(PINNED["MNIST"]))
    return Learnt(PINNED.get(name, name), any_size=name == "Colour")
