"""The division of time into the phases of a passage, against curves whose bounds are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import trapezoid
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.series.curve import interval_weights
from SyntheticPerfusionLib.series.phases import (
    PHASES,
    PhaseDivision,
    brain_level,
    collateral_phases,
    divide_phases,
    phase_means,
    phase_weights,
)

from .curves import arterial, tissue

TIMES_S = np.arange(0, 90, 1.5)


def triangle(times_s, start_s, peak_s, height=1.0):
    """Straight up and as straight down again."""
    return height * np.clip(1 - np.abs(times_s - peak_s) / (peak_s - start_s), 0, None)


def passage(times_s):
    return triangle(times_s, 10.0, 15.0, 60.0), triangle(times_s, 18.0, 24.0, 40.0)


def usual():
    vein = arterial(TIMES_S, onset_s=19.0, scale_s=1.9)
    return divide_phases(TIMES_S, arterial(TIMES_S), vein)


@pytest.mark.parametrize("step_s", [0.25, 0.5, 1.0])
def test_bounds_of_straight_curves_are_exact(step_s):
    times = np.arange(0, 60, step_s)
    division = divide_phases(times, *passage(times))
    expected = (10.5, 15.0, 19.5, 24.0, 27.0, 43.5)
    # The straight line between two frames meets the foot of a triangle late by part of a frame.
    np.testing.assert_allclose(division.bounds_s, expected, atol=0.1 * step_s + 1e-9)
    assert tuple(division.intervals_s) == PHASES
    assert division.delay_share == pytest.approx(1.0)


def test_a_shift_of_the_clock_shifts_every_bound():
    times = np.arange(0, 60, 0.5)
    first = divide_phases(times, *passage(times))
    later = divide_phases(times + 7.3, *passage(times))
    np.testing.assert_allclose(np.subtract(later.bounds_s, first.bounds_s), 7.3)
    assert later.rules == first.rules


def test_scale_of_the_curves_does_not_matter():
    times = np.arange(0, 60, 0.5)
    artery, vein = passage(times)
    apart = np.subtract(
        divide_phases(times, 9 * artery, vein / 9).bounds_s,
        divide_phases(times, artery, vein).bounds_s,
    )
    np.testing.assert_allclose(apart, 0, atol=1e-9)


def test_a_slow_injection_is_divided_too():
    # The sinus is half full at 18 s, before the artery is at its peak.
    times = np.arange(0, 80, 0.5)
    artery, vein = triangle(times, 2.0, 18.5), triangle(times, 12.0, 24.0)
    division = divide_phases(times, artery, vein)
    assert division.bounds_s[1:4] == pytest.approx((18.5, 21.25, 24.0))


def test_a_scan_that_ends_in_the_delay_phase_says_so():
    times = np.arange(0, 35.5, 0.5)
    division = divide_phases(times, *passage(times))
    assert division.bounds_s[-1] == 35.0
    assert division.rules[-1] == "end of the series"
    assert division.delay_share == pytest.approx((35 - 27) / (27 - 10.5), abs=0.01)


def test_what_comes_after_the_passage_does_not_move_the_bounds():
    long = np.arange(0, 150, 1.5)
    again = triangle(long, 40.0, 46.0, 0.1)
    vein = arterial(long, onset_s=19.0, scale_s=1.9)
    division = divide_phases(long, arterial(long) + again, vein + 0.8 * again)
    assert division.bounds_s == pytest.approx(usual().bounds_s)


def test_means_of_straight_curves_are_exact_between_frames():
    times = np.array([0.0, 1.0, 2.5, 4.0, 7.0, 8.0, 10.0, 13.0])
    division = PhaseDivision((0.5, 1.1, 1.3, 5.0, 7.5, 12.0), ("",) * 6)
    slope = np.stack([3 * times - 2, np.full_like(times, 4.0)], axis=1)
    middle = (np.array(division.bounds_s[:-1]) + division.bounds_s[1:]) / 2
    found = phase_means(slope.reshape(8, 2, 1), times, division)
    assert found.shape == (5, 2, 1)
    np.testing.assert_allclose(found[:, 0, 0], 3 * middle - 2, rtol=1e-6)
    np.testing.assert_allclose(found[:, 1, 0], 4.0, rtol=1e-6)


def test_phases_add_up_to_the_whole_passage():
    division = usual()
    curve = tissue(TIMES_S, 40.0, 6.0, 2.0)
    parts = division.durations_s @ (phase_weights(TIMES_S, division) @ curve)
    whole = interval_weights(TIMES_S, division.bounds_s[0], division.bounds_s[-1]) @ curve
    assert parts == pytest.approx(whole, rel=1e-12)
    fine = np.linspace(division.bounds_s[0], division.bounds_s[-1], 20001)
    straight = np.interp(fine, TIMES_S, curve)
    assert whole == pytest.approx(trapezoid(straight, fine), rel=1e-6)


def test_late_tissue_moves_from_the_early_phases_to_the_late_ones():
    division = usual()
    tissues = [tissue(TIMES_S, 50, 4.0), tissue(TIMES_S, 16, 12.0, 4.0), tissue(TIMES_S, 8, 13, 8)]
    normal, slow, late = phase_means(np.stack(tissues, axis=1), TIMES_S, division).T
    assert [PHASES[int(found.argmax())] for found in (normal, slow, late)] == [
        "capillary",
        "late_venous",
        "late_venous",
    ]
    assert slow[0] < 0.01 * normal[0]
    assert slow[1] < 0.2 * normal[1]
    assert late[1] < 0.01 * normal[1]
    assert slow[4] > 2 * normal[4]
    assert late[4] > 2 * normal[4]


def test_level_is_that_of_the_brain_and_not_of_its_vessels():
    division = usual()
    curves = np.stack([tissue(TIMES_S, 50, 4.0)] * 9 + [arterial(TIMES_S)], axis=1)
    means = phase_means(curves, TIMES_S, division)
    inside = np.ones(10, bool)
    level = brain_level(means, division, inside)
    durations = division.durations_s
    assert level == pytest.approx(durations @ means[:, 0] / durations.sum(), rel=1e-5)
    assert brain_level(3 * means, division, inside) == pytest.approx(3 * level, rel=1e-5)


def test_maps_of_bare_arrays_do_not_know_dose_or_echo_time():
    artery, vein = arterial(TIMES_S), arterial(TIMES_S, onset_s=19.0, scale_s=1.9)
    brain = [tissue(TIMES_S, cbf, 4.0) for cbf in (50, 40, 25, 20)]
    curves = np.stack([artery, vein, *brain], axis=1).reshape(-1, 2, 3)
    mask = np.ones((2, 3), bool)
    mask[0, :2] = False
    mca, sss = np.zeros((2, 2, 3), bool)
    mca[0, 0], sss[0, 1] = True, True
    division, maps = collateral_phases(curves, TIMES_S, mask, mca, sss)
    assert division == usual()
    assert maps.shape == (5, 2, 3)
    assert np.all(maps[:, ~mask] == 0)
    np.testing.assert_allclose(maps[:, 0, 2] / maps[:, 1, 2], 50 / 20, rtol=1e-4)
    _, doubled = collateral_phases(2 * curves, TIMES_S, mask, mca, sss)
    np.testing.assert_allclose(doubled, maps, rtol=1e-4)
    with pytest.raises(InputError, match="sagittal sinus has no voxel"):
        collateral_phases(curves, TIMES_S, mask, mca, np.zeros_like(sss))


def test_curves_that_cannot_be_divided_say_why():
    artery, vein = passage(TIMES_S)
    noise = np.random.default_rng(1).normal(0, 1, TIMES_S.size)
    with pytest.raises(InputError, match="exchanged"):
        divide_phases(TIMES_S, vein, artery)
    with pytest.raises(InputError, match="exchanged"):
        divide_phases(TIMES_S, artery, artery)
    with pytest.raises(InputError, match="vein shows no bolus"):
        divide_phases(TIMES_S, artery, noise)
    with pytest.raises(InputError, match="artery shows no bolus"):
        divide_phases(TIMES_S, np.zeros_like(artery), vein)
    with pytest.raises(InputError, match="vein peaks in the last frame"):
        divide_phases(TIMES_S[:16], artery[:16], vein[:16])
    with pytest.raises(InputError, match="stopped too early"):
        divide_phases(TIMES_S[:19], artery[:19], vein[:19])
    with pytest.raises(InputError, match="no numbers"):
        divide_phases(TIMES_S, artery * np.nan, vein)
    with pytest.raises(InputError, match="no tracer"):
        brain_level(np.zeros((5, 7)), usual(), np.ones(7, bool))


def test_a_division_out_of_order_cannot_be_made():
    with pytest.raises(ValueError, match="increase"):
        PhaseDivision((0.0, 1.0, 1.0, 2.0, 3.0, 4.0), ("",) * 6)
    with pytest.raises(ValueError, match="6 bounds"):
        PhaseDivision((0.0, 1.0), ("",) * 2)


@given(
    step_s=st.floats(1.0, 2.5),
    onset_s=st.floats(6.0, 25.0),
    scale_s=st.floats(1.0, 3.0),
    transit_s=st.floats(3.0, 12.0),
    spread=st.floats(1.0, 1.6),
    noise=st.floats(0.0, 0.02),
    seed=st.integers(0, 2**16),
)
def test_phases_follow_each_other_in_any_passage(
    step_s, onset_s, scale_s, transit_s, spread, noise, seed
):
    times = np.arange(0, 160, step_s)
    rng = np.random.default_rng(seed)
    artery, vein = (
        arterial(times, onset_s + late, 1.0, 3.0, scale_s * wide)
        + rng.normal(0, 1, times.size) * noise
        for late, wide in ((0.0, 1.0), (transit_s, spread))
    )
    division = divide_phases(times, artery, vein)
    bounds = np.array(division.bounds_s)
    assert np.all(np.isfinite(bounds))
    assert np.all(np.diff(bounds) > 0)
    assert times[0] <= bounds[0]
    assert bounds[-1] <= times[-1]
    assert division.durations_s[1] == pytest.approx(division.durations_s[2])
    weights = phase_weights(times, division)
    assert np.all(np.isfinite(weights))
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-9)
    assert np.all(weights >= -1e-12)
