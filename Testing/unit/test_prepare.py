"""From a series as acquired to one that methods can use."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.series.bolus_presence import shows_bolus
from SyntheticPerfusionLib.series.brain_mask import brain_mask
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.noise import noise_sigma
from SyntheticPerfusionLib.series.prepare import PreparationOptions, prepare

from .small_patients import coarse


@pytest.fixture(scope="module")
def patient():
    return coarse("healthy")


def test_frames_before_steady_state_are_dropped_and_said(patient):
    found = prepare(patient.series)
    dropped = found.acquired.first_steady
    assert dropped >= 1
    assert found.series.frame_count == patient.series.frame_count - dropped
    assert found.series.frame_times_s[0] == patient.series.frame_times_s[dropped]
    assert found.bolus.peak == found.acquired.peak - dropped
    assert found.bolus.peak_time_s == found.acquired.peak_time_s
    assert any("dropped" in said for said in found.warnings)


def test_given_mask_is_used_as_it_is(patient):
    given = np.zeros(patient.mask.shape, bool)
    given[3:6, 20:44, 20:44] = True
    assert np.array_equal(prepare(patient.series, mask=given).mask, given)


def test_mask_on_another_grid(patient):
    with pytest.raises(InputError, match="grid of the series"):
        prepare(patient.series, mask=np.ones((2, 2, 2), bool))


def test_mask_covers_brain_and_leaves_the_head_out(patient):
    mask = brain_mask(patient.series)
    shared = 2 * (mask & patient.mask).sum() / (mask.sum() + patient.mask.sum())
    assert shared > 0.95


@pytest.mark.parametrize("seed", [0, 1])
def test_mask_keeps_the_lesion(seed):
    """The infarct core hardly falls and the penumbra late: neither may be taken for skull."""
    patient = coarse("stroke", seed)
    lesion = patient.rois["lesion"] & patient.mask
    assert lesion.sum() > 100
    mask = brain_mask(patient.series)
    assert (mask & lesion).sum() > 0.95 * lesion.sum()


def test_series_without_contrast(patient):
    flat = patient.series.with_signal(np.full_like(patient.series.signal, 7.0))
    with pytest.raises(InputError, match="no contrast"):
        prepare(flat)


def test_series_without_a_bolus(patient):
    calm = np.repeat(patient.series.signal[3:4], patient.series.frame_count, axis=0)
    calm = calm * (1 + 0.005 * np.random.default_rng(0).normal(size=calm.shape)).astype("f4")
    with pytest.raises(InputError, match=r"bolus"):
        prepare(patient.series.with_signal(calm))


def test_smoothing_lowers_the_noise_but_not_what_counts_as_noise(patient):
    """Measured in a smoothed series the noise would seem gone, and noise alone pass for a bolus."""
    plain = prepare(patient.series)
    smooth = prepare(
        patient.series, PreparationOptions(smoothing_time_s=1.5, smoothing_space_mm=6.0)
    )

    def wobble(found):
        frames = found.series.signal[found.bolus.baseline_start : found.bolus.baseline_stop]
        return np.median(frames[:, found.mask].std(axis=0))

    def sigma(found):
        return noise_sigma(found.series, found.mask, found.bolus)

    assert wobble(smooth) < 0.6 * wobble(plain)
    assert sigma(smooth) == pytest.approx(sigma(plain))
    air = np.zeros_like(plain.mask)
    air[:, :6, :6] = True
    assert shows_bolus(smooth.series, air, smooth.bolus, sigma(smooth)).mean() < 0.05


def test_one_dark_frame_is_no_bolus_and_is_said(patient):
    spiked = patient.series.signal.copy()
    spiked[60] *= 0.4
    found = prepare(patient.series.with_signal(spiked))
    assert found.acquired.peak == prepare(patient.series).acquired.peak
    assert any("frame 60" in said for said in found.warnings)


def test_motion_correction_reports_what_it_found(patient):
    first = DscSeries(
        patient.series.signal[:24], patient.series.frame_times_s[:24], patient.series.geometry
    )
    moved = first.signal.copy()
    moved[16:] = np.roll(moved[16:], 1, axis=3)
    found = prepare(first.with_signal(moved), PreparationOptions(motion_correction=True))
    assert found.displacement is not None
    dropped = found.acquired.first_steady
    assert np.nanmax(found.displacement.mean_mm[: 16 - dropped]) < 0.5
    assert np.nanmedian(found.displacement.mean_mm[16 - dropped :]) == pytest.approx(3.6, abs=0.5)


def test_stopping_on_request(patient):
    with pytest.raises(Cancelled):
        prepare(patient.series, cancelled=lambda: True)


def test_noise_is_that_of_the_acquisition(patient):
    found = prepare(patient.series)
    sigma = noise_sigma(found.series, found.mask, found.bolus)
    brain = patient.series.signal[found.acquired.baseline_start][patient.mask].mean()
    assert brain / sigma == pytest.approx(patient.acquisition.snr, rel=0.2)


def test_bolus_is_seen_in_tissue_but_not_in_noise(patient):
    found = prepare(patient.series)
    sigma = noise_sigma(found.series, found.mask, found.bolus)
    shown = shows_bolus(found.series, found.mask, found.bolus, sigma)
    assert shown[found.mask].mean() > 0.9
    outside = np.zeros_like(found.mask)
    outside[:, :6, :6] = True
    assert shows_bolus(found.series, outside, found.bolus, sigma).mean() < 0.02
