"""dR2* and the verdict on each voxel."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.series.bolus import timing_of_curve
from SyntheticPerfusionLib.series.concentration import Flag, concentration, delta_r2star

from .curves import arterial

TIMES_S = np.arange(40) * 1.5
TE_S = 0.03


def test_delta_r2star_is_the_logarithm_over_te():
    """A signal inverted before the logarithm, or TE in ms, would not give 1/s of this size."""
    rate = np.array([0.0, 5.0, 20.0, 40.0])
    signal = 800 * np.exp(-TE_S * rate)[:, None]
    found = delta_r2star(signal.astype(np.float32), np.float32([800]), TE_S)[:, 0]
    np.testing.assert_allclose(found, rate, atol=1e-3)


def test_signal_above_the_baseline_is_negative():
    assert delta_r2star(np.float32([[110]]), np.float32([100]), TE_S)[0, 0] < 0


@pytest.fixture
def voxels():
    """(T, 6) signal: good, zero, NaN, saturated, cut off at the end, negative; and the timing."""
    rate = 15 * arterial(TIMES_S)
    good = 1000 * np.exp(-TE_S * rate)
    late = 1000 * np.exp(-TE_S * 15 * arterial(TIMES_S, onset_s=56.0))
    saturated = np.maximum(1000 * np.exp(-TE_S * 10 * rate), 15.0)
    broken = good.copy()
    broken[7] = np.nan
    negative = good.copy()
    negative[12] = -3
    signal = np.stack([good, 0 * good, broken, saturated, late, negative], axis=1)
    return signal.astype(np.float32), timing_of_curve(good, TIMES_S)


def test_each_voxel_has_its_flag(voxels):
    signal, bolus = voxels
    found = concentration(signal, bolus, TE_S, sigma=10.0)
    expected = [
        Flag.GOOD,
        Flag.NO_SIGNAL,
        Flag.NO_SIGNAL,
        Flag.SATURATED,
        Flag.CUT_OFF,
        Flag.NO_SIGNAL,
    ]
    assert [Flag(value) for value in found.flags] == expected


def test_no_number_is_silent(voxels):
    signal, bolus = voxels
    found = concentration(signal, bolus, TE_S, sigma=10.0)
    assert np.all(np.isfinite(found.curves))
    assert np.all(found.curves[:, found.flags == Flag.NO_SIGNAL] == 0)


def test_voxels_without_a_bolus_are_flagged(voxels):
    signal, bolus = voxels
    shown = np.array([False] * 6)
    found = concentration(signal, bolus, TE_S, 10.0, shown)
    assert set(found.flags) == {Flag.NO_BOLUS, Flag.NO_SIGNAL}


def test_artery_that_peaks_as_the_mean_begins_to_rise_is_good(voxels):
    _, bolus = voxels
    early = 1000 * np.exp(-TE_S * 15 * arterial(TIMES_S, onset_s=TIMES_S[bolus.arrival] - 4.5))
    found = concentration(early[:, None].astype(np.float32), bolus, TE_S, sigma=10.0)
    assert found.curves[:, 0].argmax() <= bolus.arrival
    assert found.flags[0] == Flag.GOOD
