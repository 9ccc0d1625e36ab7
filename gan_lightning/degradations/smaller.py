"""Images with fewer pixels."""

from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape
from gan_lightning.core.resampling import bicubic
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.degradation import Degradation


class Smaller(Degradation):
    """Makes images smaller, by antialiased bicubic interpolation, as benchmarks of super-resolution do.

    Args:
        factor: How many times; height and width must be multiples of it.
    """

    def __init__(self, factor: int = 4) -> None:
        super().__init__()
        if factor < 2:
            raise UserError(f"factor of Smaller is {factor}; it must be at least 2")
        self.factor = factor

    def check(self, image_shape: ImageShape) -> None:
        _, height, width = image_shape
        if height % self.factor or width % self.factor:
            f = self.factor
            near = [max(1, side // f) * f for side in (height, width)]
            raise UserError(
                f"images of {height}x{width} cannot be made {f} times smaller: set data.image_size to multiples of "
                f"model.degradation.factor, such as [{near[0]}, {near[1]}]"
            )

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        return bicubic(x, x.shape[2] // self.factor, x.shape[3] // self.factor)

    def shown(self, inputs: Tensor, channels: int) -> Tensor:
        """The bicubic enlargement."""
        return bicubic(inputs, inputs.shape[2] * self.factor, inputs.shape[3] * self.factor)
