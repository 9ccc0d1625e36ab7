"""How good samples are: what is compared with what, what is measured, and how it is told."""

from gan_lightning.judging.given import Given, Maker, given
from gan_lightning.judging.judge import Judge
from gan_lightning.judging.measures import MEASURES, REMEMBERED, Measure
from gan_lightning.judging.real import Real, Split
from gan_lightning.judging.report import Report, Result

__all__ = ["MEASURES", "REMEMBERED", "Given", "Judge", "Maker", "Measure", "Real", "Report", "Result", "Split", "given"]
