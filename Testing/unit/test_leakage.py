"""Boxerman-Schmainda-Weisskoff against curves with a known leak."""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.errors import InputError
from SyntheticPerfusionLib.series.concentration import Concentration, Flag
from SyntheticPerfusionLib.series.leakage import leakage_reference

from .curves import tissue

TIMES_S = np.arange(80) * 1.5
LEAKS = np.array([0.02, 0.005, -0.01])


@pytest.fixture
def brain():
    """(T, 103) curves of one shape and many heights; the last three leak by `LEAKS`."""
    rng = np.random.default_rng(3)
    shape = 400 * tissue(TIMES_S, 40, 4.0)
    heights = np.concatenate([rng.uniform(0.5, 1.5, 100), [1.0, 1.0, 1.0]])
    clean = np.outer(shape, heights)
    mean = clean[:, :100].mean(axis=1)
    integral = np.concatenate([[0], np.cumsum((mean[1:] + mean[:-1]) / 2 * 1.5)])
    leaking = clean.copy()
    leaking[:, 100:] -= np.outer(integral, LEAKS)
    return clean, leaking


def reference(curves, flags=None):
    count = curves.shape[1]
    flags = np.zeros(count, np.uint8) if flags is None else flags
    noise = np.full(count, 0.3)
    halves = (slice(0, count // 2), slice(count // 2, count))
    parts = [Concentration(curves[:, half], flags[half], noise[half]) for half in halves]
    return leakage_reference(lambda: parts, TIMES_S)


def test_known_leak_is_found(brain):
    """Regressing a voxel on itself instead of on the brain would find no leak."""
    _, leaking = brain
    found = reference(leaking).k2_of(leaking)
    np.testing.assert_allclose(found[100:], LEAKS, atol=0.001)
    assert np.abs(found[:100]).max() < 0.001


def test_correction_gives_back_the_curve(brain):
    clean, leaking = brain
    mean = reference(leaking)
    restored = mean.corrected(leaking, mean.k2_of(leaking))
    wrong = np.abs(leaking[:, 100:] - clean[:, 100:]).max()
    assert np.abs(restored - clean).max() < 0.05 * wrong


def test_leaking_voxels_do_not_count_for_the_mean(brain):
    clean, leaking = brain
    found = reference(leaking)
    np.testing.assert_allclose(found.mean, clean[:, :100].mean(axis=1), atol=0.01)


def area_after_correction(transit_s: float, allow_for_transit: bool) -> float:
    """Corrected over true area, to 45 s after the peak, of a voxel that does not leak."""
    brain = np.outer(400 * tissue(TIMES_S, 40, 4.0), np.linspace(0.5, 1.5, 100))
    own = 400 * tissue(TIMES_S, 40, transit_s)[:, None]
    part = Concentration(brain, np.zeros(100, np.uint8), np.full(100, 0.3))
    mean = leakage_reference(lambda: [part], TIMES_S, allow_for_transit)
    stop = int(brain.mean(1).argmax()) + 30
    return float(mean.corrected(own, mean.k2_of(own))[:stop].sum() / own[:stop].sum())


@pytest.mark.parametrize("transit_s", [3.0, 5.0, 6.5, 8.0])
def test_slow_transit_is_told_from_a_leak_where_it_is_allowed_for(transit_s):
    """Bjornerud 2011: Boxerman's fit takes the one for the other."""
    boxerman, ours = (abs(area_after_correction(transit_s, how) - 1) for how in (False, True))
    assert ours < 0.02
    assert ours < boxerman


def test_a_leak_is_found_as_well_where_transit_is_allowed_for(brain):
    _, leaking = brain
    part = Concentration(leaking, np.zeros(103, np.uint8), np.full(103, 0.3))
    found = leakage_reference(lambda: [part], TIMES_S, allow_for_transit=True).k2_of(leaking)
    np.testing.assert_allclose(found[100:], LEAKS, atol=0.001)


def test_slower_curve_is_the_convolution_with_an_exponential(brain):
    _, leaking = brain
    part = Concentration(leaking[:, :100], np.zeros(100, np.uint8), np.full(100, 0.3))
    mean = leakage_reference(lambda: [part], TIMES_S, allow_for_transit=True)
    step = 0.01
    fine = np.arange(0, TIMES_S[-1] + step, step)
    curve = np.interp(fine, TIMES_S, mean.mean)
    expected = np.convolve(curve, np.exp(-fine / 6.0) * step / 6.0)[: fine.size]
    found = np.interp(TIMES_S, fine, expected)
    np.testing.assert_allclose(mean.slower, found, atol=0.005 * mean.mean.max())


def test_too_few_voxels_without_leakage(brain):
    _, leaking = brain
    flags = np.full(leaking.shape[1], Flag.NO_BOLUS, np.uint8)
    flags[:10] = Flag.GOOD
    with pytest.raises(InputError, match="Only 10 voxels"):
        reference(leaking, flags)
