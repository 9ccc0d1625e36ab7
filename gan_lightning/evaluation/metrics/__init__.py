"""Metrics of samples, as pure functions of tensors."""

from gan_lightning.evaluation.metrics.classes import class_divergence, classes_found, classifier_score
from gan_lightning.evaluation.metrics.collapse import Variety, thumbnails, variety
from gan_lightning.evaluation.metrics.distances import frechet, kernel_distance
from gan_lightning.evaluation.metrics.estimate import Estimate
from gan_lightning.evaluation.metrics.memorisation import Duplicates, Memorisation, birthday, duplicates, memorisation
from gan_lightning.evaluation.metrics.modes import HIGH_QUALITY, SHRUNK, Modes, kl_floor, modes
from gan_lightning.evaluation.metrics.neighbours import (
    DensityCoverage,
    PrecisionRecall,
    authenticity,
    copying,
    density_coverage,
    nearest,
    precision_recall,
)

__all__ = [
    "HIGH_QUALITY",
    "SHRUNK",
    "DensityCoverage",
    "Duplicates",
    "Estimate",
    "Memorisation",
    "Modes",
    "PrecisionRecall",
    "Variety",
    "authenticity",
    "birthday",
    "class_divergence",
    "classes_found",
    "classifier_score",
    "copying",
    "density_coverage",
    "duplicates",
    "frechet",
    "kernel_distance",
    "kl_floor",
    "memorisation",
    "modes",
    "nearest",
    "precision_recall",
    "thumbnails",
    "variety",
]
