"""A dense discriminator that sees fine detail in inputs of low dimension, such as points of the plane."""

from collections.abc import Sequence
from itertools import pairwise
from math import pi, prod

import torch
from torch import Tensor, nn

from gan_lightning.core.errors import UserError
from gan_lightning.networks.contract import Discriminator, DiscriminatorOutput, ImageShape
from gan_lightning.networks.layers import Head, check_classes, check_sizes, normalised


class FourierDiscriminator(Discriminator):
    """Dense layers with LeakyReLU(0.2) from an image and its random Fourier features to one logit.

    Beside x, their input is sin(2 pi B x) and cos(2 pi B x), where B is drawn once from a normal distribution. Without
    these waves, dense layers learn coarse shapes first and fine ones very late.

    Tancik et al., "Fourier features let networks learn high frequency functions in low dimensional domains", 2020,
    Section 5. https://arxiv.org/abs/2006.10739

    Args:
        image_shape: Channels, height, width. The command line takes them from the data.
        hidden: Width of each hidden layer.
        waves: Number of waves, the rows of B.
        frequency: Standard deviation of the entries of B, in waves per unit; pixels range from -1 to 1.
        spectral_norm: Divide each weight matrix by its largest singular value (Miyato et al., 2018).
        packing: Number of images judged together (PacGAN; Lin et al., 2018).
        classes: Number of classes; the label is projected onto the last hidden layer. 0 for no labels.
        auxiliary_classifier: Predict the class beside the logit instead of projecting it (Odena et al., 2017).
    """

    projection: Tensor

    def __init__(
        self,
        image_shape: ImageShape,
        hidden: Sequence[int] = (128, 128, 128),
        waves: int = 32,
        frequency: float = 2.0,
        spectral_norm: bool = False,
        packing: int = 1,
        classes: int = 0,
        auxiliary_classifier: bool = False,
    ) -> None:
        super().__init__()
        check_sizes(packing=packing, waves=waves, **{f"hidden[{i}]": width for i, width in enumerate(hidden)})
        check_classes(classes, auxiliary_classifier, packing)
        if frequency <= 0:
            raise UserError(f"frequency of FourierDiscriminator is {frequency}; it must be above 0")
        self.image_shape, self.packing, self.classes = image_shape, packing, classes
        pixels = prod(image_shape)
        self.register_buffer("projection", frequency * torch.randn(waves, pixels))
        widths = [packing * (pixels + 2 * waves), *hidden]
        self.layers = nn.Sequential(
            *(nn.Sequential(normalised(nn.Linear(i, o), spectral_norm), nn.LeakyReLU(0.2)) for i, o in pairwise(widths))
        )
        self.features_dim = widths[-1]
        self.head = Head(widths[-1], classes, auxiliary_classifier, spectral_norm)

    def features(self, x: Tensor) -> Tensor:
        x = x.reshape(len(x), self.packing, prod(self.image_shape))
        with torch.autocast(x.device.type, enabled=False):  # 16 bits are too few for phases
            phase = 2 * pi * x.to(self.projection.dtype) @ self.projection.T
        return self.layers(torch.cat([x, phase.sin(), phase.cos()], 2).flatten(1))

    def forward(self, x: Tensor, y: Tensor | None = None) -> DiscriminatorOutput:
        return self.head(self.features(x), y)
