"""The posterior of latents, where it is known in closed form."""

import torch
from torch.distributions import MultivariateNormal

from gan_lightning.editing.posterior import Minima, chains_from, found_before, minima
from gan_lightning.editing.starts import Starts

A = torch.tensor([[[2.0, 0.0], [1.0, 1.0], [0.0, 3.0]], [[1.0, 0.0], [0.0, 0.5], [1.0, 0.0]]])
X = torch.tensor([1.0, 0.5, -1.0])


def test_the_classes_of_a_linear_model_are_as_likely_as_bayes_says():
    """p(x | y) = N(0, A_y A_y^T + I)."""
    starts = Starts(torch.zeros(1, 2, 2), torch.tensor([[0, 1]]))
    found = minima(lambda z, rows: torch.einsum("nrd,nd->nr", A[rows], z) - X, starts, 10)
    logs = torch.stack([MultivariateNormal(torch.zeros(3), a @ a.T + torch.eye(3)).log_prob(X) for a in A])
    assert torch.allclose(found.class_probabilities(2)[0].float(), logs.softmax(0), atol=1e-3)


def test_a_minimum_that_was_found_twice_counts_once():
    z = torch.tensor([[[0.0, 0.0], [0.1, 0.0], [3.0, 0.0], [0.0, 0.1]]])
    curvature = torch.eye(2, dtype=torch.float64).expand(1, 4, 2, 2)
    assert found_before(z, None, curvature).tolist() == [[False, True, False, True]]
    assert found_before(z, torch.tensor([[0, 1, 0, 1]]), curvature).tolist() == [[False, False, False, True]]


def test_the_chains_of_a_linear_model_have_its_posterior():
    """N(m, (A^T A + I)^-1), even if they start where another curvature was said."""
    a = A[0]
    curved = (a.T @ a + torch.eye(2)).double()
    mean = torch.linalg.solve(curved.float(), a.T @ X)
    said = (curved * torch.tensor([[1.0, 1.0], [1.0, 1.5]])).expand(4000, 2, 2)
    z = chains_from(lambda z, rows: z @ a.T - X, mean.expand(4000, 2), said, steps=20, seed=0)
    assert torch.allclose(z.mean(0), mean, atol=0.03)
    assert torch.allclose(z.T.cov().double(), torch.linalg.inv(curved), atol=0.02)


def test_probabilities_of_classes_sum_the_shares_of_their_minima():
    evidence = torch.tensor([[0.0, 0.0, 0.0, -torch.inf]], dtype=torch.float64)
    found = Minima(torch.zeros(1, 4, 1), torch.tensor([[0, 2, 2, 1]]), evidence, torch.eye(1))
    assert torch.allclose(found.class_probabilities(3), torch.tensor([[1 / 3, 0, 2 / 3]], dtype=torch.float64))
