"""Figures by which digital curves and pictures are held against real ones, on known answers."""

import numpy as np
import pytest
from scipy import ndimage
from SyntheticPerfusionLib.analysis.curve_figures import curve_figures, second_difference_noise
from SyntheticPerfusionLib.analysis.image_figures import (
    autocorrelation,
    correlation_length,
    noise_correlation,
    voxel_figures,
)
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.series.bolus import find_bolus
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry

FRAMES = np.arange(70.0)
FWHM = 2 * np.sqrt(2 * np.log(2))


def bell(centre: float, width: float) -> np.ndarray:
    return np.exp(-(((FRAMES - centre) / width) ** 2) / 2)


def passage(again: float = 0.2, tail: float = 0.05) -> np.ndarray:
    """-ln(S/S0): a first pass of height 0.6 at frame 20, a second, and a level that stays."""
    return 0.6 * bell(20, 2) + 0.6 * again * bell(32, 3) + tail / (1 + np.exp(40 - FRAMES))


def test_first_pass_is_measured():
    found = curve_figures(500 * np.exp(-passage(again=0, tail=0)))
    assert found.dip == pytest.approx(1 - np.exp(-0.6), rel=1e-3)
    assert found.width_frames == pytest.approx(2 * FWHM, rel=0.02)
    # A tenth of a Gaussian's peak lies sqrt(2 ln 10) of its widths before it.
    assert found.rise_frames == pytest.approx(2 * np.sqrt(2 * np.log(10)), abs=0.15)
    assert found.first_frame == pytest.approx(1, abs=1e-3)
    assert found.end == pytest.approx(1, abs=1e-3)


def test_a_curve_that_only_falls_has_no_second_pass():
    settling = np.where(FRAMES > 20, np.maximum(bell(20, 2), 0.1), bell(20, 2))
    found = curve_figures(500 * np.exp(-0.6 * settling))
    assert found.second_pass == 0
    assert np.isnan(found.second_pass_frames)


def test_second_pass_is_measured_over_the_first():
    change = passage(again=0.2, tail=0)
    found = curve_figures(500 * np.exp(-change))
    trough = change[20:33].min() / change.max()
    assert trough > 0.03
    assert found.second_pass_level == pytest.approx(0.2, rel=0.02)
    assert found.second_pass == pytest.approx(0.2 - trough, rel=0.02)
    assert found.second_pass_frames == pytest.approx(12, abs=0.5)


def test_what_rises_long_after_is_no_second_pass():
    found = curve_figures(500 * np.exp(-0.6 * bell(20, 2) - 0.3 * bell(62, 3)))
    assert found.second_pass < 0.02


def test_first_frame_and_end_are_shares_of_the_baseline():
    signal = 500 * np.exp(-passage(tail=0.08))
    signal[0] *= 1.27
    found = curve_figures(signal)
    assert found.first_frame == pytest.approx(1.27, rel=0.01)
    assert found.end == pytest.approx(np.exp(-0.08), rel=0.01)


def test_late_rise_is_a_share_of_the_baseline():
    signal = 500 * np.exp(-passage(tail=0)) + 0.5 * np.maximum(FRAMES - 40, 0)
    assert curve_figures(signal).late_rise == pytest.approx(22 * 0.001, rel=0.05)


def test_noise_is_found_on_a_slope():
    rng = np.random.default_rng(3)
    curves = 0.2 * np.arange(400.0)[:, None] + rng.normal(0, 5, (400, 20))
    assert second_difference_noise(curves).mean() == pytest.approx(5, rel=0.05)
    noisy = 500 * np.exp(-passage()) + rng.normal(0, 2, FRAMES.size)
    assert curve_figures(noisy).tsnr == pytest.approx(250, rel=0.4)


def test_without_a_bolus_it_is_said():
    with pytest.raises(InputError, match="No bolus"):
        curve_figures(500 + np.sin(FRAMES))


def series_of(heights: np.ndarray, late: np.ndarray) -> DscSeries:
    """(1, J, I) voxels that dip by `heights`, `late` frames after frame 20."""
    frames = FRAMES[:, None, None]
    depth = -np.log(1 - heights)
    signal = 800 * np.exp(-depth * np.exp(-(((frames - 20 - late) / 2) ** 2) / 2))
    return DscSeries(
        signal[:, None].astype(np.float32), 2 * FRAMES, Geometry((1, *heights.shape), (2, 2, 5))
    )


def test_dip_and_peak_of_each_voxel():
    heights = np.linspace(0.02, 0.8, 36).reshape(6, 6)
    late = np.tile(np.linspace(-2, 4, 6), (6, 1))
    series = series_of(heights, late)
    mask = np.ones((1, 6, 6), bool)
    found = voxel_figures(series, mask, find_bolus(series, mask))
    np.testing.assert_allclose(found.baseline, 800, rtol=0.01)
    np.testing.assert_allclose(found.dip, heights.ravel(), atol=0.02)
    seen = heights.ravel() >= 0.12
    np.testing.assert_allclose(found.peak_frame[seen], 20 + late.ravel()[seen], atol=0.1)
    assert np.all(np.isnan(found.peak_frame[heights.ravel() < 0.08]))
    assert found.picture(found.dip).shape == (1, 6, 6)


def test_correlation_length_of_smoothed_noise():
    rng = np.random.default_rng(5)
    smooth = ndimage.gaussian_filter(rng.standard_normal((3, 160, 160)), (0, 2.0, 2.0))
    # White noise through a Gaussian of width s correlates as exp(-d^2 / 4 s^2).
    expected = 2 * 2.0 * np.sqrt(np.log(2))
    assert correlation_length(smooth, 1.5) == pytest.approx(1.5 * expected, rel=0.1)
    outside = smooth.copy()
    outside[:, 60:] = np.nan
    assert correlation_length(outside) == pytest.approx(expected, rel=0.2)
    assert np.isnan(autocorrelation(np.full((1, 5, 5), np.nan), 1))


@pytest.mark.parametrize(("shared", "expected"), [(0.0, 0.0), (1.0, 0.5)])
def test_noise_of_neighbours(shared, expected):
    rng = np.random.default_rng(7)
    noise = rng.standard_normal((60, 2, 41, 41))
    mixed = noise[..., :-1, :-1] + shared * noise[..., 1:, :-1]
    mixed = mixed + shared * np.roll(mixed, 1, axis=-1)
    series = DscSeries(
        (1000 + mixed).astype(np.float32), np.arange(60.0), Geometry((2, 40, 40), (2, 2, 5))
    )
    mask = np.ones((2, 40, 40), bool)
    assert noise_correlation(series, mask) == pytest.approx(expected, abs=0.03)
