"""The latents that may explain an image, weighed by how likely each of them is.

Minima of the energy stand for the posterior, each by a normal distribution (Laplace's method): Tierney and Kadane,
"Accurate approximations for posterior moments and marginal densities", 1986, Section 2.
https://doi.org/10.1080/01621459.1986.10478240
"""

from typing import NamedTuple

import torch
from torch import Tensor

from gan_lightning.core.seeding import mix
from gan_lightning.editing.least_squares import Residuals, latent_energy, minimised, second_order
from gan_lightning.editing.starts import CHAINS, Starts

LANGEVIN_STEP = 0.7
"""Of the chains, in standard deviations of a minimum's normal distribution."""

CURVED_TOGETHER = 32
"""Problems whose derivatives are in memory together."""


class Minima(NamedTuple):
    """Minima of the energy of N images, S for each.

    Args:
        z: (N, S, latent_dim).
        y: Labels (N, S) int64; None for a model without labels.
        evidence: Log of the posterior's mass around each, but for a constant of the image: -E - log det(H) / 2, (N, S)
            float64; minus infinity for a minimum that was found twice.
        curvature: H, (N, S, latent_dim, latent_dim) float64, on the CPU.
    """

    z: Tensor
    y: Tensor | None
    evidence: Tensor
    curvature: Tensor

    def class_probabilities(self, classes: int) -> Tensor:
        """p(y | image), (N, classes), where all classes are equally likely beforehand."""
        assert self.y is not None
        shares = self.evidence.softmax(1)
        return torch.zeros(len(shares), classes, dtype=shares.dtype).scatter_add_(1, self.y.cpu(), shares)

    def with_class_probabilities(self, probabilities: Tensor) -> "Minima":
        """Returns the minima, where those of each class have together the share (N, classes) of this class.

        Classes that no minimum has keep nothing of it.
        """
        assert self.y is not None
        y, held = self.y.cpu(), []
        for label in range(probabilities.shape[1]):
            of_class = self.evidence.masked_fill(y != label, -torch.inf)
            held.append(of_class - of_class.logsumexp(1, keepdim=True) + probabilities[:, label, None].double().log())
        evidence = torch.stack(held).nan_to_num(nan=-torch.inf).amax(0)
        return self._replace(evidence=evidence)


def minima(residuals: Residuals, starts: Starts, iterations: int) -> Minima:
    """Finds the minima that are next to the starts.

    Args:
        residuals: The problems: number n * S + s is the start s of the image n.
        starts: Where to start.
        iterations: At most so many from each start.
    """
    count, each, latent_dim = starts.z.shape
    z = minimised(residuals, starts.z.flatten(0, 1), iterations)
    rows = torch.arange(len(z), device=z.device)
    parts = [second_order(residuals, z[part], part) for part in rows.split(CURVED_TOGETHER)]
    low, curved = torch.cat([part[0] for part in parts]).cpu(), torch.cat([part[2] for part in parts])
    evidence = (-low - torch.linalg.slogdet(curved)[1] / 2).view(count, each)
    curved, z = curved.view(count, each, latent_dim, latent_dim), z.view(count, each, latent_dim)
    return Minima(z, starts.y, evidence.masked_fill(found_before(z, starts.y, curved), -torch.inf), curved)


def found_before(z: Tensor, y: Tensor | None, curvature: Tensor) -> Tensor:
    """Which minima (N, S) an earlier start has led to, too: they are less than one standard deviation apart."""
    apart = (z.unsqueeze(2) - z.unsqueeze(1)).double().cpu()
    near = torch.einsum("nstd,nsde,nste->nst", apart, curvature, apart) < 1
    if y is not None:
        near &= (y.unsqueeze(2) == y.unsqueeze(1)).cpu()
    return near.tril(-1).any(2)


def minima_drawn(found: Minima, count: int, seed: int) -> Tensor:
    """Returns for each image the numbers (N, count) of minima drawn by their evidence."""
    if not count:
        return torch.empty(len(found.evidence), 0, dtype=torch.int64)
    draw = torch.Generator().manual_seed(mix(CHAINS, seed, 0))
    return torch.multinomial(found.evidence.softmax(1), count, replacement=True, generator=draw)


def chains_from(residuals: Residuals, z: Tensor, curvature: Tensor, steps: int, seed: int) -> Tensor:
    """Returns latents (n, d) of the posterior: chains that begin near a minimum, each drawn by itself.

    Metropolis-adjusted Langevin steps whose metric is the curvature of the minimum: Girolami and Calderhead, "Riemann
    manifold Langevin and Hamiltonian Monte Carlo methods", 2011, Section 5, with a metric that stays.
    https://doi.org/10.1111/j.1467-9868.2010.00765.x

    Args:
        residuals: The problems, one for each chain.
        z: Minima, (n, d).
        curvature: At the minima, (n, d, d).
        steps: Of each chain; 0 for draws from the normal distributions.
        seed: Fixes the draws.
    """
    draw = torch.Generator().manual_seed(mix(CHAINS, seed, 1))
    root = torch.linalg.cholesky(torch.linalg.inv(curvature)).to(z)  # H^-1 = root root^T
    rows = torch.arange(len(z), device=z.device)

    def noise() -> Tensor:
        return (root @ torch.randn(*z.shape, 1, generator=draw).to(z)).squeeze(-1)

    z = z + noise()
    low, drift = sloped(residuals, z, rows, root)
    for _ in range(steps):
        forth = noise()
        tried = z - LANGEVIN_STEP**2 / 2 * drift + LANGEVIN_STEP * forth
        reached, back = sloped(residuals, tried, rows, root)
        returned = (z - tried + LANGEVIN_STEP**2 / 2 * back) / LANGEVIN_STEP
        ratio = low - reached + (scaled_norm(forth, root) - scaled_norm(returned, root)) / 2
        taken = torch.rand(len(z), generator=draw).log().to(ratio) < ratio
        z = torch.where(taken[:, None], tried, z)
        low, drift = torch.where(taken, reached, low), torch.where(taken[:, None], back, drift)
    return z


def sloped(residuals: Residuals, z: Tensor, rows: Tensor, root: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the energy (n,), and H^-1 times its slope, (n, d)."""
    with torch.enable_grad():
        at = z.detach().requires_grad_(True)
        parts = [latent_energy(residuals(at[part], part), at[part]) for part in rows.split(CURVED_TOGETHER)]
        low = torch.cat(parts)
        (slope,) = torch.autograd.grad(low.sum(), at)
    return low.detach(), (root @ (root.mT @ slope.unsqueeze(-1))).squeeze(-1)


def scaled_norm(step: Tensor, root: Tensor) -> Tensor:
    """|root^-1 step|^2, (n,)."""
    return torch.linalg.solve_triangular(root, step.unsqueeze(-1), upper=False).squeeze(-1).square().sum(1)
