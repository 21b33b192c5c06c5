"""Smoothing over time and within slices."""

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.smoothing import smooth

from unit.small_series import REPETITION_TIME_S, small_geometry

SHAPE = (3, 24, 20)
SPACING = (2.0, 1.5, 5.0)


def series_of(signal: np.ndarray, times=None) -> DscSeries:
    times = np.arange(len(signal)) * REPETITION_TIME_S if times is None else times
    return DscSeries(signal, times, small_geometry(signal.shape[1:], SPACING), 0.03)


def noise(frames: int = 16) -> np.ndarray:
    return np.random.default_rng(1).normal(500, 20, (frames, *SHAPE)).astype(np.float32)


def test_nothing_asked_changes_nothing():
    series = series_of(noise())
    assert smooth(series) is series


def test_impulse_in_time_becomes_a_gaussian_of_that_width():
    signal = np.zeros((41, *SHAPE), np.float32)
    signal[20] = 100
    smoothed = smooth(series_of(signal), time_sigma_s=3.0)
    curve = smoothed.signal[:, 1, 5, 5].astype(float)
    times = smoothed.frame_times_s
    centre = np.sum(curve * times) / curve.sum()
    assert centre == pytest.approx(times[20], abs=1e-3)
    width = np.sqrt(np.sum(curve * (times - centre) ** 2) / curve.sum())
    assert width == pytest.approx(3.0, rel=0.01)
    assert curve.sum() == pytest.approx(100, rel=1e-3)


def test_uneven_frames_are_weighted_by_time_not_by_number():
    times = np.array([0, 1, 2, 3, 4, 10, 20, 30, 40, 50.0])
    signal = np.zeros((10, *SHAPE), np.float32)
    signal[4] = 1
    curve = smooth(series_of(signal, times), time_sigma_s=1.0).signal[:, 0, 0, 0]
    assert curve[3] > 0.2
    assert curve[5] < 1e-6


@pytest.mark.parametrize("settings", [{"time_sigma_s": 2.0}, {"space_fwhm_mm": 5.0}])
def test_constant_signal_stays_up_to_the_edges(settings):
    series = series_of(np.full((12, *SHAPE), 321.0, np.float32))
    np.testing.assert_allclose(smooth(series, **settings).signal, 321.0, rtol=1e-5)


def test_impulse_in_space_has_that_width_in_both_directions_and_stays_in_its_slice():
    signal = np.zeros((10, 3, 61, 61), np.float32)
    signal[:, 1, 30, 30] = 1000
    smoothed = smooth(series_of(signal), space_fwhm_mm=8.0).signal[0]
    assert smoothed[0].max() == smoothed[2].max() == 0
    for axis, spacing in ((0, SPACING[1]), (1, SPACING[0])):
        profile = smoothed[1].sum(axis=1 - axis).astype(float)
        place = (np.arange(61) - 30) * spacing
        sigma = np.sqrt(np.sum(profile * place**2) / profile.sum())
        assert 2.3548 * sigma == pytest.approx(8.0, rel=0.01)


def test_what_is_outside_the_mask_does_not_bleed_in():
    mask = np.zeros(SHAPE, bool)
    mask[:, 6:18, 5:15] = True
    signal = np.where(mask, np.float32(400), np.float32(0))
    signal = np.repeat(signal[None], 10, axis=0)
    signal[:, :, 2, :] = 9000
    smoothed = smooth(series_of(signal), mask, space_fwhm_mm=6.0).signal
    np.testing.assert_allclose(smoothed[:, mask], 400, rtol=1e-4)
    np.testing.assert_array_equal(smoothed[:, ~mask], signal[:, ~mask])


def test_noise_falls():
    series = series_of(noise(30))
    assert smooth(series, time_sigma_s=1.5).signal.std() < 0.7 * series.signal.std()
    assert smooth(series, space_fwhm_mm=4.0).signal.std() < 0.5 * series.signal.std()


def test_result_is_a_series_of_its_own():
    series = series_of(noise())
    before = series.signal.copy()
    smoothed = smooth(series, time_sigma_s=1.0, space_fwhm_mm=3.0)
    np.testing.assert_array_equal(series.signal, before)
    assert smoothed.signal.dtype == np.float32
    assert smoothed.geometry == series.geometry


@pytest.mark.parametrize("settings", [{"time_sigma_s": -1.0}, {"space_fwhm_mm": float("nan")}])
def test_impossible_width(settings):
    with pytest.raises(InputError, match="give 0 or more"):
        smooth(series_of(noise()), **settings)
