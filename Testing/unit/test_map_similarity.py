"""Figures of maps as pictures: by hand, and against torchmetrics."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.analysis.map_similarity import (
    mean_absolute_error,
    normalised_error,
    peak_signal_to_noise,
    similarity,
    squared_correlation,
    structural_similarity,
    tanimoto,
)
from torchmetrics.functional import pearson_corrcoef
from torchmetrics.functional.image import (
    peak_signal_noise_ratio,
    structural_similarity_index_measure,
)


@pytest.fixture(scope="module")
def pair():
    """Two maps of three slices from -1 to 1, alike but for noise and a slope."""
    rng = np.random.default_rng(0)
    j, i = np.mgrid[:40, :30] / 40
    truth = np.stack([np.sin(5 * j + k) * np.cos(4 * i) for k in range(3)])
    estimate = np.clip(truth + 0.3 * j + rng.normal(0, 0.1, truth.shape), -1, 1)
    return estimate.astype(np.float32), truth.astype(np.float32)


def as_images(*maps):
    return [torch.from_numpy(one.astype(np.float64))[:, None] for one in maps]


def test_figures_by_hand():
    x, y = np.array([1.0, 2.0, 2.0]), np.array([2.0, 2.0, 4.0])
    assert mean_absolute_error(x, y) == 1.0
    # RMSE^2 = (1 + 0 + 4) / 3, mean of y^2 = 24 / 3.
    assert normalised_error(x, y) == pytest.approx((5 / 24) ** 0.5)
    assert peak_signal_to_noise(x, y, 4.0) == pytest.approx(10 * np.log10(16 / (5 / 3)))
    # x.y = 14, |x|^2 = 9, |y|^2 = 24.
    assert tanimoto(x, y) == pytest.approx(14 / 19)
    # Centred: x (-2, 1, 1)/3 and y (-2, -2, 4)/3, so r = 6 / sqrt(6 * 24).
    assert squared_correlation(x, y) == pytest.approx(0.25)


def test_figures_that_have_no_value_say_so():
    flat, other = np.ones(4), np.array([1.0, 2.0, 3.0, 4.0])
    assert np.isnan(squared_correlation(flat, other))
    assert np.isnan(normalised_error(other, np.zeros(4)))
    assert np.isnan(tanimoto(np.zeros(4), np.zeros(4)))
    assert peak_signal_to_noise(other, other) == np.inf


def test_structural_similarity_is_that_of_torchmetrics(pair):
    estimate, truth = as_images(*pair)
    _, picture = structural_similarity_index_measure(
        estimate, truth, data_range=2.0, return_full_image=True
    )
    ours = structural_similarity(*pair)
    np.testing.assert_allclose(ours, picture[:, 0].numpy(), atol=1e-9)
    assert similarity(*pair).ssim == pytest.approx(float(picture.mean()), abs=1e-9)
    assert 0.2 < ours.mean() < 0.95


def test_structural_similarity_of_constant_maps_by_hand():
    # No variance: only the term of the means is left. c1 = 0.02^2.
    x, y = np.full((1, 12, 12), 0.5), np.full((1, 12, 12), -0.25)
    expected = (2 * 0.5 * -0.25 + 4e-4) / (0.25 + 0.0625 + 4e-4)
    np.testing.assert_allclose(structural_similarity(x, y), expected)


def test_signal_to_noise_and_correlation_are_those_of_torchmetrics(pair):
    found = similarity(*pair)
    estimate, truth = as_images(*pair)
    expected = peak_signal_noise_ratio(estimate, truth, data_range=2.0)
    assert found.psnr == pytest.approx(float(expected))
    r = pearson_corrcoef(estimate.ravel(), truth.ravel())
    assert found.r2 == pytest.approx(float(r) ** 2)
    assert found.voxels == estimate.numel()


def test_slices_do_not_look_into_each_other(pair):
    estimate, truth = pair
    whole = structural_similarity(estimate, truth)
    alone = np.concatenate(
        [structural_similarity(estimate[k : k + 1], truth[k : k + 1]) for k in range(3)]
    )
    np.testing.assert_array_equal(whole, alone)


def test_a_region_counts_its_own_voxels(pair):
    estimate, truth = pair
    region = np.zeros(truth.shape, bool)
    region[1, 10:25, 8:20] = True
    found = similarity(estimate, truth, region)
    assert found.voxels == 15 * 12
    assert found.mae == pytest.approx(np.abs(estimate - truth)[region].mean(), rel=1e-6)
    assert found.ssim == pytest.approx(structural_similarity(estimate, truth)[region].mean())
    far = estimate.copy()
    far[1, 32:] = -1
    far[0] = 1
    assert similarity(far, truth, region) == found


def test_maps_that_are_the_same_are_perfect(pair):
    _, truth = pair
    found = similarity(truth, truth)
    assert (found.mae, found.nrmse, found.psnr) == (0, 0, np.inf)
    assert found.ssim == pytest.approx(1)
    assert found.r2 == pytest.approx(1)
    assert found.tanimoto == pytest.approx(1)


def test_empty_regions_and_small_slices_are_refused(pair):
    estimate, truth = pair
    with pytest.raises(ValueError, match="empty"):
        similarity(estimate, truth, np.zeros(truth.shape, bool))
    with pytest.raises(ValueError, match="smaller than the window"):
        structural_similarity(estimate[:, :10], truth[:, :10])
