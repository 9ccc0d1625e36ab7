"""Mixtures of Gaussians in the plane, the toy data sets of the literature."""

from math import pi

import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from gan_lightning.core.errors import UserError
from gan_lightning.core.seeding import POINTS, mix
from gan_lightning.data.plane import MARGIN, Plane
from gan_lightning.data.points import PointData

TEST_POINTS = 10_000
"""Number of fresh points of a mixture that samples are evaluated against."""


class Mixture(PointData):
    """Points of a mixture of equally likely round Gaussians. The label of a point is the index of its mode.

    Args:
        means: The centres of the modes, (K, 2).
        deviation: The standard deviation of each mode, along x and along y.
        count: Number of points.
        batch_size: Points per iteration on each process.
        seed: Fixes the points and their order.
    """

    def __init__(self, means: Tensor, deviation: float, count: int, batch_size: int, seed: int) -> None:
        if count < 1:
            raise UserError(f"data.count is {count}; it must be at least 1")
        super().__init__(batch_size, seed, classes=len(means))
        self.means, self.deviation, self.count = means.double(), deviation, count
        reach = MARGIN * self.means.abs().max().item()
        self.plane = Plane(extent=(reach, reach))

    def points(self) -> tuple[Tensor, Tensor]:
        return self.draw(self.count, mix(self.seed, POINTS))

    def load_test(self) -> TensorDataset:
        """Draws fresh points from the same distribution."""
        points, labels = self.draw(TEST_POINTS, mix(self.seed, POINTS, 1))
        return TensorDataset(self.plane.images(points), labels)

    def draw(self, count: int, seed: int) -> tuple[Tensor, Tensor]:
        """Draws fresh points (count, 2) from the distribution, and their modes (count,)."""
        draws = torch.Generator().manual_seed(seed)
        modes = torch.randint(len(self.means), (count,), generator=draws)
        noise = torch.randn(count, 2, generator=draws, dtype=torch.float64)
        return self.means[modes] + self.deviation * noise, modes


class Ring(Mixture):
    """Eight Gaussians of standard deviation 0.01 on a circle of radius 1.

    Lin et al., "PacGAN: the power of two samples in generative adversarial networks", 2018, Section 4.1.
    https://arxiv.org/abs/1712.04086

    Args:
        count: Number of points. Each epoch shows all of them.
        batch_size: Points per iteration on each process. The discriminator's steps share them.
        seed: Fixes the points and their order.
    """

    def __init__(self, count: int = 100_000, batch_size: int = 256, seed: int = 0) -> None:
        angles = torch.arange(8) * (2 * pi / 8)
        super().__init__(torch.stack([angles.cos(), angles.sin()], 1), 0.01, count, batch_size, seed)


class Grid(Mixture):
    """25 Gaussians of standard deviation 0.05 at the points {-4, -2, 0, 2, 4} x {-4, -2, 0, 2, 4}.

    Lin et al., "PacGAN: the power of two samples in generative adversarial networks", 2018, Section 4.1.
    https://arxiv.org/abs/1712.04086

    Args:
        count: Number of points. Each epoch shows all of them.
        batch_size: Points per iteration on each process. The discriminator's steps share them.
        seed: Fixes the points and their order.
    """

    def __init__(self, count: int = 100_000, batch_size: int = 256, seed: int = 0) -> None:
        steps = torch.arange(-4, 5, 2)
        super().__init__(torch.cartesian_prod(steps, steps), 0.05, count, batch_size, seed)
