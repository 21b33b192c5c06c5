"""Each deconvolution against a dense float64 reference of itself, and for the faults of others."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.methods.deconvolution import oscillation, tikhonov
from SyntheticPerfusionLib.methods.deconvolution.matrices import (
    Spectrum,
    circulant_matrix,
    toeplitz_matrix,
)
from SyntheticPerfusionLib.methods.deconvolution.peak import residue_peak
from SyntheticPerfusionLib.methods.deconvolution.truncated import csvd, ssvd

from . import dense_reference as dense
from .curves import arterial, tissue

STEP_S = 1.5
TIMES_S = np.arange(60) * STEP_S


@pytest.fixture(scope="module")
def aif():
    return arterial(TIMES_S, peak=300.0)


@pytest.fixture(scope="module")
def noisy():
    """(20, 60) curves of varied flow, transit time and delay at a clinical noise."""
    rng = np.random.default_rng(1)

    def strong(times):
        return arterial(times, peak=300.0)

    curves = [
        tissue(TIMES_S, rng.uniform(5, 80), rng.uniform(3, 12), rng.uniform(0, 6), aif=strong)
        for _ in range(20)
    ]
    return np.array(curves) + rng.normal(0, 0.5, (20, 60))


def rows(curves):
    return torch.as_tensor(np.asarray(curves), dtype=torch.float32)


def relative(found, expected):
    """Largest difference of each curve over the largest value of that curve."""
    return np.abs(found - expected).max(axis=1) / np.abs(expected).max(axis=1)


@pytest.mark.parametrize("threshold", [0.05, 0.15, 0.2])
def test_ssvd_equals_dense(aif, noisy, threshold):
    found = ssvd(aif, STEP_S, threshold, "cpu").residue(rows(noisy)).numpy()
    expected = np.array([dense.ssvd(aif, STEP_S, curve, threshold) for curve in noisy])
    assert relative(found, expected).max() < 1e-3


@pytest.mark.parametrize("threshold", [0.03, 0.07, 0.2])
def test_csvd_equals_dense(aif, noisy, threshold):
    found = csvd(aif, STEP_S, threshold, "cpu").residue(rows(noisy)).numpy()
    expected = np.array([dense.csvd(aif, STEP_S, curve, threshold) for curve in noisy])
    assert relative(found, expected).max() < 1e-3


@pytest.mark.parametrize("limit", [0.035, 0.095])
def test_osvd_equals_dense(aif, noisy, limit):
    found = oscillation.OscillationSolver(aif, STEP_S, limit, "cpu").residue(rows(noisy)).numpy()
    reference = [
        dense.osvd(aif, STEP_S, curve, limit, oscillation.THRESHOLDS, oscillation.STRIDE)
        for curve in noisy
    ]
    expected = np.array([residue for residue, _, _ in reference])
    # Where an index meets the limit to the last digits, single precision may decide otherwise.
    decided = np.array([nearest > 1e-4 for _, _, nearest in reference])
    assert decided.mean() > 0.95
    assert relative(found, expected)[decided].max() < 1e-3
    assert len({threshold for _, threshold, _ in reference}) > 3


def test_tikhonov_equals_dense(aif, noisy):
    found = tikhonov.TikhonovSolver(aif, STEP_S, "cpu").residue(rows(noisy)).numpy()
    reference = [dense.tikhonov(aif, STEP_S, curve, tikhonov.STRENGTHS) for curve in noisy]
    expected = np.array([residue for residue, _ in reference])
    # Neighbouring strengths whose scores agree to six digits are equally good.
    decided = np.array([margin > 1e-5 for _, margin in reference])
    assert decided.mean() > 0.8
    assert relative(found, expected)[decided].max() < 1e-3


def test_matrices_equal_their_definition(aif):
    np.testing.assert_allclose(toeplitz_matrix(aif, STEP_S), dense.toeplitz(aif, STEP_S))
    np.testing.assert_allclose(circulant_matrix(aif, STEP_S), dense.circulant(aif, STEP_S))


def test_spectrum_holds_the_singular_values(aif):
    every = np.linalg.svd(dense.circulant(aif, STEP_S), compute_uv=False)
    spectrum = Spectrum.of(aif, STEP_S)
    assert spectrum.singular_values[0] == pytest.approx(every[0])
    twice = np.sort(np.concatenate([spectrum.singular_values, spectrum.singular_values]))[::-1]
    np.testing.assert_allclose(twice[: len(every) // 2], every[: len(every) // 2], rtol=0.2)


def test_oscillation_index_is_of_second_differences(aif, noisy):
    """With first differences other thresholds would be chosen."""
    found = oscillation.OscillationSolver(aif, STEP_S, 0.035, "cpu").residue(rows(noisy)).numpy()
    second = np.array([dense.oscillation_index(residue) for residue in found])
    first = np.abs(np.diff(found, axis=1)).sum(axis=1) / (found.shape[1] * found.max(axis=1))
    assert np.all(second < 0.035 * 1.001)
    assert np.mean(first < 0.035) < 0.9


def test_osvd_takes_the_first_threshold_not_the_smoothest(aif, noisy):
    reference = [dense.osvd(aif, STEP_S, curve, 0.035, oscillation.THRESHOLDS) for curve in noisy]
    first = np.array([residue.max() for residue, _, _ in reference])
    solver = oscillation.OscillationSolver(aif, STEP_S, 0.035, "cpu")
    found = solver.residue(rows(noisy)).numpy().max(axis=1)
    # Every third threshold first: the index rarely rises with the threshold.
    assert np.mean(np.abs(found / first - 1) < 1e-3) >= 0.95
    smoothest = []
    for curve in noisy:
        tried = [dense.csvd(aif, STEP_S, curve, at) for at in oscillation.THRESHOLDS[::3]]
        smoothest.append(min(tried, key=dense.oscillation_index).max())
    assert np.mean(found > 1.05 * np.array(smoothest)) > 0.9


def test_csvd_is_not_the_upper_left_block(aif):
    """The corner of the circulant matrix is the Toeplitz matrix: that would be sSVD again."""
    late = rows(tissue(TIMES_S, 60, 4, delay_s=6.0)[None] * 300)
    circular, causal = csvd(aif, STEP_S, 0.1, "cpu"), ssvd(aif, STEP_S, 0.1, "cpu")
    assert circular.residue(late).shape[1] == 2 * causal.residue(late).shape[1]
    early = rows(tissue(TIMES_S, 60, 4, aif=shifted)[None] * 300)
    flow = circular.peak(early)[0].item() / circular.peak(late)[0].item()
    causal_flow = causal.peak(early)[0].item() / causal.peak(late)[0].item()
    assert flow == pytest.approx(1.0, abs=0.02)
    assert abs(causal_flow - 1.0) > 0.5


def shifted(times_s):
    """The arterial curve three seconds earlier: tissue reached before the chosen artery."""
    return arterial(times_s, onset_s=9.0)


@pytest.mark.parametrize("method", ["cSVD", "oSVD"])
def test_flow_does_not_depend_on_delay(aif, method):
    delays = np.arange(0, 6.01, 0.25)
    curves = rows([300 * tissue(TIMES_S, 60, 4, delay_s=delay) for delay in delays])
    solver = (
        csvd(aif, STEP_S, 0.07, "cpu")
        if method == "cSVD"
        else oscillation.OscillationSolver(aif, STEP_S, 0.035, "cpu")
    )
    height, position = (values.numpy() for values in solver.peak(curves))
    assert np.abs(height / height[0] - 1).max() < 0.02
    moved = (position - position[0]) * STEP_S
    np.testing.assert_allclose(moved, delays, atol=0.25)


def test_delay_of_either_sign(aif):
    early = rows(300 * tissue(TIMES_S, 60, 4, aif=shifted)[None])
    on_time = rows(300 * tissue(TIMES_S, 60, 4)[None])
    solver = csvd(aif, STEP_S, 0.07, "cpu")
    moved = (solver.peak(early)[1] - solver.peak(on_time)[1]).item() * STEP_S
    assert moved == pytest.approx(-3.0, abs=0.25)


class TestPeak:
    def test_finds_what_lies_between_samples(self):
        frames = np.arange(64)
        centres = np.array([20.0, 20.3, 20.5, 20.9])
        residue = rows([np.exp(-(((frames - centre) / 3) ** 2)) for centre in centres])
        height, position = residue_peak(residue, wraps=True)
        np.testing.assert_allclose(height, 1.0, atol=0.003)
        np.testing.assert_allclose(position, centres, atol=0.07)

    def test_second_half_of_a_circle_is_before_zero(self):
        residue = torch.zeros(1, 64)
        residue[0, 61:64] = torch.tensor([0.5, 1.0, 0.5])
        assert residue_peak(residue, wraps=True)[1].item() == pytest.approx(-2.0, abs=0.01)

    def test_axis_that_does_not_wrap_never_gives_a_negative_time(self):
        residue = torch.zeros(1, 32)
        residue[0, :3] = torch.tensor([1.0, 0.4, 0.1])
        assert residue_peak(residue, wraps=False)[1].item() >= 0.0


def test_no_voxel_is_no_fault(aif):
    empty = torch.empty((0, 60))
    solver = oscillation.OscillationSolver(aif, STEP_S, 0.035, "cpu")
    assert solver.residue(empty).shape == (0, 120)


def test_voxels_do_not_depend_on_each_other(aif, noisy):
    """Compaction must put every residue back where it belongs."""
    solver = oscillation.OscillationSolver(aif, STEP_S, 0.035, "cpu")
    together = solver.residue(rows(noisy)).numpy()
    alone = np.concatenate([solver.residue(rows(curve[None])).numpy() for curve in noisy])
    np.testing.assert_allclose(together, alone, atol=1e-4 * np.abs(alone).max())
