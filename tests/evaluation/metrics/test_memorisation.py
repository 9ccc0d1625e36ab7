"""Planted copies, images that are none, and the birthday paradox."""

from fractions import Fraction
from math import comb, exp, hypot, inf, lgamma, log, sqrt
from statistics import NormalDist

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_lightning.core.errors import UserError
from gan_lightning.evaluation.metrics import authenticity, birthday, copying, duplicates, memorisation
from gan_lightning.evaluation.metrics.estimate import Estimate, wilson
from gan_lightning.evaluation.metrics.memorisation import (
    Nearness,
    compare_nearness,
    limits,
    more_by_chance,
    nearness,
    nearness_of_versions,
    poisson_limit,
)
from gan_lightning.evaluation.versions import moved_by, versions


def normal(n: int, d: int = 4, seed: int = 0) -> Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


TRAIN, HELD_OUT, OTHERS = normal(2000), normal(1000, seed=1), normal(500, seed=5)


def planted(copies: int, noise: float = 0.0) -> Tensor:
    """500 samples, of which the first are the first training images."""
    made = OTHERS.clone()
    made[:copies] = TRAIN[:copies] + noise * normal(copies, seed=3)
    return made


# ---- copies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copies", [5, 25, 100, 500])
@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_planted_copies_are_found_and_counted(copies, noise):
    report = memorisation(TRAIN, HELD_OUT, planted(copies, noise))
    assert report.copies[:copies].all()
    assert report.nearest[:copies].tolist() == list(range(copies))
    assert report.found == report.copies.sum() <= copies + 3
    assert report.images == report.nearest[report.copies].unique().numel()
    assert report.exact == (0 if noise else copies)
    assert report.low < copies / 500 * (1 - report.expected) < report.high
    assert report.p_value < 0.001


def column(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)[:, None]


def interval(a: int, m: int) -> tuple[float, float]:
    """The p that solve (p - a / m)^2 = z^2 p (1 - p) / m, Wilson's equation."""
    z = NormalDist().inv_cdf(0.975)
    half = z * sqrt(z**2 + 4 * a * (1 - a / m))
    return (2 * a + z**2 - half) / 2 / (m + z**2), (2 * a + z**2 + half) / 2 / (m + z**2)


def test_a_report_on_a_line_is_worked_out_by_hand():
    """The training images 0, 1, 3 and 7, of which 7 occurs twice, are 1, 1, 2 and 4 from the next one."""
    train, held_out = column(0, 1, 3, 7, 7), column(0.4, 3.5, 9, -3)  # ratios 0.4, 0.25, 0.5, 3
    report = memorisation(train, held_out, column(7, 3.2, 1.3, 12, 1.25), alpha=0.25)
    assert report.ratio.tolist() == pytest.approx([0, 0.1, 0.3, 1.25, 0.25])
    assert report.nearest.tolist()[1:3] == [2, 1]
    assert report.copies.tolist() == [True, True, True, False, True]
    assert report.threshold == pytest.approx(0.4), "one of four may be called a copy"
    assert (report.found, report.images, report.exact) == (4, 3, 1)
    assert (report.expected, report.excess) == pytest.approx((2 / 5, 4 / 5 - 2 / 5))
    (low, high), (least, most) = interval(4, 5), interval(1, 4)
    assert report.low == pytest.approx(0.4 - hypot(0.8 - low, most - 0.4), abs=1e-6)
    assert report.high == pytest.approx(0.4 + hypot(high - 0.8, 0.4 - least), abs=1e-6)
    assert report.p_value == pytest.approx((comb(5, 4) * comb(4, 1) + comb(5, 5) * comb(4, 0)) / comb(9, 5))
    assert report.copying.value == pytest.approx((4 - 5 * 4 / 2) / sqrt(5 * 4 * (5 + 4 + 1) / 12))
    assert report.authentic == pytest.approx((1 / 5, sqrt(1 * 4 / 5**3), *interval(1, 5)))
    assert report.held_out_authentic == pytest.approx((1 / 4, sqrt(1 * 3 / 4**3), *interval(1, 4)))
    assert report.share == pytest.approx((4 / 5, sqrt(4 * 1 / 5**3), *interval(4, 5)))
    assert {type(number) for number in report[3:]} == {float, int, Estimate}, "for JSON"


