"""How good samples are: pure functions of tensors."""

from gan_lightning.metrics.classes import class_divergence, classes_found, classifier_score
from gan_lightning.metrics.collapse import Variety, thumbnails, variety
from gan_lightning.metrics.distances import frechet, kernel_distance
from gan_lightning.metrics.modes import HIGH_QUALITY, SHRUNK, Modes, kl_floor, modes
from gan_lightning.metrics.neighbours import (
    DensityCoverage,
    PrecisionRecall,
    authenticity,
    copying,
    density_coverage,
    precision_recall,
)

__all__ = [
    "HIGH_QUALITY",
    "SHRUNK",
    "DensityCoverage",
    "Modes",
    "PrecisionRecall",
    "Variety",
    "authenticity",
    "class_divergence",
    "classes_found",
    "classifier_score",
    "copying",
    "density_coverage",
    "frechet",
    "kernel_distance",
    "kl_floor",
    "modes",
    "precision_recall",
    "thumbnails",
    "variety",
]
