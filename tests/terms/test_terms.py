"""Every term against values that are worked out by hand."""

from math import sqrt

import pytest
import torch

from gan_lightning.core.discovery import subclasses
from gan_lightning.core.errors import UserError
from gan_lightning.networks import PatchDiscriminator
from gan_lightning.networks.backbones import ColourBackbone
from gan_lightning.terms import L1, L2, Charbonnier, FeatureMatching, Perceptual, Term, TermInput, TotalVariation

TARGET = torch.tensor([[[[0.0, 0.5], [1.0, -1.0]]]], dtype=torch.float64)
MADE = torch.tensor([[[[0.5, 0.5], [0.0, -0.8]]]], dtype=torch.float64)
MISSING = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]], dtype=torch.float64)
"""Differences are .5, 0, -1 and .2; the left half is missing."""


@pytest.mark.parametrize(
    ("term", "value"),
    [
        (L1(), 1.7 / 4),
        (L1(region="missing"), 1.5 / 2),
        (L1(region="shown"), 0.2 / 2),
        (L2(), (0.25 + 1 + 0.04) / 4),
        (L2(region="missing"), 1.25 / 2),
        (Charbonnier(epsilon=0.1), (sqrt(0.26) + 0.1 + sqrt(1.01) + sqrt(0.05)) / 4),
        (Charbonnier(epsilon=0.1, region="shown"), (0.1 + sqrt(0.05)) / 2),
        (TotalVariation(), (0.5 + 1.3) / 2 + (0.0 + 0.8) / 2),
        (FeatureMatching(), (1.7 / 4 + 3 * 1.7 / 4) / 2),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Term) else "",
)
def test_a_term_is_what_it_is_by_hand(term, value):
    seen = TermInput(MADE, TARGET, MISSING, lambda x: [x, 3 * x])
    assert term(seen).item() == pytest.approx(value, abs=1e-6)


def test_the_perceptual_term_is_the_mean_over_layers_of_the_mean_difference_of_features():
    torch.manual_seed(0)
    made, target = torch.rand(2, 2, 3, 16, 16) * 2 - 1
    backbone = ColourBackbone()
    layers = [(a - b).abs().mean().item() for a, b in zip(backbone.maps(made), backbone.maps(target), strict=True)]
    assert len(layers) == 3
    assert Perceptual()(TermInput(made, target)).item() == pytest.approx(sum(layers) / 3, abs=1e-6)
    grey = made[:, :1]
    shown = TermInput(grey, target), TermInput(grey.expand(-1, 3, -1, -1), target)
    assert Perceptual()(shown[0]).item() == Perceptual()(shown[1]).item(), "grey images are shown as colour"


def test_layers_of_the_perceptual_term_are_added_with_their_factors():
    made, target = torch.rand(2, 2, 3, 16, 16) * 2 - 1
    backbone = ColourBackbone()
    layers = [(a - b).abs().mean().item() for a, b in zip(backbone.maps(made), backbone.maps(target), strict=True)]
    found = Perceptual(layers=[0.5, 0, 2])(TermInput(made, target)).item()
    assert found == pytest.approx(0.5 * layers[0] + 2 * layers[2], abs=1e-5)
    for wrong in ([1.0], [1.0, 2.0, -1.0]):
        with pytest.raises(UserError, match="ColourBackbone has 3: give a factor of at least 0 for each"):
            Perceptual(layers=wrong)


def test_feature_matching_teaches_the_generator_through_the_features_of_its_images_alone():
    net = PatchDiscriminator((1, 8, 8), width=4, halvings=1)
    made, target = (torch.randn(2, 1, 8, 8, requires_grad=True) for _ in range(2))
    FeatureMatching()(TermInput(made, target, None, net.feature_maps)).backward()
    assert made.grad is not None
    assert made.grad.abs().sum() > 0
    assert target.grad is None


@pytest.mark.parametrize("cls", [c for c in subclasses(Term) if c.__module__.startswith("gan_lightning")])
def test_no_term_punishes_what_is_right_and_smooth(cls):
    x = torch.full((2, 3, 16, 16), 0.3)
    seen = TermInput(x, x.clone(), torch.zeros(2, 1, 16, 16), lambda x: [x])
    assert cls()(seen).item() == pytest.approx(0, abs=2e-3)


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(UserError, match="the weight of L1 is -1; it must be at least 0"):
        L1(-1)
    with pytest.raises(UserError, match="epsilon of Charbonnier is 0; it must be above 0"):
        Charbonnier(epsilon=0)
