"""The images that a model was trained on, looked through for those that are nearest to what is shown."""

import sys
import threading
from collections.abc import Iterator

import torch
from torch import Tensor

from gan_lightning.core.errors import UserError, printable
from gan_lightning.data import ImageData
from gan_lightning.data.image_data import scale
from gan_lightning.editing.nearest import Neighbours, nearest_images

COMPARED_TOGETHER = 2000
"""Images that are compared at a time."""


class TrainingImages:
    """Training images, which are read when they are first asked for.

    Args:
        data: The data set.
    """

    def __init__(self, data: ImageData) -> None:
        self.data, self.reading = data, threading.Lock()

    def nearest(self, image: Tensor, count: int) -> Neighbours:
        """Returns the training images that are nearest to an image (C, H, W) in [-1, 1], by their pixels.

        Raises:
            UserError: They cannot be read.
        """
        return nearest_images(image, self.blocks(), count)

    def blocks(self) -> Iterator[Tensor]:
        """Yields all training images (N, C, H, W), uint8, some at a time."""
        with self.reading:
            if self.data.source is None:
                try:
                    self.data.setup("fit")
                except (OSError, UserError) as error:  # it may name a path, which is for those at the machine
                    print(f"gan explore: {printable(error)}", file=sys.stderr)
                    raise UserError(
                        "the training images cannot be read: the terminal of gan explore says why"
                    ) from error
        assert self.data.source is not None
        for block in torch.arange(len(self.data.source)).split(COMPARED_TOGETHER):  # type: ignore[arg-type]
            x = self.data.cropped(self.data.source[block][0])
            yield x if x.dtype == torch.uint8 else scale(x).add(1).mul(127.5).round().byte()