def test_one_in_a_thousand_held_out_images_is_called_a_copy_by_default():
    report, same = memorisation(TRAIN, HELD_OUT, OTHERS), memorisation(TRAIN, HELD_OUT, OTHERS, 0.001)
    assert report.threshold == same.threshold
    assert report.expected == 2 / 1001
    assert compare_nearness(nearness(TRAIN, HELD_OUT), nearness(TRAIN, OTHERS)).threshold == same.threshold


def test_what_is_as_far_as_the_next_training_image_is_neither_authentic_nor_called_a_copy():
    x = column(1, 1)
    level = Nearness(torch.ones(2), torch.ones(2), torch.arange(2))
    assert level.authentic.value == 0
    assert memorisation(column(0, 2), x, x, 0.0).found == 0


def test_nothing_and_a_single_image_are_refused():
    for train, x in ((column(0, 1), torch.empty(0, 1)), (column(0), column(0, 1)), (column(0, 1), column(0))):
        with pytest.raises(UserError, match="features have shapes"):
            nearness(train, x)


def test_held_out_images_raise_no_alarm():
    report = memorisation(TRAIN, HELD_OUT, OTHERS)
    assert report.p_value > 0.05
    assert report.low < 0 < report.high
    assert report.exact == 0


def test_other_real_images_raise_alarms_as_seldom_as_the_p_value_says_and_the_interval_holds_none():
    reports = [
        memorisation(normal(200, seed=3 * i), normal(200, seed=3 * i + 1), normal(100, seed=3 * i + 2), alpha=0.02)
        for i in range(100, 300)
    ]
    p, low, high = np.array([(r.p_value, r.low, r.high) for r in reports]).T
    for u in (0.01, 0.05, 0.2):
        assert (p <= u).mean() <= u + 3 * (u * (1 - u) / 200) ** 0.5
    assert ((low <= 0) & (high >= 0)).mean() >= 0.95 - 3 * (0.95 * 0.05 / 200) ** 0.5
    excess = np.array([r.excess for r in reports])
    assert abs(excess.mean()) < 3 * excess.std() / 200**0.5, "what is expected of real images is taken off without bias"


def test_at_most_the_share_alpha_of_held_out_images_is_called_copies():
    ratio = nearness(TRAIN, HELD_OUT).ratio
    for alpha in (0.0, 0.0009, 0.01, 0.25):
        report = memorisation(TRAIN, HELD_OUT, OTHERS, alpha)
        assert (ratio < report.threshold).sum() == int(alpha * 1000)
        assert report.expected == (int(alpha * 1000) + 1) / 1001
    same = HELD_OUT[:1].expand(1000, 4)
    assert memorisation(TRAIN, same, same, 0.5).found == 0, "ties are not called"


def test_few_copies_are_found_where_the_test_of_all_samples_sees_nothing():
    report = memorisation(TRAIN, HELD_OUT, planted(10))
    assert report.p_value < 1e-5
    assert report.copying.value > -3


def test_one_image_again_and_again_is_many_copies_of_one_image():
    report = memorisation(TRAIN, HELD_OUT, TRAIN[:1].expand(300, 4))
    assert (report.found, report.images, report.exact) == (300, 1, 300)


def test_a_copy_of_a_training_image_that_occurs_twice_is_still_a_copy():
    twice = torch.cat([TRAIN, TRAIN[:100]])
    report = memorisation(twice, HELD_OUT, planted(100, noise=1e-4))
    assert report.ratio == pytest.approx(memorisation(TRAIN, HELD_OUT, planted(100, noise=1e-4)).ratio)
    assert report.copies[:100].all()
    assert memorisation(twice, HELD_OUT, planted(100)).exact == 100


def test_the_other_measures_stand_beside_it():
    made = planted(50)
    report = memorisation(TRAIN, HELD_OUT, made)
    assert report.copying == copying(TRAIN, HELD_OUT, made)
    assert report.authentic == authenticity(TRAIN, made)
    assert report.held_out_authentic == authenticity(TRAIN, HELD_OUT)


# ---- the verdict --------------------------------------------------------------------------------------------------


