"""Handwritten digits that need no download."""

import torch
import torch.nn.functional as F
from torch.utils.data import TensorDataset

from gan_lightning.data.image_data import ImageData


class Digits(ImageData):
    """Handwritten digits that come with scikit-learn: 1,797 grey images, enlarged from 8x8 to 28x28, ten classes.

    Alpaydin and Kaynak, "Optical recognition of handwritten digits", UCI, 1998. https://doi.org/10.24432/C50P49

    Args:
        batch_size: Images per iteration on each process. The discriminator's steps share them.
        seed: Fixes the order of the images.
        held_out: Fraction of the images kept out of training, to evaluate samples against; each by its pixels.
    """

    extractor = "MNIST"

    def __init__(self, batch_size: int = 128, seed: int = 0, held_out: float = 0.0) -> None:
        super().__init__((1, 28, 28), batch_size, seed, classes=10, held_out=held_out, class_names="0123456789")

    def load(self) -> TensorDataset:
        from sklearn.datasets import load_digits

        small, labels = load_digits(return_X_y=True)  # 0 to 16
        pixels = torch.from_numpy(small).float().view(-1, 1, 8, 8) * (255 / 16)
        large = F.interpolate(pixels, size=(28, 28), mode="bicubic", align_corners=False)
        return TensorDataset(large.round().clamp(0, 255).byte(), torch.from_numpy(labels).long())
