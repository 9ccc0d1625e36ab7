"""What is done to all images before the discriminator sees them, so that few real ones are not learnt by heart."""

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn

from gan_lightning.parts import Part

Draw = Callable[..., Tensor]
"""Draws numbers of a shape that begins with the number of images."""


class Augmentation(Part, nn.Module, ABC):
    """The same random change of real and generated images, which gradients pass through.

    What a subclass keeps from one iteration to the next is a buffer, so that a checkpoint holds it.
    """

    @abstractmethod
    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        """Changed images (N, C, H, W), as many and as large.

        Args:
            x: Images (N, C, H, W) in [-1, 1].
            normal: Draws standard normal numbers of a shape that begins with N.
            uniform: The same, uniform in [0, 1).
        """

    def notice(self, real: Tensor) -> None:
        """Looks at the logits (N,) of real images: not at all."""

    def after_step(self) -> None:
        """What changes after a step of D: nothing."""

    def numbers(self) -> dict[str, Tensor]:
        """What is logged, scalars by name: nothing."""
        return {}
