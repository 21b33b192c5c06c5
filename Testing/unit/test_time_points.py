"""Series at fixed time points: what lies between frames, what lies beyond them."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.methods.time_points import TimePoints, resampled, resampling_weights


@pytest.mark.parametrize("step_s", [0.7, 1.39, 2.22])
def test_points_stand_at_the_same_time_before_the_bolus_for_every_repetition_time(step_s):
    times = 4.0 + step_s * np.arange(60)
    found = TimePoints(points=80, step_s=1.25, before_s=15.0).times_s(21.0, times)
    assert len(found) == 80
    assert found[0] == pytest.approx(6.0)
    assert np.diff(found) == pytest.approx(np.full(79, 1.25))


def test_the_whole_series_can_be_stretched_to_the_points():
    times = 3.0 + 2.22 * np.arange(50)
    found = TimePoints(points=80, mode="series").times_s(30.0, times)
    assert (found[0], found[-1]) == pytest.approx((times[0], times[-1]))
    assert np.diff(found) == pytest.approx(np.full(79, 49 * 2.22 / 79))


def test_a_curve_is_straight_between_frames_that_may_be_uneven_and_held_beyond_them():
    times = np.array([0.0, 1.0, 3.0, 4.5])
    curves = np.stack([[2.0, 4.0, 0.0, 6.0], [1.0, 1.0, 1.0, 1.0]], axis=1).astype(np.float16)
    wanted = np.array([-10.0, 0.0, 0.25, 1.0, 2.0, 3.0, 4.0, 4.5, 99.0])
    found = resampled(curves, times, wanted)
    assert found.dtype == np.float32
    assert found[:, 0] == pytest.approx([2, 2, 2.5, 4, 2, 0, 4, 6, 6])
    assert found[:, 1] == pytest.approx(np.ones(9))


def test_weights_of_each_point_add_up_to_one():
    times = np.sort(np.random.default_rng(3).uniform(0, 100, 40))
    weights = resampling_weights(times, TimePoints().times_s(30.0, times))
    assert weights.shape == (80, 40)
    assert weights.sum(axis=1) == pytest.approx(np.ones(80), abs=1e-6)
    assert (weights >= 0).all()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mode": "frames"}, "bolus, series"),
        ({"points": 1}, "2 or more"),
        ({"step_s": 0}, "above"),
    ],
)
def test_settings_that_are_no_use_are_refused(settings, said):
    with pytest.raises(InputError, match=said):
        TimePoints(**settings)


def test_points_that_all_lie_before_the_bolus_are_refused():
    times = np.arange(40) * 2.0
    with pytest.raises(InputError, match="all lie before the bolus"):
        TimePoints(before_s=100.0).times_s(20.0, times)
    # Those of the whole series do not ask when it arrives.
    assert TimePoints(mode="series", before_s=100.0).times_s(20.0, times)[-1] == 78.0
