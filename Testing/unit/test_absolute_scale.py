"""CBF, CBV, MTT and Tmax of `estimate` on a noise-free series with a known arterial curve.

The tissue is made with the density and haematocrit factors in the equation, so that a factor
left out, squared or turned over in the maps shows.
"""

from __future__ import annotations

import numpy as np
import pytest
from SyntheticPerfusionLib.methods.registry import get_method
from SyntheticPerfusionLib.series.aif_voxels import make_aif
from SyntheticPerfusionLib.series.dsc_series import DscSeries
from SyntheticPerfusionLib.series.geometry import Geometry

from .curves import arterial, tissue

K_H = (1 - 0.45) / (1 - 0.25)
RHO = 1.04
TE_S = 0.03
CBF = np.array([20.0, 30.0, 40.0, 50.0])
MTT_S = np.array([14.0, 12.0, 10.0, 8.0])
DELAY_S = np.array([0.0, 2.0, 4.0, 6.0])


def true_aif(times_s):
    return arterial(times_s, onset_s=15.0, peak=300.0)


@pytest.fixture(scope="module", params=[1.0, 1.5])
def measured(request):
    """(step in s, series of one row of four voxels, its AIF)."""
    times = np.arange(round(120 / request.param)) * request.param
    rate = np.stack(
        [
            RHO / K_H * tissue(times, flow, transit, delay, aif=true_aif)
            for flow, transit, delay in zip(CBF, MTT_S, DELAY_S, strict=True)
        ],
        axis=1,
    )
    signal = 1000 * np.exp(-TE_S * rate)[:, None, None, :]
    series = DscSeries(signal, times, Geometry((1, 1, 4), (2.0, 2.0, 5.0)), TE_S)
    return request.param, series, make_aif(true_aif(times), times, "known")


def maps_of(name, measured):
    _, series, aif = measured
    return get_method(name).estimate(series, np.ones((1, 1, 4), bool), aif)


@pytest.mark.parametrize("name", ["cSVD", "oSVD", "Tikhonov", "sSVD"])
def test_volume_is_absolute(name, measured):
    found = maps_of(name, measured)["CBV"][0, 0]
    np.testing.assert_allclose(found, CBF * MTT_S / 60, rtol=0.05)


@pytest.mark.parametrize("name", ["cSVD", "oSVD", "Tikhonov", "sSVD"])
def test_flow_and_transit_time_are_absolute(name, measured):
    """Flow is only ever lost: no truncated residue follows the jump at arrival."""
    maps = maps_of(name, measured)
    flow = maps["CBF"][0, 0] / CBF
    assert np.all((flow > 0.75) & (flow < 1.05))
    np.testing.assert_allclose(maps["MTT"][0, 0] * flow, MTT_S, rtol=0.05)


@pytest.mark.parametrize("name", ["cSVD", "oSVD"])
def test_tmax_is_the_delay_and_an_offset(name, measured):
    tmax = maps_of(name, measured)["Tmax"][0, 0]
    offset = tmax - DELAY_S
    assert np.all((offset > 0) & (offset < 4))
    assert np.ptp(offset) < 1.0


def test_ttp_is_counted_from_the_first_frame_and_arrival_is_before_it(measured):
    step, series, _ = measured
    maps = maps_of("oSVD", measured)
    curves = -np.log(series.signal[:, 0, 0] / 1000) / TE_S
    peak = series.frame_times_s[curves.argmax(axis=0)]
    np.testing.assert_allclose(maps["TTP"][0, 0], peak, atol=0.6 * step)
    np.testing.assert_allclose(
        maps["TTP_arrival"][0, 0], (maps["TTP"] - maps["BAT"])[0, 0], atol=1e-3
    )
    # A tenth of the peak is passed within a few seconds of true arrival, at 15 s and the delay.
    since = maps["BAT"][0, 0] - (15.0 + DELAY_S)
    assert np.all((since > -0.5) & (since < 4.0))


def test_relative_volume_is_over_the_mean_of_the_brain(measured):
    found = maps_of("oSVD", measured)["rCBV"][0, 0]
    volume = CBF * MTT_S
    np.testing.assert_allclose(found, volume / volume.mean(), rtol=0.03)
    assert found.mean() == pytest.approx(1.0)


def test_signal_recovery_is_what_the_curve_says(measured):
    _, series, _ = measured
    found = maps_of("oSVD", measured)["PSR"][0, 0]
    signal = series.signal[:, 0, 0]
    last = max(2, round(0.1 * len(signal)))
    end, lowest = signal[-last:].mean(axis=0), signal.min(axis=0)
    np.testing.assert_allclose(found, 100 * (end - lowest) / (1000 - lowest), rtol=0.01)