def test_copies_are_called_so_and_counted():
    verdict = memorisation(TRAIN, HELD_OUT, planted(25), alpha=0.0).verdict
    assert verdict.startswith("copies of training images: 25 of 500 samples, of 25 different images; 0.5 are")


def test_blurred_samples_are_not_called_copies_though_c_t_is_below_minus_three():
    report = memorisation(TRAIN, HELD_OUT, 0.5 * OTHERS)
    assert report.copying.value < -3
    assert report.verdict.startswith("nearer to the training images than held-out images are, but no copies (")
    assert report.verdict.endswith("blurred, grey or less varied samples do that, too")


def test_real_images_show_no_copies_and_far_samples_are_said_to_be_far():
    assert memorisation(TRAIN, HELD_OUT, OTHERS).verdict.startswith("no more copies than chance: ")
    assert memorisation(TRAIN, HELD_OUT, OTHERS + 5).verdict.endswith(
        "0 of 500 samples; 1.0 are expected of real images. The samples lie farther from the training images than "
        "held-out images do"
    )


# ---- versions -----------------------------------------------------------------------------------------------------


def test_of_the_versions_of_an_image_that_most_like_a_copy_counts():
    """The training images are 1, 1 and 3 from the next one; 3.9 is nearer to its own than 0.7, and less like a copy."""
    versions = torch.tensor([[[0.7], [3.9]], [[9.0], [4.0]]])
    found = nearness_of_versions(column(0, 1, 4, 8), versions)
    assert found.ratio.tolist() == pytest.approx([0.1 / 3, 0])
    assert found.nearest.tolist() == [2, 2]


def test_shifted_copies_are_found_among_versions_and_real_images_raise_no_alarm():
    """Images of eight pixels in a row, each version a shift with repeated edges; held-out images have versions, too."""
    images = normal(2300, 8).view(-1, 1, 1, 8)
    train, held_out, others = images.split([1000, 1000, 300])
    seen = lambda x: versions(x).flatten(2)  # noqa: E731
    fresh = nearness_of_versions(train.flatten(1), seen(held_out))
    moved = torch.cat([moved_by(train[:30], 0, 1), train[30:60].flip(3), others[:240]])
    report = compare_nearness(fresh, nearness_of_versions(train.flatten(1), seen(moved)), alpha=0.01)
    assert report.copies[30:60].all(), "mirrored"
    assert report.copies[:30].sum() > 5, "of eight pixels, one was lost at the edge"
    clean = compare_nearness(fresh, nearness_of_versions(train.flatten(1), seen(others)), alpha=0.01)
    assert clean.p_value > 0.01
    plain = memorisation(train.flatten(1), held_out.flatten(1), moved.flatten(1), alpha=0.01)
    assert plain.found < 15, "which images as they are do not show"


def test_the_p_value_is_right_although_the_threshold_is_of_the_same_held_out_images():
    """Under the null only order counts: P(p <= u) <= u, and nearly u where p takes many values."""
    generator = torch.Generator().manual_seed(0)
    counts = []
    for _ in range(4000):
        samples, held_out = torch.rand(60, generator=generator), torch.rand(80, generator=generator)
        counts.append(int((samples < held_out.sort().values[8]).sum()))
    p = np.array([more_by_chance(found, 60, 8, 80) for found in counts])
    for u in (0.01, 0.05, 0.2):
        allowed = 3 * (u * (1 - u) / 4000) ** 0.5
        assert (p <= u).mean() <= u + allowed
    assert (p <= 0.2).mean() > 0.1


def test_the_p_value_is_the_tail_of_the_hypergeometric_law_in_whole_numbers():
    for a, m, b, n in ((3, 7, 1, 9), (0, 5, 2, 4), (5, 5, 0, 6), (2, 50, 1, 1000)):
        ways = sum(comb(m, x) * comb(n, a + b - x) for x in range(a, min(m, a + b) + 1))
        assert more_by_chance(a, m, b, n) == pytest.approx(float(Fraction(ways, comb(m + n, a + b))), rel=1e-9)


