"""What was made up, laid into what is known without a seam."""

import torch
import torch.nn.functional as F
from torch import Tensor

SWEEPS = 60
"""Of Jacobi's method, whose error falls by 4 / (4 + 1 / reach^2) in each."""


def blended(known: Tensor, made: Tensor, missing: Tensor, reach: float = 2.0) -> Tensor:
    """Returns images (N, C, H, W) that are as known where they are, and made up with no seam where not.

    In the hole, what is made is corrected by a membrane that is spanned by the gaps at its edge and falls to zero
    within about `reach` pixels: it solves the screened Poisson equation (laplace - 1 / reach^2) gap = 0 there.

    Pérez, Gangnet and Blake, "Poisson image editing", 2003, Equation 4 (https://doi.org/10.1145/882262.882269), with
    the screening of Bhat et al., "Fourier analysis of the 2D screened Poisson equation for gradient domain problems",
    2008, Equation 2 (https://doi.org/10.1007/978-3-540-88688-4_9).

    Args:
        known: The images, (N, C, H, W) in [-1, 1]; what they hold in the hole is not looked at.
        made: What the model makes, (N, C, H, W).
        missing: (N, 1, H, W) bool, true in the hole.
        reach: In pixels.
    """
    edge = torch.where(missing, 0.0, known - made)
    cross = edge.new_tensor([[0, 1, 0], [1, 0, 1], [0, 1, 0]])[None, None]
    beside = F.conv2d(torch.ones_like(edge[:1, :1]), cross, padding=1)
    gap = edge
    for _ in range(SWEEPS):
        around = F.conv2d(gap.flatten(0, 1).unsqueeze(1), cross, padding=1).view_as(gap)
        gap = torch.where(missing, around / (beside + reach**-2), edge)
    return torch.where(missing, (made + gap).clamp(-1, 1), known)
