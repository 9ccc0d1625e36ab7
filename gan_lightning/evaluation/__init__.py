"""Evaluation of samples: reference images, feature extractors, metrics and reports."""

from gan_lightning.evaluation.evaluator import Evaluator
from gan_lightning.evaluation.metric_table import MEMORISATION, METRICS, Metric
from gan_lightning.evaluation.reference import ReferenceImages, Split
from gan_lightning.evaluation.report import Report, Result
from gan_lightning.evaluation.stored_samples import SampleSource, StoredSamples, stored_samples

__all__ = [
    "MEMORISATION",
    "METRICS",
    "Evaluator",
    "Metric",
    "ReferenceImages",
    "Report",
    "Result",
    "SampleSource",
    "Split",
    "StoredSamples",
    "stored_samples",
]
