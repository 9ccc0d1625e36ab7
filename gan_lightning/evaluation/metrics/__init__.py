"""Metrics of samples, as pure functions of tensors."""

from gan_lightning.evaluation.metrics.classes import class_divergence, classes_found, classifier_score
from gan_lightning.evaluation.metrics.collapse import Variety, thumbnails, variety
from gan_lightning.evaluation.metrics.distances import cmmd, frechet, frechet_infinity, kernel_distance, kid
from gan_lightning.evaluation.metrics.estimate import Estimate
from gan_lightning.evaluation.metrics.memorisation import (
    Duplicates,
    Memorisation,
    Nearness,
    birthday,
    compare_nearness,
    duplicates,
    memorisation,
    nearness,
    nearness_of_versions,
)
from gan_lightning.evaluation.metrics.modes import HIGH_QUALITY, SHRUNK, Modes, kl_floor, modes
from gan_lightning.evaluation.metrics.neighbours import (
    DensityCoverage,
    PrecisionRecall,
    authenticity,
    copying,
    density_coverage,
    nearest,
    precision_recall,
    realism,
)
from gan_lightning.evaluation.metrics.per_class import per_class

__all__ = [
    "HIGH_QUALITY",
    "SHRUNK",
    "DensityCoverage",
    "Duplicates",
    "Estimate",
    "Memorisation",
    "Modes",
    "Nearness",
    "PrecisionRecall",
    "Variety",
    "authenticity",
    "birthday",
    "class_divergence",
    "classes_found",
    "classifier_score",
    "cmmd",
    "compare_nearness",
    "copying",
    "density_coverage",
    "duplicates",
    "frechet",
    "frechet_infinity",
    "kernel_distance",
    "kid",
    "kl_floor",
    "memorisation",
    "modes",
    "nearest",
    "nearness",
    "nearness_of_versions",
    "per_class",
    "precision_recall",
    "realism",
    "thumbnails",
    "variety",
]
