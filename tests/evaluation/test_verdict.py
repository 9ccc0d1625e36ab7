"""What reports say in words."""

from dataclasses import dataclass

import pytest

from gan_lightning.evaluation.verdict import verdict


@dataclass
class Number:
    key: str
    value: float
    error: float
    floor: float | None
    floor_error: float = 0.0


def said(*numbers: Number) -> str:
    return "; ".join(verdict(numbers, 500, 64))


GOOD = Number("coverage", 0.95, 0.01, 0.96, 0.01)


def test_what_differs_by_less_than_chance_is_indistinguishable():
    assert said(Number("frechet", 1.7, 0.1, 1.5, 0.1), GOOD) == (
        "indistinguishable from real images at this sample size (500)"
    )


@pytest.mark.parametrize(("value", "words"), [(1.9, "slightly different"), (15.0, "clearly different")])
def test_what_differs_is_said_in_times_the_floor(value, words):
    text = said(Number("frechet", value, 0.01, 1.5, 0.01), GOOD)
    assert text.startswith(words)
    assert f"{value / 1.5:.2g} times the Fréchet distance of other real images" in text


def test_missing_kinds_are_said_although_the_distance_does_not_show_them():
    text = said(Number("frechet", 1.5, 0.1, 1.5, 0.1), Number("coverage", 0.7, 0.01, 0.96, 0.01))
    assert text.startswith("different from real images")
    assert "coverage 0.700, of real images 0.960: some kinds of real images are rare or missing" in text


def test_better_than_real_images_is_not_called_different():
    assert said(Number("frechet", 1.0, 0.1, 1.5, 0.1), Number("precision", 0.99, 0.001, 0.8, 0.01)).startswith("indist")


def test_without_a_frechet_distance_the_kernel_distance_decides_and_the_reason_is_said():
    text = said(Number("kernel", 0.5, 0.01, 0.0, 0.01), GOOD)
    assert text.startswith("clearly different from real images: kernel distance 0.5")
    assert "500 is below 2 x 64 features, so the Fréchet distance is left out" in text


def test_few_images_that_do_not_differ_are_too_few_to_tell():
    assert said(Number("kernel", 0.1, 1.0, 0.0, 1.0), GOOD).startswith("too few images to tell (500)")


def test_numbers_without_a_floor_give_no_verdict():
    assert said(Number("frechet", 1.0, 0.1, None)) == ""
