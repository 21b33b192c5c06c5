"""Curves of known flow: what they are made of, and that methods run on them as shipped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.signal import fftconvolve
from SyntheticPerfusionLib.evaluation.curve_accuracy import (
    chosen,
    figures,
    grouped,
    run_all,
    run_on_curves,
)
from SyntheticPerfusionLib.evaluation.simulated_curves import (
    TISSUES,
    CurveConditions,
    simulated_curves,
)
from SyntheticPerfusionLib.maps.perfusion_maps import PerfusionMaps
from SyntheticPerfusionLib.maps.quantity import QUANTITIES
from SyntheticPerfusionLib.methods.method import Method, Needs
from SyntheticPerfusionLib.methods.registry import get_method
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.aif import ArterialShape
from SyntheticPerfusionLib.series.concentration import Flag

QUIET = CurveConditions(snr=1e6, side=2, delays_s=(0.0, 3.2))


@pytest.fixture(scope="module")
def quiet():
    return simulated_curves(QUIET)


def test_every_tissue_at_every_delay_is_a_slice(quiet):
    assert quiet.series.geometry.shape == (10, 2, 2)
    assert quiet.series.frame_count == 80
    assert [TISSUES[index].name for index in quiet.tissue[::2]] == [one.name for one in TISSUES]
    np.testing.assert_array_equal(quiet.delay_s[:4], [0, 3.2, 0, 3.2])


def test_transit_times_follow_from_flow_and_volume():
    assert [round(one.mtt_s, 1) for one in TISSUES] == [3.7, 4.6, 11.2, 8.0, 4.0]


@pytest.mark.parametrize(
    ("residue", "shape"),
    [("exponential", lambda x: np.exp(-x)), ("box", lambda x: (x < 1).astype(float))],
)
def test_curves_are_the_convolution_that_the_equation_says(residue, shape):
    conditions = replace(QUIET, residue=residue, side=1, arterial_seed=5)
    curves = simulated_curves(conditions)
    scan = Acquisition(frames=conditions.frames, repetition_time_s=conditions.repetition_time_s)
    arterial = ArterialShape.of(scan, np.random.default_rng(5))
    step_s = 0.01
    fine = np.arange(0, 120, step_s)
    feeding = arterial.at(torch.as_tensor(fine)).numpy()
    signal = curves.series.signal[:, :, 0, 0]
    for k, (index, delay_s) in enumerate(zip(curves.tissue, curves.delay_s, strict=True)):
        tissue = TISSUES[index]
        response = shape((fine + step_s / 2) / tissue.mtt_s)
        flow = 1.04 / ((1 - 0.45) / (1 - 0.25)) * tissue.cbf / 6000
        curve = flow * step_s * fftconvolve(feeding, response)[: fine.size]
        expected = np.interp(curves.series.frame_times_s - delay_s, fine, curve)
        found = -np.log(signal[:, k] / 1000) / 0.03
        np.testing.assert_allclose(found, expected, atol=0.01 * expected.max())


def test_the_arterial_curve_is_an_arterys(quiet):
    assert 50 < quiet.aif.quality.peak < 90
    assert quiet.aif.voxels is None


def test_flow_at_the_least_noise_is_what_sampling_leaves(quiet):
    rows = run_on_curves(get_method("cSVD"), quiet)
    ratio = grouped(rows, "delay_s")
    for delay in (0.0, 3.2):
        assert 0.55 < ratio[(delay,)]["cbf_ratio"] < 0.95
    early, late = (grouped(rows, "delay_s")[(delay,)]["delay_bias_s"] for delay in (0.0, 3.2))
    assert early == pytest.approx(late, abs=1.0)


def test_noise_is_what_the_ratio_says_and_repeats():
    conditions = CurveConditions(snr=20, side=8, delays_s=(0.0,))
    one, again = simulated_curves(conditions), simulated_curves(conditions)
    np.testing.assert_array_equal(one.series.signal, again.series.signal)
    before = one.series.signal[:8]
    assert before.std(ddof=1) / before.mean() == pytest.approx(1 / 20, rel=0.05)
    other = simulated_curves(replace(conditions, arterial_seed=1))
    assert not np.array_equal(one.aif.concentration, other.aif.concentration)


def test_repetition_time_sets_the_frames():
    for step_s, frames in ((1.25, 96), (2.0, 60)):
        curves = simulated_curves(replace(QUIET, repetition_time_s=step_s))
        assert curves.series.frame_count == frames
        assert curves.series.repetition_time_s == pytest.approx(step_s)


class Answering(Method):
    """Gives what it is told of every slice."""

    name = title = description = reference = "answering"
    quantities = tuple(QUANTITIES[name] for name in ("CBF", "MTT", "Tmax"))

    def __init__(self, values, by_artery, flags=None):
        self.needs = Needs(aif=by_artery)
        self._values, self._flags = values, flags

    def estimate(self, series, mask, aif=None, device="cpu", progress=None, cancelled=None):
        shape = mask.shape
        arrays = {
            item: np.broadcast_to(np.asarray(value)[:, None, None], shape).astype(np.float32)
            for item, value in zip(self.quantities, self._values, strict=True)
        }
        flags = None if self._flags is None else np.full(shape, self._flags, np.uint8)
        return PerfusionMaps(arrays, series.geometry, mask, self.name, flags=flags)


def truth_of(curves):
    tissues = [TISSUES[index] for index in curves.tissue]
    return [one.cbf for one in tissues], [one.mtt_s for one in tissues], curves.delay_s


@pytest.mark.parametrize("by_artery", [True, False])
def test_a_right_answer_has_no_error(quiet, by_artery):
    cbf, mtt, delay = truth_of(quiet)
    scale = quiet.arterial_share if by_artery else 1.0
    rows = run_on_curves(Answering((np.array(cbf) / scale, mtt, delay), by_artery), quiet)
    found = figures(rows)
    assert found["cbf_ratio"] == pytest.approx(1, rel=1e-5)
    for name in ("cbf_spread", "mtt_error_s", "delay_error_s", "mtt_bias_s", "delay_bias_s"):
        assert found[name] == pytest.approx(0, abs=1e-5)
    for name in ("r_cbf", "r_mtt", "r_delay"):
        assert found[name] == pytest.approx(1)


def test_voxels_without_a_value_are_left_out_and_counted(quiet):
    cbf, mtt, delay = truth_of(quiet)
    rows = run_on_curves(Answering((cbf, mtt, delay), False, Flag.NO_BOLUS), quiet)
    found = figures(rows)
    assert found["without_value"] == 1
    assert np.isnan(found["cbf_ratio"])
    saturated = run_on_curves(Answering((cbf, mtt, delay), False, Flag.SATURATED), quiet)
    assert figures(saturated)["without_value"] == 0


def test_figures_by_hand():
    rows = {
        "method": np.array(["a"] * 3),
        "snr": np.array([10.0, 10, 50]),
        "cbf": np.array([10.0, 30, 5]),
        "true_cbf": np.array([20.0, 20, 10]),
        "mtt": np.array([4.0, 8, 2]),
        "true_mtt": np.array([5.0, 5, 5]),
        "tmax": np.array([1.0, 2, np.nan]),
        "delay_s": np.array([0.0, 0, 0]),
    }
    found = grouped(rows, "method", "snr")
    assert list(found) == [("a", 10.0), ("a", 50.0)]
    assert found["a", 10.0]["cbf_ratio"] == 1.0
    assert found["a", 10.0]["mtt_error_s"] == 2.0
    assert found["a", 10.0]["mtt_bias_s"] == 1.0
    assert found["a", 10.0]["delay_bias_s"] == 1.5
    assert np.isnan(found["a", 50.0]["delay_error_s"])
    assert len(chosen(rows, snr=50.0)["cbf"]) == 1


def test_all_methods_run_on_all_conditions():
    small = CurveConditions(side=2, delays_s=(0.0,), tissues=TISSUES[:2])
    methods = [get_method("oSVD"), get_method("Tikhonov")]
    rows = run_all(methods, [small, replace(small, snr=10)])
    assert len(rows["method"]) == 2 * 2 * 2 * 4
    assert set(grouped(rows, "method", "snr")) == {
        (name, snr) for name in ("oSVD", "Tikhonov") for snr in (10.0, 50.0)
    }
