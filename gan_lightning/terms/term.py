"""The interface of all terms of a translator's loss.

To add a term, write a class in this folder or in a file of your own, and name it in YAML:
`terms: [{class_path: my_file.Mine}]`.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Literal, NamedTuple

from torch import Tensor, nn

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.errors import UserError

Region = Literal["all", "missing", "shown"]


class TermInput(NamedTuple):
    """The inputs of a term in one update of the generator.

    Args:
        made: G's images (N, C, H, W).
        target: The images that they should be (N, C, H, W).
        missing: Where the input shows nothing, 1, and 0 elsewhere (N, 1, H, W); None if it shows all.
        feature_maps: Maps images (N, C, H, W) to D's features of several layers; None without a discriminator.
    """

    made: Tensor
    target: Tensor
    missing: Tensor | None = None
    feature_maps: Callable[[Tensor], list[Tensor]] | None = None


class WeightedTerm(Configurable, nn.Module, ABC):
    """A term of a generator's loss, with its weight.

    Args:
        weight: The factor of the term.
    """

    strength: float = 1.0
    """Another factor, which a schedule can change: `terms.L1.strength`."""

    def __init__(self, weight: float = 1.0) -> None:
        super().__init__()
        if not weight >= 0:
            raise UserError(f"the weight of {type(self).__name__} is {weight}; it must be at least 0")
        self.weight = weight


class Term(WeightedTerm):
    """A term of the generator's loss that compares its images with those that they should be.

    Args:
        weight: The factor of the term.
    """

    region: Region = "all"
    """Where it looks: all; or, if the degradation leaves something out, only what is missing or what is shown."""
    compares_features = False
    """Whether it needs D's features."""

    @abstractmethod
    def forward(self, inputs: TermInput) -> Tensor:
        """Returns the term without its weight, a scalar."""
