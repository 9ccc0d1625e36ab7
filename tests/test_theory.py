"""What papers prove about GANs, through the objectives and penalties that train them."""

import cmath
from math import log, pi

import pytest
import torch
from torch import Tensor

from gan_lightning.networks.layers import normalised
from gan_lightning.objectives import (
    Hinge,
    LeastSquares,
    NonSaturating,
    Objective,
    RelativisticPaired,
    Saturating,
    Wasserstein,
)
from gan_lightning.penalties import R1, WGANGP, Penalty, PenaltyInput

# ---- the Dirac-GAN: D(x) = psi x, one real image at 0, one generated at theta ---------------------------------------
# Mescheder et al., "Which training methods for GANs do actually converge?", 2018. https://arxiv.org/abs/1801.04406


def field(objective: Objective, penalties: list[Penalty], point: Tensor) -> Tensor:
    """Where G (theta) and D (psi) want to go: minus the gradient of each one's loss."""
    theta, psi = point.unbind()
    discriminate = lambda x: psi * x.flatten(1).squeeze(1)  # noqa: E731
    x, fakes = torch.zeros(1, 1, 1, 1, dtype=point.dtype), theta.view(1, 1, 1, 1)
    seen = PenaltyInput(discriminate, discriminate, x, fakes, discriminate(x), discriminate(fakes), torch.ones, half)
    loss_d = objective.discriminator(seen.real, seen.fake) + sum(penalty(seen) for penalty in penalties)
    loss_g = objective.generator(seen.fake, seen.real)
    (to_theta,) = torch.autograd.grad(loss_g, theta, create_graph=True)
    (to_psi,) = torch.autograd.grad(loss_d, psi, create_graph=True)
    return -torch.stack([to_theta, to_psi])


def half(*shape: int) -> Tensor:
    return torch.full(shape, 0.5, dtype=torch.float64)


def at(point: Tensor) -> Tensor:
    return point.clone().requires_grad_()


@pytest.mark.parametrize("objective", [NonSaturating(), RelativisticPaired()])
@pytest.mark.parametrize("gamma", [0.0, 0.3, 2.0])
def test_r1_turns_the_circles_of_the_dirac_gan_into_convergence(objective, gamma):
    """Eigenvalues -gamma/2 +- sqrt(gamma^2/4 - 1/4): Mescheder et al. 2018; Huang et al., "The GAN is dead", 2024."""
    zero = torch.zeros(2, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda point: field(objective, [R1(gamma)], point), zero)
    found = torch.linalg.eigvals(jacobian)
    for sign in (1, -1):
        expected = -gamma / 2 + sign * cmath.sqrt(gamma**2 / 4 - 1 / 4)
        assert (found - expected).abs().min() < 1e-10


def radius(objective: Objective, penalties: list[Penalty], alternating: bool) -> float:
    """Distance from the equilibrium after 500 steps of .2 from (1, 1)."""
    point = torch.ones(2, dtype=torch.float64)
    for _ in range(500):
        if alternating:
            for player in range(2):
                point[player] += 0.2 * field(objective, penalties, at(point)).detach()[player]
        else:
            point += 0.2 * field(objective, penalties, at(point)).detach()
    return point.norm().item()


@pytest.mark.parametrize(
    ("objective", "simultaneous", "alternating"),
    [
        (Saturating(), 3.35, 1.50),
        (NonSaturating(), 0.640, 0.271),
        (RelativisticPaired(), 0.640, 0.271),
        (Wasserstein(), 2.6e4, 1.43),
        (Hinge(), 1.40, 1.43),
    ],
)
def test_without_r1_the_dirac_gan_does_not_converge(objective, simultaneous, alternating):
    assert radius(objective, [], False) == pytest.approx(simultaneous, rel=0.02)
    assert radius(objective, [], True) == pytest.approx(alternating, rel=0.02)


def test_slopes_of_one_do_not_make_the_dirac_gan_converge():
    assert min(radius(Wasserstein(), [WGANGP(1.0)], alternating) for alternating in (False, True)) > 0.2


@pytest.mark.parametrize("objective", [NonSaturating(), RelativisticPaired()])
def test_with_r1_the_dirac_gan_converges(objective):
    assert radius(objective, [R1(0.3)], False) < 1e-4
    assert radius(objective, [R1(0.3)], True) < 1e-4


def test_on_the_dirac_gan_relativistic_pairs_follow_the_non_saturating_game():
    for point in torch.randn(20, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0)):
        one, other = (field(objective, [], at(point)) for objective in (NonSaturating(), RelativisticPaired()))
        assert torch.allclose(one, other, rtol=1e-12)


# ---- what the best discriminator measures ---------------------------------------------------------------------------

GRID = torch.linspace(-12, 14, 200_001, dtype=torch.float64)


def density(mean: float, deviation: float) -> Tensor:
    return torch.exp(-(((GRID - mean) / deviation) ** 2) / 2) / (deviation * (2 * pi) ** 0.5)


P, Q = density(0.0, 1.0), density(1.5, 0.7)
"""The data N(0, 1) and the samples N(1.5, .7)."""


