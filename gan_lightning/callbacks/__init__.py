"""Things that watch. Taking them away changes no weight (but for a `CollapseGuard` that was told to roll back)."""

from gan_lightning.callbacks.announcement import Announcement
from gan_lightning.callbacks.cost import Cost
from gan_lightning.callbacks.curves import LossCurves
from gan_lightning.callbacks.feature_writer import FeatureWriter
from gan_lightning.callbacks.grid import SampleGrid
from gan_lightning.callbacks.guard import CollapseGuard
from gan_lightning.callbacks.judgement import Judgement
from gan_lightning.callbacks.keep import KeepCheckpoints
from gan_lightning.callbacks.plane import PlanePicture
from gan_lightning.callbacks.point_writer import PointWriter
from gan_lightning.callbacks.progress import Progress
from gan_lightning.callbacks.reconstructions import Reconstructions
from gan_lightning.callbacks.traversal import Traversal
from gan_lightning.callbacks.writer import SampleWriter

__all__ = [
    "Announcement",
    "CollapseGuard",
    "Cost",
    "FeatureWriter",
    "Judgement",
    "KeepCheckpoints",
    "LossCurves",
    "PlanePicture",
    "PointWriter",
    "Progress",
    "Reconstructions",
    "SampleGrid",
    "SampleWriter",
    "Traversal",
]
