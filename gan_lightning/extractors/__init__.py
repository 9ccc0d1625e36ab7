"""What sees images for those who judge them, one file a kind."""

from gan_lightning.extractors.contract import Coordinates, Extractor, Seen
from gan_lightning.extractors.inception import Inception
from gan_lightning.extractors.learnt import Channelwise, Learnt, write_features
from gan_lightning.extractors.named import extractor_for

__all__ = ["Channelwise", "Coordinates", "Extractor", "Inception", "Learnt", "Seen", "extractor_for", "write_features"]