def value(objective: Objective, logits: Tensor) -> float:
    """D's loss of these logits, under the densities P and Q in place of samples, by its linearity in both means."""
    step = (GRID[1] - GRID[0]).item()
    total = 0.0
    # a loss of means is a sum of means, so it can be integrated one point at a time
    per_point_real = torch.func.vmap(
        lambda v: objective.discriminator(v[None], ZERO) - objective.discriminator(ZERO, ZERO)
    )
    per_point_fake = torch.func.vmap(
        lambda v: objective.discriminator(ZERO, v[None]) - objective.discriminator(ZERO, ZERO)
    )
    total += (P * per_point_real(logits)).sum().item() * step + (Q * per_point_fake(logits)).sum().item() * step
    return total + objective.discriminator(ZERO, ZERO).item()


ZERO = torch.zeros(1, dtype=torch.float64)


def test_the_best_discriminator_measures_the_jensen_shannon_divergence():
    """Goodfellow et al. 2014, Theorem 1: -log 4 + 2 JSD, at D* = p / (p + q)."""
    assert -value(NonSaturating(), (P / Q).log()) == pytest.approx(-0.8107568043, abs=1e-8)
    assert value(NonSaturating(), (P / Q).log() + 0.1) > 0.8107568043


def test_the_best_least_squares_discriminator_measures_a_pearson_divergence():
    """Mao et al. 2017, Equation 9: 2 C(G) = chi^2(p + q || 2 q) for a = -1, b = 1, c = 0."""
    best = (P - Q) / (P + Q)
    step = (GRID[1] - GRID[0]).item()
    divergence = ((P - Q).square() / (P + Q)).sum().item() * step
    # G's cost is E_q[D^2]/2; with the real term, which it cannot change, the paper's 2 C is E_p[D^2] + E_q[D^2]
    generator = LeastSquares()
    cost = torch.func.vmap(lambda v: generator.generator(v[None], None))(best)
    assert 2 * ((P + Q) * cost).sum().item() * step == pytest.approx(divergence, rel=1e-9)
    assert divergence == pytest.approx(0.9571344754, abs=1e-8)


def test_the_best_hinge_discriminator_measures_the_total_variation():
    """Lim and Ye 2017: the smallest loss is 2 - 2 TV."""
    assert value(Hinge(), (P - Q).sign()) == pytest.approx(0.7366783, abs=1e-5)


@pytest.mark.parametrize(
    ("objective", "at_equilibrium"), [(NonSaturating(), 2 * log(2)), (RelativisticPaired(), log(2))]
)
def test_at_the_equilibrium_the_loss_is_that_of_guessing(objective, at_equilibrium):
    zeros = torch.zeros(5)
    assert objective.discriminator(zeros, zeros).item() == pytest.approx(at_equilibrium, rel=1e-6)


# ---- how smooth a discriminator is ----------------------------------------------------------------------------------


def test_power_iterations_find_the_largest_singular_value():
    """Miyato et al. 2018: sigma_1 = 1 after 200 power iterations."""
    torch.manual_seed(0)
    layer = normalised(torch.nn.Linear(20, 30).double(), spectral=True)
    for _ in range(200):
        layer(torch.zeros(1, 20, dtype=torch.float64))
    layer.eval()
    assert torch.linalg.matrix_norm(layer.weight, ord=2).item() == pytest.approx(1, abs=1e-12)


class Ascent(torch.nn.Module):
    """A critic of one number: three spectrally normalised layers and pairs of maxima, which keep slopes of one.

    Anil, Lucas and Grosse, "Sorting out Lipschitz function approximation", 2019. https://arxiv.org/abs/1811.05381
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(normalised(torch.nn.Linear(i, o), True) for i, o in [(1, 16), (16, 16)])
        self.last = normalised(torch.nn.Linear(16, 1), True)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x).view(len(x), -1, 2).sort(-1).values.flatten(1)
        return self.last(x).squeeze(1)


@pytest.mark.parametrize("distance", [2.0, 0.5])
def test_a_spectrally_normalised_critic_finds_the_wasserstein_distance(distance):
    """Kantorovich and Rubinstein (Villani, "Optimal transport", 2009): W1(N(0, 1), N(m, 1)) = m."""
    torch.manual_seed(0)
    critic = Ascent()
    optimizer = torch.optim.Adam(critic.parameters(), lr=0.02)
    x = torch.distributions.Normal(0, 1).icdf(torch.linspace(0.001, 0.999, 500)).unsqueeze(1)
    loss = torch.tensor(torch.inf)
    for _ in range(400):
        loss = Wasserstein().discriminator(critic(x + distance), critic(x))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert -loss.item() == pytest.approx(distance, rel=0.02)


def test_slopes_of_one_are_a_biased_measure_of_the_wasserstein_distance():
    """WGAN-GP maximises a m - lambda (a - 1)^2 over the slope a of a linear critic: a* = 1 + m / (2 lambda) > 1."""
    distance, weight = 2.0, 10.0
    slope = torch.ones((), dtype=torch.float64, requires_grad=True)
    x = torch.linspace(-1, 1, 8, dtype=torch.float64).view(-1, 1, 1, 1)
    discriminate = lambda x: slope * x.flatten(1).squeeze(1)  # noqa: E731
    optimizer = torch.optim.SGD([slope], lr=0.02)
    for _ in range(200):
        real, fake = discriminate(x + distance), discriminate(x)
        seen = PenaltyInput(discriminate, discriminate, x + distance, x, real, fake, torch.ones, half)
        loss = Wasserstein().discriminator(real, fake) + WGANGP(weight)(seen)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert slope.item() == pytest.approx(1 + distance / (2 * weight), rel=1e-6)
