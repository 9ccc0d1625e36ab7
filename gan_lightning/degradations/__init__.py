"""What is taken from images so that a translator learns to give it back: pixels, colour, parts, sharpness.

One file each; degradation.py is their base. Degradations in here are found automatically.
"""

from typing import TYPE_CHECKING, Any

from gan_lightning.core.discovery import classes
from gan_lightning.degradations.degradation import Degradation as Degradation

if TYPE_CHECKING:  # for editors; degradations that are not listed are found, too
    from gan_lightning.degradations.blur import Blur as Blur
    from gan_lightning.degradations.chain import Chain as Chain
    from gan_lightning.degradations.edges import Edges as Edges
    from gan_lightning.degradations.given import Given as Given
    from gan_lightning.degradations.grey import Grey as Grey
    from gan_lightning.degradations.holes import Holes as Holes
    from gan_lightning.degradations.jpeg import Jpeg as Jpeg
    from gan_lightning.degradations.noise import Noise as Noise
    from gan_lightning.degradations.noise import ShotNoise as ShotNoise
    from gan_lightning.degradations.one_of import OneOf as OneOf
    from gan_lightning.degradations.resized import Resized as Resized
    from gan_lightning.degradations.ringing import Ringing as Ringing
    from gan_lightning.degradations.smaller import Smaller as Smaller

    def __getattr__(name: str) -> Any: ...


globals().update(classes(__name__, Degradation))