def test_a_p_value_is_at_most_one():
    assert max(more_by_chance(0, m, b, n) for m in range(1, 40) for n in range(1, 40) for b in (0, n // 2)) == 1


def test_the_limits_of_shares_and_of_their_differences_are_those_of_newcombe():
    """Newcombe, 1998: 81 of 263 and 0 of 20; the difference of 56 of 70 and 48 of 80."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=5e-5)
    assert limits(0.8, wilson(56, 70), 0.6, wilson(48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_what_cannot_be_judged_is_refused():
    for alpha in (1, -0.01):
        with pytest.raises(UserError, match=f"alpha is {alpha}"):
            memorisation(TRAIN, HELD_OUT, OTHERS, alpha=alpha)
    with pytest.raises(UserError, match="the features of all 5 real images are the same"):
        memorisation(torch.ones(5, 4), HELD_OUT, OTHERS)
    with pytest.raises(UserError, match="features have shapes"):
        memorisation(TRAIN, HELD_OUT, normal(3, 2))


# ---- doubles ------------------------------------------------------------------------------------------------------


def test_the_birthday_paradox_of_ten_thousand_is_that_of_arora_and_zhang():
    assert [round(birthday(draws, 10_000), 3) for draws in (1, 100, 200)] == [0, 0.39, 0.863]
    exact = 1 - np.prod(1 - np.arange(200) / 10_000)
    assert birthday(200, 10_000) == pytest.approx(exact, abs=0.002)


@pytest.mark.parametrize("draws", [100, 200])
def test_draws_hold_doubles_as_often_as_the_birthday_paradox_says_and_tell_the_support(draws):
    support, repeats = 10_000, 500
    generator = torch.Generator().manual_seed(draws)
    pairs = np.array(
        [duplicates(torch.randint(support, (draws, 1), generator=generator)).pairs for _ in range(repeats)]
    )
    expected = birthday(draws, support)
    error = (expected * (1 - expected) / repeats) ** 0.5
    assert abs((pairs > 0).mean() - expected) < 3 * error
    estimate = draws * (draws - 1) / 2 / pairs.mean()
    assert estimate == pytest.approx(support, rel=3 / pairs.sum() ** 0.5)


def test_doubles_are_counted_by_hand():
    made = torch.tensor([[0.0], [5.0], [0.0], [5.1], [0.0], [9.0]])
    assert duplicates(made)[:3] == (0.5, 3, 15 / 3)
    assert duplicates(made).least == pytest.approx(15 / poisson_limit(3))
    assert duplicates(made, tolerance=0.2)[:3] == (5 / 6, 4, 15 / 4)
    assert duplicates(torch.arange(6)[:, None])[:3] == (0, 0, inf)
    assert duplicates(torch.zeros(2, 1))[:3] == (1, 1, 1)
    assert {type(number) for number in duplicates(made)} == {float, int}, "for JSON"


def test_no_double_still_tells_the_least_support():
    """After none, a Poisson mean is below 3.00, -log 0.05; after ten, below 16.96, half a quantile of chi-squared."""
    assert poisson_limit(0) == pytest.approx(-np.log(0.05))
    for count in (1, 100, 1000):
        m = poisson_limit(count)
        assert sum(exp(k * log(m) - m - lgamma(k + 1)) for k in range(count + 1)) == pytest.approx(0.05, rel=1e-9)
    assert poisson_limit(10) == pytest.approx(33.924438 / 2)
    assert duplicates(normal(100)).least == pytest.approx(100 * 99 / 2 / -np.log(0.05))


def test_the_least_support_is_below_the_true_one_as_often_as_it_says():
    generator = torch.Generator().manual_seed(1)
    least = [duplicates(torch.randint(2000, (100, 1), generator=generator)).least for _ in range(500)]
    assert np.mean(np.array(least) <= 2000) >= 0.95 - 3 * (0.95 * 0.05 / 500) ** 0.5


def test_doubles_of_nothing_are_refused():
    for few in (normal(1), normal(5)[0]):
        with pytest.raises(UserError, match="samples have features of shape"):
            duplicates(few)
    with pytest.raises(UserError, match="5 of 5 samples have features that are infinite or not a number"):
        duplicates(normal(5) / 0)
    with pytest.raises(UserError, match="tolerance is -1"):
        duplicates(normal(5), -1)
