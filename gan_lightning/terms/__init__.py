"""The terms of translators' losses, one file each; term.py and unpaired.py are their bases. Terms in here are found."""

from typing import TYPE_CHECKING, Any

from gan_lightning.core.discovery import classes
from gan_lightning.terms.term import Term as Term
from gan_lightning.terms.term import TermInput as TermInput
from gan_lightning.terms.unpaired import OneWay as OneWay
from gan_lightning.terms.unpaired import UnpairedTerm as UnpairedTerm

if TYPE_CHECKING:  # for editors; terms that are not listed are found, too
    from gan_lightning.terms.cycle import Cycle as Cycle
    from gan_lightning.terms.feature_matching import FeatureMatching as FeatureMatching
    from gan_lightning.terms.identity import Identity as Identity
    from gan_lightning.terms.patch_nce import PatchNCE as PatchNCE
    from gan_lightning.terms.perceptual import Perceptual as Perceptual
    from gan_lightning.terms.pixel import L1 as L1
    from gan_lightning.terms.pixel import L2 as L2
    from gan_lightning.terms.pixel import Charbonnier as Charbonnier
    from gan_lightning.terms.total_variation import TotalVariation as TotalVariation

    def __getattr__(name: str) -> Any: ...


globals().update(classes(__name__, Term, UnpairedTerm))
