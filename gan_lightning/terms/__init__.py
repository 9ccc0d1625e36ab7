"""The terms of a translator's loss, one file each; term.py is their base. Terms in here are found automatically."""

from typing import TYPE_CHECKING, Any

from gan_lightning.core.discovery import classes
from gan_lightning.terms.term import Term as Term
from gan_lightning.terms.term import TermInput as TermInput

if TYPE_CHECKING:  # for editors; terms that are not listed are found, too
    from gan_lightning.terms.feature_matching import FeatureMatching as FeatureMatching
    from gan_lightning.terms.perceptual import Perceptual as Perceptual
    from gan_lightning.terms.pixel import L1 as L1
    from gan_lightning.terms.pixel import L2 as L2
    from gan_lightning.terms.pixel import Charbonnier as Charbonnier
    from gan_lightning.terms.total_variation import TotalVariation as TotalVariation

    def __getattr__(name: str) -> Any: ...


globals().update(classes(__name__, Term))
