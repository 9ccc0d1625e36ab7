"""Callbacks. Removing one changes no weight, except for a `CollapseGuard` that rolls back."""

from gan_lightning.callbacks.checkpoint import KeepCheckpoints
from gan_lightning.callbacks.collapse_guard import CollapseGuard
from gan_lightning.callbacks.cycle_grid import CycleGrid
from gan_lightning.callbacks.cycle_guard import CycleGuard
from gan_lightning.callbacks.cycle_judgement import CycleJudgement
from gan_lightning.callbacks.evaluation import Judgement
from gan_lightning.callbacks.feature_writer import FeatureWriter
from gan_lightning.callbacks.loss_curves import LossCurves
from gan_lightning.callbacks.obedience import Obedience
from gan_lightning.callbacks.plane_picture import PlanePicture
from gan_lightning.callbacks.point_writer import PointWriter
from gan_lightning.callbacks.progress import Progress
from gan_lightning.callbacks.reconstructions import Reconstructions
from gan_lightning.callbacks.run_summary import RunSummary
from gan_lightning.callbacks.sample_grid import SampleGrid
from gan_lightning.callbacks.sample_writer import SampleWriter
from gan_lightning.callbacks.training_cost import Cost
from gan_lightning.callbacks.translation_grid import TranslationGrid
from gan_lightning.callbacks.translation_guard import TranslationGuard
from gan_lightning.callbacks.translation_judgement import TranslationJudgement
from gan_lightning.callbacks.traversal import Traversal

__all__ = [
    "CollapseGuard",
    "Cost",
    "CycleGrid",
    "CycleGuard",
    "CycleJudgement",
    "FeatureWriter",
    "Judgement",
    "KeepCheckpoints",
    "LossCurves",
    "Obedience",
    "PlanePicture",
    "PointWriter",
    "Progress",
    "Reconstructions",
    "RunSummary",
    "SampleGrid",
    "SampleWriter",
    "TranslationGrid",
    "TranslationGuard",
    "TranslationJudgement",
    "Traversal",
]
