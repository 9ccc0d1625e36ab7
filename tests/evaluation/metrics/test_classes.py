"""What a classifier says of samples, worked out by hand."""

from math import exp, log
from statistics import stdev

import pytest
import torch

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics import class_divergence, classes_found, classifier_score


def test_the_classifier_score_is_the_number_of_classes_at_best_and_one_after_a_collapse():
    sure = torch.eye(7).repeat(3, 1)
    assert classifier_score(sure).value == pytest.approx(7)
    assert classifier_score(torch.eye(7)[:1].repeat(20, 1)).value == pytest.approx(1)
    assert classifier_score(torch.full((9, 4), 0.25)).value == pytest.approx(1)


def test_the_classifier_score_of_half_sure_answers_and_its_error_are_worked_out_by_hand():
    p = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.5, 0.5]], dtype=torch.float64)
    divergences = [a * log(a / (1.6 / 3)) + b * log(b / (1.4 / 3)) for a, b in p.tolist()]
    score = exp(sum(divergences) / 3)
    expected = (score, score * stdev(divergences) / 3**0.5)
    assert classifier_score(p)[:2] == pytest.approx(expected, rel=1e-12)
    assert classifier_score(1.000105 * p)[:2] == pytest.approx(expected, rel=1e-12), "rounding of 16 bits is taken off"
    rounded = p.float()
    assert classifier_score(rounded.clone().requires_grad_()) == classifier_score(rounded.double()), "in 64 bits"


def test_classes_are_counted_among_the_sure_answers_only():
    p = torch.tensor([[0.95, 0.05, 0.0], [0.4, 0.6, 0.0], [0.3, 0.3, 0.4]])
    assert [classes_found(p, confidence) for confidence in (0.0, 0.5, 0.9)] == [3, 2, 1]
    assert classes_found(p) == 3
    assert classes_found(p[[0, 1, 1, 0, 1]], 0.5) == 2, "each once"
    assert classes_found(torch.tensor([[0.5, 0.3, 0.2], [0.4, 0.35, 0.25]])) == 1, "of each sample the most likely one"
    assert classes_found(torch.full((2, 2), 0.5), 0.5) == 0, "above the confidence, not at it"


def test_the_divergence_of_classes_is_zero_where_they_occur_as_in_the_data():
    p = torch.eye(3)[[0, 0, 1, 2]]
    assert class_divergence(p, torch.tensor([20, 10, 10])).value == pytest.approx(0)
    assert class_divergence(p).value == pytest.approx(0.5 * log(1.5) + 2 * 0.25 * log(0.75))
    with pytest.raises(UserError, match="has no real images"):
        class_divergence(p, torch.tensor([1, 1, 0]))


def test_the_divergence_of_classes_and_its_error_are_worked_out_by_hand():
    """Two samples of the first class, one of the second and of the third, none of the fourth."""
    p = torch.eye(4)[[0, 0, 1, 2]]
    surprise = [log(0.5 / 0.2), log(0.5 / 0.2), log(0.25 / 0.3), log(0.25 / 0.5)]
    found = class_divergence(p, torch.tensor([2, 3, 5, 0]))
    first, chi_squared = stdev(surprise) ** 2 / 4, 3 / (2 * 4**2)
    assert found[:2] == pytest.approx((sum(surprise) / 4, max(first - chi_squared, first / 2) ** 0.5), rel=1e-12)
    many = class_divergence(p.repeat(100, 1), torch.tensor([2, 3, 5, 0]))
    first = stdev(100 * surprise) ** 2 / 400
    assert many.error == pytest.approx((first - 3 / (2 * 400**2)) ** 0.5, rel=1e-12)


@pytest.mark.parametrize("p", [torch.ones(3, 2), torch.tensor([[1.5, -0.5]] * 2), torch.full((2, 2), 0.5006)])
def test_what_is_no_probability_is_refused(p):
    with pytest.raises(UserError, match=r"must be 0 or more, with rows that sum to 1"):
        classifier_score(p)


@pytest.mark.parametrize("measure", [classifier_score, classes_found, class_divergence])
def test_too_few_probabilities_and_such_as_are_no_numbers_are_refused(measure):
    for p in (torch.ones(4), torch.empty(0, 3), torch.tensor([[0.5, 0.5]])):
        with pytest.raises(UserError, match=r"must be \(N, K\), with N at least 2"):
            measure(p)
    with pytest.raises(UserError, match="1 of 2 samples have features that are infinite or not a number"):
        measure(torch.tensor([[0.5, 0.5], [float("nan"), 0.5]]))
