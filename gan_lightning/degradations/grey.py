"""Images without colour."""

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.core.images import ImageShape, channels_in_words
from gan_lightning.core.resampling import sent
from gan_lightning.core.seeding import Draw
from gan_lightning.degradations.degradation import Degradation

LUMA = (0.299, 0.587, 0.114)
"""The weights of red, green and blue in grey: ITU-R BT.601, as Pillow and JPEG have them."""


class Grey(Degradation):
    """Takes the colour: one channel, .299 red + .587 green + .114 blue (ITU-R BT.601).

    That is known of an image, so what is made of it keeps it: colours of G's that would leave the range of pixels with
    this grey are paled until they do not.
    """

    def channels(self, image_channels: int) -> int:
        return 1

    def check(self, image_shape: ImageShape) -> None:
        if image_shape[0] != 3:
            raise UserError(
                f"Grey takes the colour of images, but these have {channels_in_words(image_shape[0])}: use data with 3 "
                "(ImageFolder: data.channels 3)"
            )

    def forward(self, x: Tensor, normal: Draw, uniform: Draw) -> Tensor:
        return luminance(x)

    def taken(self, x: Tensor, opaque: Tensor) -> Tensor:
        return luminance(x)

    def completed(self, made: Tensor, inputs: Tensor) -> Tensor:
        grey, colour = inputs.to(made), made - luminance(made)
        room = torch.where(colour > 0, 1 - grey, 1 + grey) / colour.abs().clamp(min=1e-6)
        return grey + colour * room.amin(1, keepdim=True).clamp(0, 1)


def luminance(x: Tensor) -> Tensor:
    """Returns the grey (N, 1, H, W) of images (N, C, H, W): of colour images by `LUMA`, else of the first channel."""
    if x.shape[1] != 3:
        return x[:, :1]
    return (x * sent(LUMA, x).view(3, 1, 1)).sum(1, keepdim=True)
