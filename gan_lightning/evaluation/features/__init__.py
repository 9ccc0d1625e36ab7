"""Feature extractors for evaluation, one file for each kind."""

from gan_lightning.evaluation.features.extractor import Coordinates, Extracted, Extractor
from gan_lightning.evaluation.features.feature_file import Channelwise, Learnt, write_features
from gan_lightning.evaluation.features.inception import Inception
from gan_lightning.evaluation.features.lookup import extractor_for

__all__ = [
    "Channelwise",
    "Coordinates",
    "Extracted",
    "Extractor",
    "Inception",
    "Learnt",
    "extractor_for",
    "write_features",
]
