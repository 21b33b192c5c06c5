"""Collateral maps: what they show of known tissue and of a digital stroke, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from SyntheticPerfusionLib.analysis.collateral_phases import (
    COLLATERALS,
    phase_maps,
    reference_curves,
)
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.patient import make_patient
from SyntheticPerfusionLib.phantom.truth import TissueLabel
from SyntheticPerfusionLib.series.bolus import find_bolus
from SyntheticPerfusionLib.series.concentration import Flag, delta_r2star
from SyntheticPerfusionLib.series.phases import PHASES, collateral_phases

from .small_passage import BRAIN, ECHO_TIME_S, LESION, MCA, SSS, passage

NAMES = [item.name for item in COLLATERALS]
NORMAL = BRAIN & ~LESION & ~MCA & ~SSS


@pytest.fixture(scope="module")
def maps():
    return phase_maps(passage(), BRAIN, MCA, SSS)


def values(maps, where):
    return np.array([np.median(maps[name][where]) for name in NAMES])


def test_the_five_share_unit_and_window():
    assert [f"Collateral_{phase}" for phase in PHASES] == NAMES
    assert {item.display_range for item in COLLATERALS} == {COLLATERALS[0].display_range}
    assert {item.unit for item in COLLATERALS} == {""}


def test_scale_of_a_network_is_the_same_for_every_patient(maps):
    arterial = COLLATERALS[0]
    low, high = arterial.display_range
    share = arterial.share_of_window(np.array([low - 1, low, (low + high) / 2, high, high + 9]))
    np.testing.assert_array_equal(share, np.float32([0, 0, 0.5, 1, 1]))
    tissue = BRAIN & ~MCA & ~SSS
    clipped = [np.mean(item.share_of_window(maps[item.name][tissue]) == 1) for item in COLLATERALS]
    assert max(clipped) < 0.02


def test_lesion_is_dark_early_and_bright_late(maps):
    over_normal = values(maps, LESION) / values(maps, NORMAL)
    assert np.all(over_normal[:2] < 0.25)
    assert over_normal[4] > 2
    assert np.all(np.diff(over_normal) > 0)


def test_bare_arrays_give_the_same_maps(maps):
    series = passage()
    bolus = find_bolus(series, BRAIN)
    baseline = series.signal[bolus.baseline_start : bolus.baseline_stop].mean(axis=0)
    curves = delta_r2star(series.signal, baseline, ECHO_TIME_S)
    division, arrays = collateral_phases(curves, series.frame_times_s, BRAIN, MCA, SSS)
    seen = maps.flags == Flag.GOOD
    references = reference_curves(series, BRAIN, MCA, SSS)
    assert division.bounds_s == pytest.approx(references.division.bounds_s, abs=1e-5)
    found = np.stack([maps[name] for name in NAMES])
    np.testing.assert_allclose(found[:, seen], arrays[:, seen], rtol=1e-4, atol=1e-4)


def test_one_is_the_usual_tracer_of_the_brain(maps):
    durations = reference_curves(passage(), BRAIN, MCA, SSS).division.durations_s
    whole = np.tensordot(durations, np.stack([maps[name] for name in NAMES]), axes=1)
    assert np.median(whole[BRAIN] / durations.sum()) == pytest.approx(1.0, abs=1e-3)


def test_the_sinus_may_lie_outside_the_brain_mask(maps):
    outside = phase_maps(passage(), BRAIN, MCA, SSS & ~BRAIN)
    assert np.all(outside["Collateral_capillary"][~BRAIN] == 0)
    np.testing.assert_allclose(values(outside, NORMAL), values(maps, NORMAL), rtol=0.05)


def test_voxels_without_signal_hold_nothing(maps):
    series = passage()
    signal = series.signal.copy()
    signal[:, 0, 0, :3] = 0
    found = phase_maps(series.with_signal(signal), BRAIN, MCA, SSS)
    assert np.all(found.flags[0, 0, :3] == Flag.NO_SIGNAL)
    for name in NAMES:
        assert np.all(found[name][0, 0, :3] == 0)
        assert np.all(np.isfinite(found[name]))


def test_regions_that_cannot_be_used():
    series = passage()
    empty = np.zeros_like(MCA)
    silent = series.with_signal(np.where(MCA, 900.0, series.signal))
    with pytest.raises(InputError, match="MCA region holds no voxel"):
        phase_maps(series, BRAIN, empty, SSS)
    with pytest.raises(InputError, match="SSS region holds no voxel"):
        phase_maps(series, BRAIN, MCA, empty)
    with pytest.raises(InputError, match="grid of the series"):
        phase_maps(series, BRAIN, MCA[:1], SSS)
    with pytest.raises(InputError, match="share 4 voxels"):
        phase_maps(series, BRAIN, MCA, SSS | MCA)
    with pytest.raises(InputError, match="4 voxels of the MCA region shows a bolus"):
        phase_maps(silent, BRAIN, MCA, SSS)
    with pytest.raises(InputError, match="exchanged"):
        phase_maps(series, BRAIN, SSS, MCA)
    with pytest.raises(InputError, match="stopped too early"):
        phase_maps(passage(frames=20), BRAIN, MCA, SSS)
    with pytest.raises(Cancelled):
        phase_maps(series, BRAIN, MCA, SSS, cancelled=lambda: True)


def test_what_a_person_should_know_is_said():
    assert reference_curves(passage(), BRAIN, MCA, SSS).warnings == ()
    (ends,) = reference_curves(passage(frames=24), BRAIN, MCA, SSS).warnings
    assert "of the delay phase" in ends
    series = passage()
    signal, times = series.signal.copy(), series.frame_times_s
    artery = signal[:, MCA].mean(axis=1)
    signal[:, SSS] = np.interp(times - 2.0, times, artery)[:, None]
    (near,) = reference_curves(series.with_signal(signal), BRAIN, MCA, SSS).warnings
    assert "only 2.0 s" in near
    assert "diseased side" in near
    signal = series.signal.copy()
    signal[:, MCA] = np.maximum(signal[:, MCA], 250) - 240
    noisy = series.with_signal(signal + np.random.default_rng(0).normal(0, 1, signal.shape))
    (floor,) = reference_curves(noisy, BRAIN, MCA, SSS).warnings
    assert "noise floor" in floor


@settings(max_examples=25, deadline=None)
@given(
    snr=st.floats(15.0, 200.0),
    gain=st.floats(0.01, 100.0),
    late_s=st.floats(0.0, 30.0),
    seed=st.integers(0, 2**16),
)
def test_maps_are_finite_and_do_not_know_gain_or_clock(snr, gain, late_s, seed):
    series = passage(snr, seed)
    maps = phase_maps(series, BRAIN, MCA, SSS)
    assert all(np.all(np.isfinite(maps[name])) for name in NAMES)
    assert all(np.all(maps[name][~BRAIN] == 0) for name in NAMES)
    moved = type(series)(
        gain * series.signal, series.frame_times_s + late_s, series.geometry, ECHO_TIME_S
    )
    again = phase_maps(moved, BRAIN, MCA, SSS)
    for name in NAMES:
        np.testing.assert_allclose(again[name], maps[name], rtol=1e-2, atol=1e-3)


def drawn_regions(patient):
    """MCA and SSS as a person would draw them, from the shares of vessels in each voxel."""
    columns = patient.labels.shape[2]
    across = np.arange(columns) - (columns - 1) / 2
    # The patient's right is at the first columns.
    healthy = across < 0 if patient.settings["disease"].get("side") == "left" else across > 0
    lateral = healthy & (np.abs(across) > 8) & (np.abs(across) < 30)
    artery = np.where(lateral, patient.shares["artery"], 0)
    vein = np.where(np.abs(across) < 4, patient.shares["vein"], 0)
    vein[:, : vein.shape[1] // 2] = 0
    return (
        artery >= np.sort(artery, axis=None)[-8],
        vein >= min(0.95, float(np.sort(vein, axis=None)[-8])),
    )


def digital(kind):
    patient = make_patient(kind, 0, Acquisition(shape=(4, 128, 128), frames=60))
    return patient, phase_maps(patient.series, patient.mask, *drawn_regions(patient))


def test_digital_stroke_shows_its_collaterals():
    patient, maps = digital("stroke")
    inside = maps.mask & patient.mask
    penumbra, core = (
        inside & (patient.labels == TissueLabel[name]) for name in ("PENUMBRA", "CORE")
    )
    columns = patient.labels.shape[2]
    left_of_picture = np.arange(columns) < columns // 2
    side = left_of_picture if patient.settings["disease"]["side"] == "right" else ~left_of_picture
    tissue = (TissueLabel.GREY_MATTER, TissueLabel.WHITE_MATTER)
    other = inside & np.isin(patient.labels, tissue) & ~side & ~patient.rois["lesion"]
    over_other = values(maps, penumbra) / values(maps, other)
    assert np.all(over_other[:2] < 0.3)
    assert over_other[4] > 1.1
    assert np.all(np.diff(over_other) > 0)
    assert np.all((values(maps, core) / values(maps, other))[:3] < 0.1)


def test_digital_healthy_brain_is_alike_on_both_sides():
    patient, maps = digital("healthy")
    grey = maps.mask & patient.mask & (patient.labels == TissueLabel.GREY_MATTER)
    right = np.arange(grey.shape[2]) < grey.shape[2] // 2
    sides = values(maps, grey & right) / values(maps, grey & ~right)
    np.testing.assert_allclose(sides, 1.0, atol=0.15)
    assert PHASES[int(values(maps, grey).argmax())] in ("capillary", "early_venous")
