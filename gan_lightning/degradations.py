"""What is taken from images so that a translator learns to give it back: pixels, colour, parts, sharpness.

To add a degradation, write a class here or in a file of your own, and name it in YAML: `degradation: my_file.Mine`.
"""

from abc import ABC, abstractmethod
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan_lightning.core.configurable import Configurable
from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape
from gan_lightning.core.resampling import bicubic, sent
from gan_lightning.core.seeding import Draw

LUMA = (0.299, 0.587, 0.114)
"""The weights of red, green and blue in grey: ITU-R BT.601, as Pillow and JPEG have them."""


class Degradation(Configurable, nn.Module, ABC):
    """Makes inputs of images, at random or not. All pixels are in [-1, 1]."""

    leaves_out = False
    """Whether it leaves parts out: the last channel of its inputs is then 1 where something is missing, else 0."""
    factor: int = 1
    """Height and width of an image over those of its input."""

    def channels(self, image_channels: int) -> int:
        """Returns the number of channels of an input."""
        return image_channels

    def check(self, image_shape: ImageShape) -> None:
        """Refuses images that it cannot be applied to, with a `UserError`."""

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


class Grey(Degradation):
    """Takes the colour: one channel, .299 red + .587 green + .114 blue (ITU-R BT.601)."""

    def channels(self, image_channels: int) -> int:
        return 1

    def check(self, image_shape: ImageShape) -> None:
        if image_shape[0] != 3:
            raise UserError(
                f"Grey takes the colour of images, but these have {image_shape[0]} channels: use data with 3 "
                "(ImageFolder: data.channels 3)"
            )

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        return luminance(x)

    def taken(self, x: Tensor, opaque: Tensor) -> Tensor:
        return luminance(x)


class Holes(Degradation):
    """Leaves out a part of each image, shown as zeros and told in a further channel.

    What is around the hole stays as it is, in what G makes, too. At prediction, transparent pixels are what is missing.

    Args:
        shape: box, a rectangle anywhere; or half, the left, right, upper or lower one.
        area: Share of the image that a box covers, above 0 and below 1.
    """

    leaves_out = True

    def __init__(self, shape: Literal["box", "half"] = "box", area: float = 0.25) -> None:
        super().__init__()
        if not 0 < area < 1:
            raise UserError(
                f"area of Holes is {area}, a share of the image; it must be above 0 and below 1: a mask that covers "
                "all leaves nothing to start from"
            )
        self.shape, self.area = shape, area

    def channels(self, image_channels: int) -> int:
        return image_channels + 1

    def check(self, image_shape: ImageShape) -> None:
        if min(image_shape[1:]) < 2:
            raise UserError(f"images of {image_shape[1]}x{image_shape[2]} are too small for Holes: use larger ones")

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        place = uniform(len(x), 2).to(x)
        return left_out_of(x, box(place, self.area, x) if self.shape == "box" else half_plane(place, x))

    def taken(self, x: Tensor, opaque: Tensor) -> Tensor:
        return left_out_of(x, 1 - opaque)

    def shown(self, inputs: Tensor, channels: int) -> Tensor:
        """The image, with the mean of what is around the hole in it."""
        image, missing = inputs[:, :-1], inputs[:, -1:]
        mean = image.sum((2, 3), keepdim=True) / (1 - missing).sum((2, 3), keepdim=True).clamp(min=1)
        return image + missing * mean

    def completed(self, made: Tensor, inputs: Tensor) -> Tensor:
        missing = inputs[:, -1:]
        return missing * made + (1 - missing) * inputs[:, :-1]


class Noise(Degradation):
    """Adds normal noise to each pixel.

    Args:
        deviation: Its standard deviation, where pixels are from 0 to 255.
    """

    def __init__(self, deviation: float = 25.0) -> None:
        super().__init__()
        if not deviation >= 0:
            raise UserError(f"deviation of Noise is {deviation}; it must be at least 0")
        self.deviation = deviation

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        return x + normal(*x.shape).to(x) * (self.deviation / 127.5)


class Blur(Degradation):
    """Blurs images by a Gaussian; edges are repeated.

    Args:
        deviation: Its standard deviation in pixels.
    """

    def __init__(self, deviation: float = 1.6) -> None:
        super().__init__()
        if not deviation > 0:
            raise UserError(f"deviation of Blur is {deviation}; it must be above 0")
        self.deviation = deviation

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        reach, channels = max(1, round(3 * float(self.deviation))), x.shape[1]
        place = torch.arange(-reach, reach + 1, device=x.device, dtype=x.dtype)
        kernel = torch.softmax(-place.square() / (2 * self.deviation**2), 0).expand(channels, 1, 1, -1)
        x = F.conv2d(F.pad(x, (reach, reach, reach, reach), mode="replicate"), kernel, groups=channels)
        return F.conv2d(x, kernel.mT, groups=channels)


def luminance(x: Tensor) -> Tensor:
    """Returns the grey (N, 1, H, W) of images (N, C, H, W): of colour images by `LUMA`, else of the first channel."""
    if x.shape[1] != 3:
        return x[:, :1]
    return (x * sent(LUMA, x).view(3, 1, 1)).sum(1, keepdim=True)


def left_out_of(x: Tensor, missing: Tensor) -> Tensor:
    """Returns images with zeros where they are missing, and where that is as a further channel."""
    return torch.cat([x * (1 - missing), missing], 1)


def box(place: Tensor, area: float, x: Tensor) -> Tensor:
    """Returns masks (N, 1, H, W), 1 in a box with this share of the image, which begins at a place (N, 2) in [0, 1)."""
    inside = []
    for axis, side in enumerate(x.shape[2:]):
        length = min(side - 1, max(1, round(side * float(area) ** 0.5)))
        start = (place[:, axis] * (side - length + 1)).floor()[:, None]
        pixels = torch.arange(side, device=x.device)
        inside.append((pixels >= start) & (pixels < start + length))
    return (inside[0][:, None, :, None] & inside[1][:, None, None, :]).to(x)


def half_plane(place: Tensor, x: Tensor) -> Tensor:
    """Returns masks (N, 1, H, W), 1 in one half of the image, chosen by numbers (N, 2) in [0, 1)."""
    height, width = x.shape[2:]
    upper = (torch.arange(height, device=x.device) < height // 2)[None, :, None].expand(len(x), -1, width)
    left = (torch.arange(width, device=x.device) < width // 2)[None, None, :].expand(len(x), height, -1)
    first = torch.where((place[:, 0] < 0.5)[:, None, None], upper, left)
    return torch.where((place[:, 1] < 0.5)[:, None, None], first, ~first)[:, None].to(x)
