"""PHAE from a series to maps: normalisation, volumes, the central volume theorem, flags, misfit."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.errors import Cancelled, InputError
from SyntheticPerfusionLib.methods import phae
from SyntheticPerfusionLib.methods.phae_decoder import reconstruct
from SyntheticPerfusionLib.methods.phae_input import subject_curves
from SyntheticPerfusionLib.methods.registry import get_method
from SyntheticPerfusionLib.methods.scale import K_H, RHO_G_PER_ML, scale_warning
from SyntheticPerfusionLib.series.aif_voxels import make_aif
from SyntheticPerfusionLib.series.bolus import find_bolus
from SyntheticPerfusionLib.series.concentration import Flag
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry
from SyntheticPerfusionLib.series.voxel_curves import VoxelCurves

from unit.curves import arterial
from unit.small_phae import (
    ECHO_TIME_S,
    GRID,
    phae_method,
    phae_model,
    signal_of,
    simulated_series,
)

SCALE = 100 * K_H / RHO_G_PER_ML


@pytest.fixture(scope="module")
def method(tmp_path_factory):
    return phae_method(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def case():
    return simulated_series()


@pytest.fixture(scope="module")
def maps(method, case):
    series, mask, aif, _ = case
    return method.estimate(series, mask, aif)


@pytest.fixture
def float32(monkeypatch):
    monkeypatch.setattr(phae, "has_bfloat16", lambda device: False)


def read(series, mask, curve, kept=None):
    bolus = find_bolus(series, mask)
    voxels = VoxelCurves(series, mask, bolus)
    return subject_curves(voxels, bolus, series.frame_times_s, curve, "test", kept)


def with_signal(series, signal):
    return DscSeries(signal, series.frame_times_s, series.geometry, series.echo_time_s)


def test_curves_are_equation_1_over_the_subjects_maximum(case):
    series, mask, aif, _ = case
    subject = read(series, mask, aif.concentration)
    bolus = find_bolus(series, mask)
    signal = series.signal.reshape(series.frame_count, -1).astype(np.float64)
    baseline = signal[bolus.baseline_start : bolus.baseline_stop].mean(axis=0)
    curves = -np.log(signal / baseline) / ECHO_TIME_S
    assert np.all(subject.flags == Flag.GOOD)
    assert subject.maximum == pytest.approx(max(curves.max(), aif.concentration.max()), rel=1e-4)
    np.testing.assert_allclose(subject.tissue, curves.T / subject.maximum, atol=1e-5)
    np.testing.assert_allclose(subject.arterial, aif.concentration / subject.maximum, atol=1e-6)
    assert max(subject.tissue.max(), subject.arterial.max()) == pytest.approx(1)


def test_the_maximum_may_be_one_of_the_tissue(case):
    series, mask, aif, _ = case
    subject = read(series, mask, aif.concentration / 100)
    assert subject.tissue.max() == pytest.approx(1)
    assert subject.arterial.max() < 0.1


def test_a_voxel_at_the_noise_floor_sets_no_scale(case):
    series, mask, aif, _ = case
    signal = series.signal.copy()
    signal[20, 0, 0, 0] = 1e-6
    subject = read(with_signal(series, signal), mask, aif.concentration)
    assert subject.flags[0] == Flag.SATURATED
    assert subject.maximum == pytest.approx(read(series, mask, aif.concentration).maximum)
    assert subject.tissue.max() > 1


def test_kept_voxels_are_those_of_the_whole(case):
    series, mask, aif, _ = case
    whole = read(series, mask, aif.concentration)
    kept = np.array([3, 17, 500])
    some = read(series, mask, aif.concentration, kept)
    assert some.maximum == whole.maximum
    for name in ("tissue", "volume", "noise", "flags"):
        np.testing.assert_array_equal(getattr(some, name), getattr(whole, name)[kept])


def test_volume_is_equation_2(case, maps):
    series, mask, aif, _ = case
    bolus = find_bolus(series, mask)
    last = np.searchsorted(
        series.frame_times_s, series.frame_times_s[bolus.peak] + 45, side="right"
    )
    window = slice(bolus.baseline_start, last)
    signal = series.signal[:, 1, 7, 5].astype(np.float64)
    baseline = signal[bolus.baseline_start : bolus.baseline_stop].mean()
    curve = -np.log(signal / baseline) / ECHO_TIME_S
    area = np.trapezoid(curve[window], dx=1.5) / np.trapezoid(aif.concentration[window], dx=1.5)
    assert maps["CBV"][1, 7, 5] == pytest.approx(SCALE * area, rel=1e-4)


def test_flow_is_volume_over_transit_time(maps):
    assert maps["MTT"].min() >= 0.5
    assert maps["MTT"].max() <= 30
    np.testing.assert_allclose(maps["CBV"], maps["CBF"] * maps["MTT"] / 60, rtol=1e-5)
    assert maps["CBF"].min() > 0


def test_transit_times_are_the_encoders(method, case, maps, float32, tmp_path):
    series, mask, aif, _ = case
    exact = phae_method(tmp_path)
    found = exact.estimate(series, mask, aif)
    assert found.settings["precision"] == "float32"
    subject = read(series, mask, aif.concentration)
    network = exact._build()
    network.load_state_dict(exact.folder.weights())
    pairs = phae.paired(torch.tensor(subject.tissue), torch.tensor(subject.arterial))
    with torch.no_grad():
        expected = network.eval()(pairs, 1.5).numpy()
    np.testing.assert_allclose(found["MTT"].ravel(), expected, rtol=1e-4)
    np.testing.assert_allclose(maps["MTT"], found["MTT"], rtol=0.02)


@pytest.mark.parametrize("factor", [1e-3, 7.0])
def test_a_constant_factor_of_the_signal_changes_nothing(method, case, maps, factor):
    series, mask, aif, _ = case
    other = method.estimate(with_signal(series, factor * series.signal), mask, aif)
    for name in ("CBF", "CBV", "MTT"):
        np.testing.assert_allclose(other[name], maps[name], rtol=0.01)


def test_flow_does_not_depend_on_the_echo_time(method, case, maps):
    series, mask, aif, _ = case
    longer = DscSeries(series.signal, series.frame_times_s, series.geometry, 2 * ECHO_TIME_S)
    halved = make_aif(aif.concentration / 2, series.frame_times_s, "simulated", False)
    other = method.estimate(longer, mask, halved)
    np.testing.assert_allclose(other["CBF"], maps["CBF"], rtol=0.01)


def test_twice_the_clock_is_twice_the_transit_time(method, case, maps):
    series, mask, aif, _ = case
    slow = DscSeries(series.signal, 2 * series.frame_times_s, series.geometry, ECHO_TIME_S)
    artery = make_aif(aif.concentration, slow.frame_times_s, "simulated", False)
    amid = (maps["MTT"] > 2) & (maps["MTT"] < 8)
    assert amid.any()
    ratio = method.estimate(slow, mask, artery)["MTT"][amid] / maps["MTT"][amid]
    np.testing.assert_allclose(ratio, 2, rtol=0.02)


def test_voxels_without_signal_or_bolus_hold_0(method, case):
    series, mask, aif, _ = case
    signal = series.signal.copy()
    signal[:, 0, 3, 3] = 0
    signal[:, 1] = signal[:4, 1].mean(axis=0)
    maps = method.estimate(with_signal(series, signal), mask, aif)
    assert maps.flags[0, 3, 3] == Flag.NO_SIGNAL
    assert np.all(maps.flags[1, 2:-2, 2:-2] == Flag.NO_BOLUS)
    gone = (maps.flags == Flag.NO_SIGNAL) | (maps.flags == Flag.NO_BOLUS)
    for name in maps.names:
        assert np.all(maps[name][gone] == 0)
        assert np.isfinite(maps[name]).all()
    assert np.all(maps["CBF"][maps.flags == Flag.GOOD] > 0)


def test_nothing_is_said_of_the_scale_of_flow_where_no_voxel_is_good():
    assert scale_warning(np.zeros(0, np.float32)) == ()
    assert "ratios" in scale_warning(np.full(9, 3.0, np.float32))[0]
    assert scale_warning(np.full(9, 40.0, np.float32)) == ()


def test_outside_the_mask_is_0(method, case):
    series, _, aif, _ = case
    mask = np.zeros(series.geometry.shape, bool)
    mask[:, 4:20, 4:20] = True
    maps = method.estimate(series, mask, aif)
    for name in maps.names:
        assert np.all(maps[name][~mask] == 0)


@pytest.mark.parametrize("depth", [0.1, 0.5, 1.0])
def test_misfit_is_1_where_noise_alone_is_left_however_dark_the_bolus(depth):
    rng = np.random.default_rng(3)
    voxels, mtt_s, snr = int(np.prod(GRID)), 4.0, 50
    times = np.arange(80) * 1.5
    ca = arterial(times, onset_s=15.0, peak=60.0)
    unit = reconstruct(torch.tensor(ca), torch.ones(1), torch.tensor([mtt_s]), 1.5).numpy()
    curve = unit * depth / ECHO_TIME_S / unit.max()
    series = DscSeries(
        300 * signal_of(np.repeat(curve, voxels, axis=0), 1 / snr, rng),
        times,
        Geometry(GRID, (2.0, 2.0, 5.0)),
        ECHO_TIME_S,
    )
    subject = read(series, np.ones(GRID, bool), ca)
    volume = np.full(voxels, depth / ECHO_TIME_S / unit.max(), np.float32)

    def knowing(pairs, step_s):
        return torch.full((len(pairs),), mtt_s)

    _, misfit = phae._transit(
        knowing,
        replace(subject, volume=volume),
        np.arange(voxels),
        "lorentzian",
        ECHO_TIME_S,
        "cpu",
    )
    assert np.median(misfit) == pytest.approx(1, abs=0.08)
    _, wrong = phae._transit(
        lambda pairs, step_s: 3 * knowing(pairs, step_s),
        replace(subject, volume=volume),
        np.arange(voxels),
        "lorentzian",
        ECHO_TIME_S,
        "cpu",
    )
    assert np.median(wrong) > np.median(misfit) + 0.1 * depth


def test_uneven_frames_are_read_at_even_times(method, case):
    series, mask, aif, _ = case
    times = series.frame_times_s.copy()
    times[40:] += 0.7
    uneven = DscSeries(series.signal, times, series.geometry, ECHO_TIME_S)
    subject = read(uneven, mask, aif.concentration)
    assert subject.step_s == pytest.approx(1.5)
    expected = np.interp(1.5 * 44, times, aif.concentration) / subject.maximum
    assert subject.arterial[44] == pytest.approx(expected, rel=1e-4)
    assert np.isfinite(method.estimate(uneven, mask, aif)["CBF"]).all()


def test_without_an_arterial_curve_it_says_so(method, case):
    series, mask, aif, _ = case
    with pytest.raises(InputError, match="arterial input"):
        method.estimate(series, mask)
    flat = replace(aif, concentration=-aif.concentration)
    with pytest.raises(InputError, match="choose another artery"):
        method.estimate(series, mask, flat)


def test_it_stops_when_asked(method, case):
    series, mask, aif, _ = case
    with pytest.raises(Cancelled):
        method.estimate(series, mask, aif, cancelled=lambda: True)


def test_a_foreign_normalisation_is_refused(tmp_path, case):
    folder = phae_model(tmp_path)
    folder.card["preprocessing"]["normalisation"] = "voxel"
    series, mask, aif, _ = case
    with pytest.raises(InputError, match="voxel"):
        phae.PhaeMethod(folder).estimate(series, mask, aif)


def test_the_registry_gives_it(tmp_path):
    folder = phae_model(tmp_path)
    found = get_method(str(folder.path))
    assert isinstance(found, phae.PhaeMethod)
    assert [item.name for item in found.quantities] == ["CBF", "CBV", "MTT", "misfit"]
    assert found.needs.aif
    assert found.needs.echo_time
