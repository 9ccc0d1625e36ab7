"""The interface of all degradations.

To add one, write a class in this folder or in a file of your own, and name it in YAML: `degradation: my_file.Mine`.
"""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.images import ImageShape
from gan_lightning.core.seeding import Draw


class Degradation(Configurable, nn.Module, ABC):
    """Makes inputs of images, at random or not. All pixels are in [-1, 1]."""

    leaves_out = False
    """Whether it leaves parts out: the last channel of its inputs is then 1 where something is missing, else 0."""
    factor: int = 1
    """Height and width of an image over those of its input."""
    takes_drawings = False
    """Whether a user draws its inputs: what is transparent in them is white paper, and opaque in what is made."""
    given_channels: int = 0
    """Channels of the inputs that it takes from the data, behind those of the images; 0 if it makes inputs."""

    def channels(self, image_channels: int) -> int:
        """Returns the number of channels of an input."""
        return image_channels

    def keeps_colour(self, image_channels: int) -> bool:
        """Whether an input shows the colours of its image."""
        return not self.given_channels and self.channels(image_channels) - self.leaves_out == image_channels

    def check(self, image_shape: ImageShape) -> None:
        """Refuses images that it cannot be applied to, with a `UserError`."""

    def pair(self, x: Tensor, normal: Draw, uniform: Draw) -> tuple[Tensor, Tensor]:
        """Returns the images (N, C, H, W) of what the data holds, and an input for each; draws as in `forward`."""
        return x, self(x, normal, uniform)

    @abstractmethod
    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        """Returns inputs (N, channels, H / factor, W / factor) of images (N, C, H, W).

        Args:
            x: Images.
            normal: Draws standard normal numbers of a shape that begins with N.
            uniform: Draws numbers uniform in [0, 1) of a shape that begins with N.
        """

    def taken(self, x: Tensor, opaque: Tensor) -> Tensor:
        """Returns the inputs of images that are degraded already.

        Args:
            x: Images (N, C, h, w).
            opaque: 1 where a picture has its pixels, 0 where it is transparent (N, 1, h, w).
        """
        return x

    def missing(self, inputs: Tensor) -> Tensor | None:
        """Returns where inputs show nothing, (N, 1, H, W), 1 there and else 0; None if nothing is ever left out."""
        return inputs[:, -1:] if self.leaves_out else None

    def shown(self, inputs: Tensor, channels: int) -> Tensor:
        """Returns inputs as images (N, C, H, W) to look at. In a score table, they are what one gets for nothing."""
        return inputs if inputs.shape[1] == channels else inputs[:, :1].expand(-1, channels, -1, -1)

    def completed(self, made: Tensor, inputs: Tensor) -> Tensor:
        """Returns G's images, with all that the inputs hold of the true ones."""
        return made
