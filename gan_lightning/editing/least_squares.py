"""Latents that explain images best, by the Levenberg-Marquardt method.

A latent has few coordinates, so all derivatives of an image are cheap: one pass in forward mode for each coordinate.
Near a solution the method then converges quadratically, where gradient descent takes hundreds of steps.

Marquardt, "An algorithm for least-squares estimation of nonlinear parameters", 1963. https://doi.org/10.1137/0111030
"""

import warnings
from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from torch.func import jvp, vmap

Residuals = Callable[[Tensor, Tensor], Tensor]
"""Maps latents (n, latent_dim), and the numbers (n,) of the problems that they belong to, to residuals (n, R), which
are standard normal if the image is one of the model's with noise."""

TRIED = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Multiples of the damping that are tried in each iteration; a try costs an image, an iteration latent_dim of them."""

FIRST_DAMPING, LEAST_DAMPING = 0.1, 1e-7
"""Relative to the mean curvature."""

LEAST_GAIN = 1e-3
"""A problem is solved when an iteration lowers its energy by a smaller share."""

FLOATS = 2**22
"""Numbers of the derivatives that are in memory together."""


def latent_energy(residuals: Tensor, z: Tensor) -> Tensor:
    """E(z) = |r(z)|^2 / 2 + |z|^2 / 2, (n,) float64: minus the log of likelihood times prior, but for a constant."""
    return (residuals.double().square().sum(1) + z.double().square().sum(1)) / 2


def minimised(residuals: Residuals, z: Tensor, iterations: int = 20) -> Tensor:
    """Returns latents (n, latent_dim) at minima of the energy, each found from the latent given.

    Args:
        residuals: The problems, each independent of the others.
        z: Where to start, (n, latent_dim).
        iterations: At most so many.
    """
    first = residuals(z[:1], torch.zeros(1, dtype=torch.int64, device=z.device))
    part = max(1, min(64, FLOATS // max(1, first.numel() * z.shape[1])))
    rows = torch.arange(len(z), device=z.device)
    return torch.cat([minimised_part(residuals, z[r], r, iterations) for r in rows.split(part)]) if len(z) else z


def minimised_part(residuals: Residuals, z: Tensor, rows: Tensor, iterations: int) -> Tensor:
    """The same for problems that fit into memory together."""
    z, damping = z.clone(), z.new_full((len(z),), FIRST_DAMPING, dtype=torch.float64)
    open_ = torch.arange(len(z), device=z.device)
    for _ in range(iterations):
        before, slope, curved = second_order(residuals, z[open_], rows[open_])
        moved, after, damping[open_] = best_step(
            residuals, z[open_], rows[open_], before, slope, curved, damping[open_]
        )
        z[open_] = moved
        open_ = open_[before - after > LEAST_GAIN * before]
        if not len(open_):
            break
    return z


def best_step(
    residuals: Residuals, z: Tensor, rows: Tensor, before: Tensor, slope: Tensor, curved: Tensor, damping: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Solves (H + damping * tr(H)/d * I) step = -slope for several dampings, and takes the step that leads lowest.

    Returns:
        The latents, their energies, and the damping to go on with; latents stay where no step leads down.
    """
    scale, unit = curved.diagonal(dim1=1, dim2=2).mean(1), torch.eye(z.shape[1], dtype=torch.float64)
    found, lowest, kept = z, before, damping * TRIED[-1]
    for times in TRIED:
        damped = curved + (times * damping * scale.to(damping))[:, None, None].cpu() * unit
        step = torch.cholesky_solve(slope.unsqueeze(-1), torch.linalg.cholesky_ex(damped)[0]).squeeze(-1)
        tried = z - step.to(z)
        reached = latent_energy(residuals(tried, rows), tried)
        better = reached < lowest
        found, lowest = torch.where(better[:, None], tried, found), torch.where(better, reached, lowest)
        kept = torch.where(better, (times * damping).clamp(min=LEAST_DAMPING), kept)
    return found, lowest, kept


def second_order(residuals: Residuals, z: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Returns the energy (n,), its slope J^T r + z (n, d), and its curvature J^T J + I (n, d, d) by Gauss and Newton.

    Slope and curvature are float64 on the CPU: curvatures of the coordinates differ by many powers of ten.
    """
    r, j = with_derivatives(lambda at: residuals(at, rows), z)
    slope = (j.mT @ r.unsqueeze(-1)).squeeze(-1) + z
    curved = (j.mT @ j).double().cpu() + torch.eye(z.shape[1], dtype=torch.float64)
    return latent_energy(r, z), slope.double().cpu(), curved


def with_derivatives(function: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    """Returns f(z) (n, R) and its derivatives (n, R, d), for an f whose rows are independent of each other."""

    def along(direction: Tensor) -> tuple[Tensor, Tensor]:
        return jvp(function, (z,), (direction.expand_as(z),))  # type: ignore[return-value]

    load_rules()
    directions = torch.eye(z.shape[1], dtype=z.dtype, device=z.device)
    values, derivatives = vmap(along, out_dims=(None, 0))(directions)  # type: ignore[misc]
    return values.detach(), derivatives.detach().permute(1, 2, 0)


@cache
def load_rules() -> None:
    """Has torch load its rules of forward mode, which it compiles with what it calls deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jvp(torch.sin, (torch.zeros(1),), (torch.ones(1),))
