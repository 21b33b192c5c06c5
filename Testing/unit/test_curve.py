"""Figures of curves against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.series.curve import (
    area_weights,
    full_width_half_maximum,
    time_of_arrival,
    time_of_peak,
)

TIMES_S = np.arange(60) * 1.5


def bell(centre_s, width_s=4.0):
    return np.exp(-0.5 * ((TIMES_S - centre_s) / width_s) ** 2)


def test_time_of_peak_between_frames():
    centres = np.array([30.0, 30.4, 30.75, 31.2])
    curves = np.stack([bell(centre) for centre in centres], axis=1)
    np.testing.assert_allclose(time_of_peak(curves, TIMES_S), centres, atol=0.05)


def test_width_of_a_bell():
    width = full_width_half_maximum(bell(40.0), TIMES_S)
    assert width == pytest.approx(4.0 * 2 * np.sqrt(2 * np.log(2)), rel=0.01)


def test_width_of_a_cut_off_curve_is_unknown():
    assert np.isnan(full_width_half_maximum(bell(0.0), TIMES_S))
    assert np.isnan(full_width_half_maximum(bell(89.0), TIMES_S))


def test_arrival_is_where_a_tenth_of_the_peak_is_passed():
    rise = np.clip((TIMES_S - 20.0) / 10.0, 0, 1) * (TIMES_S < 40)
    assert time_of_arrival(rise[:, None], TIMES_S, 0)[0] == pytest.approx(21.0, abs=0.15)


def test_area_counts_the_frame_times():
    """A sum without dt would be wrong by the frame interval."""
    weights = area_weights(TIMES_S, 0, 60)
    assert weights @ bell(40.0) == pytest.approx(4.0 * np.sqrt(2 * np.pi), rel=1e-4)
    assert area_weights(TIMES_S, 0, 60).sum() == pytest.approx(TIMES_S[-1])
    uneven = np.concatenate([TIMES_S[:30], TIMES_S[30:45], TIMES_S[46:]])
    level = area_weights(uneven, 0, len(uneven)) @ np.ones(len(uneven))
    assert level == pytest.approx(TIMES_S[-1])


def test_area_outside_its_frames_is_nothing():
    weights = area_weights(TIMES_S, 10, 20)
    assert weights[:10].sum() == weights[20:].sum() == 0
    assert weights.sum() == pytest.approx(9 * 1.5)
