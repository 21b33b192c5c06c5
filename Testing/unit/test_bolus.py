"""Finding the bolus on a curve, and saying so where there is none."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.series.bolus import timing_of_curve

TIMES_S = np.arange(50) * 2.0


def curve(onset=10, depth=0.4, noise=0.002, first=(), seed=0):
    """Signal with a bolus from frame `onset`, peaking four frames later, 92 % at the end."""
    frame = np.arange(50)
    since = np.maximum(frame - onset, 0)
    bolus = (since / 4) ** 2 * np.exp(2 * (1 - since / 4))
    signal = 1000 * (1 - depth * bolus - 0.08 * (since > 6) * depth / 0.4)
    signal[: len(first)] *= first
    return signal * (1 + np.random.default_rng(seed).normal(0, noise, 50))


def test_arrival_peak_and_baseline():
    timing = timing_of_curve(curve(), TIMES_S)
    assert timing.peak == 14
    assert timing.arrival in (10, 11)
    assert (timing.baseline_start, timing.first_steady) == (0, 0)
    assert timing.baseline_stop == timing.arrival - 1
    assert timing.baseline == pytest.approx(1000, rel=0.005)
    assert timing.drop == pytest.approx(0.4, abs=0.02)
    assert timing.peak_time_s == 28.0


@pytest.mark.parametrize("first", [(1.28,), (1.3, 1.06), (1.3, 1.1, 1.04)])
def test_frames_before_steady_state_are_dropped(first):
    timing = timing_of_curve(curve(first=first), TIMES_S)
    assert timing.first_steady == len(first)
    assert timing.baseline_start == len(first)
    assert timing.baseline == pytest.approx(1000, rel=0.005)
    assert timing.peak == 14


def test_early_bolus_keeps_a_baseline():
    timing = timing_of_curve(curve(onset=3, first=(1.25,)), TIMES_S)
    assert timing.first_steady == 1
    assert timing.peak == 7
    assert timing.baseline == pytest.approx(1000, rel=0.01)


@pytest.mark.parametrize("seed", range(5))
def test_noise_alone_is_no_bolus(seed):
    noise = 1000 * (1 + np.random.default_rng(seed).normal(0, 0.03, 50))
    with pytest.raises(InputError, match=r"No bolus|at its peak"):
        timing_of_curve(noise, TIMES_S)


def test_three_percent_is_no_bolus():
    with pytest.raises(InputError, match="falls by"):
        timing_of_curve(curve(depth=0.028, noise=0.0005), TIMES_S)


def test_bolus_at_the_very_start():
    with pytest.raises(InputError, match="without a baseline"):
        timing_of_curve(np.roll(curve(onset=10), -13), TIMES_S)


def test_bolus_cut_off_at_the_end():
    with pytest.raises(InputError, match="end of the series"):
        timing_of_curve(curve(onset=45, noise=0.0005), TIMES_S)


def test_curve_that_is_not_a_number():
    broken = curve()
    broken[20] = np.nan
    with pytest.raises(InputError, match="not a number"):
        timing_of_curve(broken, TIMES_S)
