"""The interface of all terms of a loss without pairs.

To add a term, write a class in this folder or in a file of your own, and name it in YAML:
`terms: [{class_path: my_file.Mine}]`.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from gan_lightning.core.seeding import Draw
from gan_lightning.networks import ImageToImage
from gan_lightning.terms.term import WeightedTerm


class OneWay(NamedTuple):
    """The inputs of a term without pairs, for one direction, in one update of the generators.

    Args:
        number: 0 for the direction from A to B, 1 for the other.
        source: Images (N, C, H, W) of the side that is translated.
        made: What the generator makes of them (N, C, H, W).
        target: Images (N, C, H, W) of the other side, which do not correspond.
        generator: Translates in this direction.
        backward: Translates in the other direction; None if nothing does.
        uniform: Draws numbers uniform in [0, 1) of a shape that begins with N.
    """

    number: int
    source: Tensor
    made: Tensor
    target: Tensor
    generator: ImageToImage
    backward: ImageToImage | None
    uniform: Draw


class UnpairedTerm(WeightedTerm):
    """A term of the generators' loss, the same for each direction, that needs no pairs.

    Args:
        weight: The factor of the term.
    """

    goes_back = False
    """Whether it needs the generator of the other direction."""
    compares_maps = False
    """Whether it needs the generator's `feature_maps`."""

    def suit(self, generators: Sequence[ImageToImage]) -> None:
        """Builds what the term learns for the generator of each direction. By default it learns nothing."""

    @abstractmethod
    def forward(self, inputs: OneWay) -> Tensor:
        """Returns the term without its weight, a scalar."""
