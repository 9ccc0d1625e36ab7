"""Feature extractors for evaluation, one file for each kind."""

from gan_lightning.evaluation.features.efficientnet import EfficientNetLite0
from gan_lightning.evaluation.features.extractor import Coordinates, Extracted, Extractor, suspects
from gan_lightning.evaluation.features.feature_file import Channelwise, Learnt
from gan_lightning.evaluation.features.hed import HED
from gan_lightning.evaluation.features.inception import Inception
from gan_lightning.evaluation.features.lookup import extractor_for
from gan_lightning.evaluation.features.vision_transformers import CLIP, DINOv2

__all__ = [
    "CLIP",
    "HED",
    "Channelwise",
    "Coordinates",
    "DINOv2",
    "EfficientNetLite0",
    "Extracted",
    "Extractor",
    "Inception",
    "Learnt",
    "extractor_for",
    "suspects",
]
