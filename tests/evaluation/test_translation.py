"""The scores of images beside the true ones, against values by hand."""

from math import log10

import pytest
import torch

from gan_lightning.evaluation.translation import compared_pixels, scores_of, studio_luminance, summarised


def test_psnr_is_that_of_the_formula_for_each_image():
    target = torch.full((2, 1, 12, 12), 100.0)
    made = target + torch.tensor([3.0, 5.0]).view(2, 1, 1, 1)
    expected = [10 * log10(255**2 / 9), 10 * log10(255**2 / 25)]
    assert scores_of(made, target)["PSNR"].tolist() == pytest.approx(expected, abs=1e-4)
    assert scores_of(target, target)["PSNR"].tolist() == [100, 100], "not infinite"


def test_ssim_of_even_images_is_that_of_their_means():
    """Wang et al. (2004), Equation 13, without variance: (2 a b + c) / (a^2 + b^2 + c), c = (0.01 * 255)^2."""
    a, b, c = 100.0, 120.0, (0.01 * 255) ** 2
    found = scores_of(torch.full((1, 1, 16, 16), a), torch.full((1, 1, 16, 16), b))["SSIM"]
    assert found.item() == pytest.approx((2 * a * b + c) / (a * a + b * b + c), abs=1e-5)
    assert "SSIM" not in scores_of(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))


def test_luminance_is_that_of_rgb2ycbcr():
    colours = torch.tensor([[255.0, 255, 255], [0, 0, 0], [255, 0, 0]]).view(3, 3, 1, 1)
    assert studio_luminance(colours).flatten().tolist() == pytest.approx([235, 16, 81.481], abs=1e-3)
    grey = torch.rand(2, 1, 3, 3)
    assert studio_luminance(grey) is grey


def test_pixels_are_whole_and_without_the_border():
    x = torch.linspace(-1.1, 1.1, 36).view(1, 1, 6, 6)
    pixels = compared_pixels(x, True, 2)
    assert pixels.shape == (1, 1, 2, 2)
    assert torch.equal(pixels, pixels.round())
    assert compared_pixels(x, False, 0).max() == 255


def test_an_interval_narrows_with_the_root_of_the_number():
    score = summarised(torch.tensor([1.0, 3.0, 1.0, 3.0]))
    assert score.mean == 2
    assert score.margin == pytest.approx(1.96 * (4 / 3) ** 0.5 / 2)
