"""Minima of the energy of latents."""

import torch
from helpers.tiny import tiny_gan

from gan_lightning.editing.least_squares import latent_energy, minimised, with_derivatives

A = torch.tensor([[2.0, 0.0], [1.0, 1.0], [0.0, 3.0]])
X = torch.tensor([[1.0, 2.0, 3.0], [0.0, -1.0, 1.0]])


def linear(z, rows):
    return z @ A.T - X[rows]


def test_the_minimum_of_a_linear_model_is_that_of_ridge_regression():
    """(A^T A + I) z = A^T x."""
    ridge = torch.linalg.solve(A.T @ A + torch.eye(2), A.T @ X.T).T
    assert torch.allclose(minimised(linear, torch.ones(2, 2)), ridge, atol=1e-4)


def test_the_energy_is_half_the_squares_of_residuals_and_latent():
    assert latent_energy(torch.tensor([[3.0, 4.0]]), torch.tensor([[1.0, 2.0]])).tolist() == [15.0]


def test_derivatives_are_those_of_each_image_in_its_own_latent():
    model, z = tiny_gan().eval(), torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    values, derivatives = with_derivatives(lambda at: model(at).flatten(1), z)
    assert torch.allclose(values, model(z).flatten(1))
    for row in range(2):
        exact = torch.autograd.functional.jacobian(lambda at: model(at[None]).flatten(), z[row])
        assert torch.allclose(derivatives[row], exact, atol=1e-5)


def test_no_step_leads_up():
    def wild(z, rows):
        return 5 * torch.sin(7 * z) + z.square()

    z = torch.linspace(-3, 3, 20)[:, None]
    rows = torch.arange(20)
    assert (latent_energy(wild(minimised(wild, z), rows), minimised(wild, z)) <= latent_energy(wild(z, rows), z)).all()
