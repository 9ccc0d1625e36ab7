"""Earlier images of a generator, for its discriminator."""

import torch
from torch import Tensor, nn

from gan_lightning.core.distributed import place, rows_of_all
from gan_lightning.core.images import ImageShape
from gan_lightning.core.seeding import Draw


class FakePool(nn.Module):
    """Keeps some images that a generator has made, and gives half of them back in place of new ones.

    Until it is full, it keeps every image, and gives it back. Then, with probability 1/2, an image takes the place of
    one at random, which is given back instead. So a discriminator does not forget what the generator did earlier.

    Shrivastava et al., "Learning from simulated and unsupervised images through adversarial training", 2017, Section
    2.3, https://arxiv.org/abs/1612.07828; as used by Zhu et al., 2017, Section 4.

    All processes hold the same images: those of all of them take their turns in the order of their ranks. The images
    are buffers, so that checkpoints hold them.

    Args:
        size: The largest number of images that it holds.
        image_shape: Channels, height, width.
    """

    images: Tensor
    held: Tensor

    def __init__(self, size: int, image_shape: ImageShape) -> None:
        super().__init__()
        self.register_buffer("images", torch.zeros(size, *image_shape))
        self.register_buffer("held", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def forward(self, made: Tensor, uniform: Draw) -> Tensor:
        """Returns images (N, C, H, W) for the discriminator in place of new ones (N, C, H, W).

        Args:
            made: What the generator has made in this iteration, on this process.
            uniform: Draws numbers uniform in [0, 1) of a shape that begins with N.
        """
        new, draws = rows_of_all(made.to(self.images)), rows_of_all(uniform(len(made), 2)).tolist()
        seen = [self.exchanged(image, *draw) for image, draw in zip(new, draws, strict=True)]
        first = place()[0] * len(made)
        return torch.stack(seen[first : first + len(made)])

    def exchanged(self, image: Tensor, coin: float, where: float) -> Tensor:
        """Returns an image in place of a new one (C, H, W), by two numbers in [0, 1)."""
        size = len(self.images)
        if (held := int(self.held)) < size:
            self.images[held] = image
            self.held += 1
            return image
        if coin >= 0.5:
            return image
        earlier = self.images[int(where * size)].clone()
        self.images[int(where * size)] = image
        return earlier
