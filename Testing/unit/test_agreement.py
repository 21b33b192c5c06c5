"""Figures of a map against its truth: clipped error, lesion volume, uncertainty, groups."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import mannwhitneyu, spearmanr
from sklearn.metrics import roc_auc_score
from SyntheticPerfusionLib.analysis.agreement import clipped_mean_absolute
from SyntheticPerfusionLib.analysis.calibration import laplace_calibration, partial_correlation
from SyntheticPerfusionLib.analysis.group_separation import separation
from SyntheticPerfusionLib.analysis.lesion_agreement import lesion_agreement

EVERYWHERE = np.ones((1, 1, 4), bool)


def volume(*values):
    return np.array(values, float).reshape(1, 1, -1)


def test_clipped_error_counts_nothing_beyond_the_bounds():
    estimate, truth = volume(-5, 30, 3, 19), volume(0, 20, 5, 25)
    assert clipped_mean_absolute(estimate, truth, EVERYWHERE) == pytest.approx((0 + 0 + 2 + 1) / 4)
    assert clipped_mean_absolute(estimate, truth, EVERYWHERE, (-10, 40)) == pytest.approx(23 / 4)


def test_clipped_error_of_nothing_is_refused():
    with pytest.raises(ValueError, match="empty"):
        clipped_mean_absolute(volume(1), volume(1), volume(0).astype(bool))


def test_lesion_is_what_lies_above_the_threshold_in_the_mask():
    mask = volume(1, 1, 1, 0).astype(bool)
    found = lesion_agreement(volume(7, 7, 6, 9), volume(7, 5, 8, 9), mask, 0.5)
    assert (found.estimated_ml, found.true_ml, found.volume_error_ml) == (1.0, 1.0, 0.0)
    assert found.dice == pytest.approx(2 * 1 / 4)


def test_two_empty_lesions_agree():
    assert lesion_agreement(volume(1), volume(2), volume(1).astype(bool), 1.0).dice == 1.0


@pytest.fixture(scope="module")
def drawn():
    """Predictions whose error follows Laplace's distribution of the scale that is said."""
    rng = np.random.default_rng(1)
    x = rng.uniform(0, 12, (10, 40, 50))
    scale = rng.uniform(0.2, 2.0, x.shape)
    return x, 2 * scale**2, x + rng.laplace(0, scale)


def test_a_true_uncertainty_covers_what_it_says(drawn):
    x, variance, y = drawn
    found = laplace_calibration(x, variance, y, np.ones(x.shape, bool))
    assert found.voxels == x.size
    np.testing.assert_allclose(found.observed, found.expected, atol=0.015)
    assert found.coverage_error < 0.01
    np.testing.assert_allclose(found.observed_error, found.predicted_error, rtol=0.1)
    assert found.with_error > 0.3
    assert abs(found.with_value) < 0.03
    assert found.partial == pytest.approx(found.with_error, abs=0.01)


def test_an_uncertainty_twice_too_small_covers_too_little(drawn):
    x, variance, y = drawn
    found = laplace_calibration(x, variance / 4, y, np.ones(x.shape, bool))
    assert found.observed[4] == pytest.approx(1 - 0.5**0.5, abs=0.015)
    assert found.coverage_error > 0.1


def test_an_uncertainty_that_follows_the_value_alone_has_no_partial_correlation():
    rng = np.random.default_rng(2)
    x = rng.uniform(1, 12, (10, 40, 50))
    y = x + rng.laplace(0, 0.3 * x)
    found = laplace_calibration(x, x**2, y, np.ones(x.shape, bool))
    assert found.with_value == pytest.approx(1.0)
    assert found.with_error == pytest.approx(spearmanr(x.ravel(), abs(x - y).ravel()).statistic)
    assert np.isnan(found.partial)
    noisy = x**2 * np.exp(rng.normal(0, 0.3, x.shape))
    found = laplace_calibration(x, noisy, y, np.ones(x.shape, bool))
    assert found.with_error > 0.3
    assert abs(found.partial) < 0.03


def test_partial_correlation_is_that_of_the_residuals():
    rng = np.random.default_rng(3)
    c = rng.normal(size=5000)
    a, b = c + rng.normal(size=5000), 0.5 * c + rng.normal(size=5000)
    b += 0.4 * (a - c)
    r = np.corrcoef([a, b, c])
    left = [values - np.polyval(np.polyfit(c, values, 1), c) for values in (a, b)]
    assert partial_correlation(r[0, 1], r[0, 2], r[1, 2]) == pytest.approx(
        np.corrcoef(left)[0, 1], abs=1e-9
    )


@pytest.mark.parametrize("variance", [-1.0, np.nan])
def test_what_is_no_variance_is_refused(variance):
    with pytest.raises(ValueError, match="variance"):
        laplace_calibration(volume(1), volume(variance), volume(1), volume(1).astype(bool))


def test_separation_of_two_groups():
    rng = np.random.default_rng(4)
    low, high = np.round(rng.normal(1.5, 0.5, 40), 1), np.round(rng.normal(2.3, 0.7, 50), 1)
    found = separation(low, high, np.random.default_rng(0), resamples=400)
    values, is_high = np.concatenate([low, high]), np.repeat([0, 1], [40, 50])
    assert found.area == pytest.approx(roc_auc_score(is_high, values))
    assert found.p_value == pytest.approx(mannwhitneyu(low, high).pvalue)
    assert found.area_interval[0] < found.area < found.area_interval[1]
    assert found.sensitivity == pytest.approx(np.mean(high >= found.cut_off))
    assert found.specificity == pytest.approx(np.mean(low < found.cut_off))
    assert found.accuracy == pytest.approx(np.mean((values >= found.cut_off) == is_high))
    every = [np.mean(high >= cut) + np.mean(low < cut) for cut in values]
    assert found.sensitivity + found.specificity == pytest.approx(max(every))


def test_groups_that_do_not_overlap_are_told_apart_halfway():
    found = separation(np.array([1.0, 2]), np.array([3.0, 5]), np.random.default_rng(0), 50)
    assert (found.area, found.cut_off, found.sensitivity, found.specificity) == (1, 2.5, 1, 1)


def test_the_bootstrap_interval_narrows_with_more_patients():
    rng = np.random.default_rng(5)

    def width(count):
        low, high = rng.normal(0, 1, count), rng.normal(1, 1, count)
        lowest, highest = separation(low, high, np.random.default_rng(0), 300).area_interval
        return highest - lowest

    assert width(200) < 0.5 * width(20)


def test_an_empty_group_is_refused():
    with pytest.raises(ValueError, match="empty"):
        separation(np.array([]), np.array([1.0]), np.random.default_rng(0))
