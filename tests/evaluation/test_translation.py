"""The scores of images beside the true ones, against values by hand."""

from math import log10

import pytest
import torch

from gan_lightning.evaluation.translation import (
    colourfulness_index,
    compared_pixels,
    copies_input,
    grey_levels,
    ignores_input,
    nearer,
    pixel_scores,
    studio_luminance,
)


def test_psnr_is_that_of_the_formula_for_each_image():
    target = torch.full((2, 1, 12, 12), 100.0)
    made = target + torch.tensor([3.0, 5.0]).view(2, 1, 1, 1)
    expected = [10 * log10(255**2 / 9), 10 * log10(255**2 / 25)]
    assert pixel_scores(made, target)["PSNR"].tolist() == pytest.approx(expected, abs=1e-4)
    assert pixel_scores(target, target)["PSNR"].tolist() == [100, 100], "not infinite"


def test_ssim_of_even_images_is_that_of_their_means():
    """Wang et al. (2004), Equation 13, without variance: (2 a b + c) / (a^2 + b^2 + c), c = (0.01 * 255)^2."""
    a, b, c = 100.0, 120.0, (0.01 * 255) ** 2
    found = pixel_scores(torch.full((1, 1, 16, 16), a), torch.full((1, 1, 16, 16), b))["SSIM"]
    assert found.item() == pytest.approx((2 * a * b + c) / (a * a + b * b + c), abs=1e-5)
    assert "SSIM" not in pixel_scores(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))


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


def test_colourfulness_is_that_of_the_formula():
    """A red and a black pixel: r is 255 and 0, b is 127.5 and 0, so both means are as large as the deviations."""
    x = torch.tensor([[1.0, -1.0], [-1, -1], [-1, -1]]).view(1, 3, 1, 2)
    assert colourfulness_index(x).item() == pytest.approx(1.3 * (127.5**2 + 63.75**2) ** 0.5)
    assert colourfulness_index(torch.full((1, 3, 2, 2), 0.3)).item() == pytest.approx(0, abs=1e-9), "grey"


def test_a_difference_is_in_grey_levels():
    x = torch.zeros(2, 1, 2, 2)
    x[1, 0, 0, 0] = 2
    assert grey_levels(x, torch.zeros_like(x)).tolist() == pytest.approx([0, 255 / 4])


def test_equal_scores_are_nearer_by_half():
    own, other = torch.tensor([3.0, 2, 2, 1]), torch.tensor([1.0, 2, 2, 2])
    assert nearer(own, other, 4).value == 0.5
    assert nearer(own, other, 2).low < nearer(own, other, 4).low, "two independent images say less than four"


def test_a_copy_and_one_image_for_all_are_told_by_how_much_the_truth_differs():
    assert copies_input(0.5, 8)
    assert not copies_input(1, 8)
    assert not copies_input(0.01, 0.5), "nothing is missing"
    assert ignores_input(1, 40)
    assert not ignores_input(10, 40)
    assert not ignores_input(0, 0.5), "all images are alike"
