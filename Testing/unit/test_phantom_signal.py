"""The signal of a voxel: leaked tracer, parts that add up, slices one after another."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from SyntheticPerfusionLib.phantom.acquisition import Acquisition
from SyntheticPerfusionLib.phantom.aif import ArterialShape
from SyntheticPerfusionLib.phantom.signal import (
    HAEMATOCRIT,
    RELAXIVITY_R1,
    RELAXIVITY_R2STAR_CAPILLARY,
    Compartment,
    Curves,
    Leakage,
    VoxelScan,
    simulate,
)

SCAN = Acquisition(repetition_time_s=1.5, frames=60, flip_angle_deg=70.0, dummy_scans=30)
SHAPE = ArterialShape(onset_s=12.0)
FLIP, DEPHASING = 0.9, 3.0
T1_S, T2STAR_S, DENSITY, AMPLITUDE, MTT_S, DELAY_S = 1.3, 0.06, 0.8, 0.05, 4.0, 1.2


def one(value: float) -> torch.Tensor:
    return torch.tensor([value])


def part(share: float = 1.0, leakage: Leakage | None = None, **changes: object) -> Compartment:
    usual = Compartment(
        share=one(share),
        density=DENSITY,
        t1_s=T1_S,
        t2star_s=T2STAR_S,
        amplitude=one(AMPLITUDE),
        mtt_s=one(MTT_S),
        dispersion_s=one(0.0),
        delay_s=one(DELAY_S),
        leakage=leakage,
    )
    return replace(usual, **changes)


def signal(*parts: Compartment, offset_s: float = 0.0) -> tuple[np.ndarray, float, float]:
    curves = Curves.tabulate(SHAPE.at, SCAN, None, 0.0, "cpu")
    voxel = VoxelScan(one(FLIP), one(DEPHASING), one(offset_s))
    found, baseline, peak_s = simulate(list(parts), curves, voxel, SCAN)
    return found[:, 0].numpy(), float(baseline[0]), float(peak_s[0])


def exact(ktrans_per_min: float, space: float, r2star: float, offset_s: float = 0.0) -> np.ndarray:
    """The equations of phantom/signal.py by sums over a fine grid."""
    step = 0.01
    times = SCAN.frame_times_s + offset_s
    lag = (np.arange(12000) + 0.5) * step
    arterial = SHAPE.at(torch.as_tensor(times[:, None] - DELAY_S - lag)).numpy()
    inside = arterial @ np.exp(-lag / MTT_S) * step / MTT_S
    plasma_mm = arterial / RELAXIVITY_R2STAR_CAPILLARY / (1 - HAEMATOCRIT)
    per_s = ktrans_per_min / 60
    leaked_mm = per_s * plasma_mm @ np.exp(-lag * per_s / space) * step
    e1 = np.exp(-SCAN.repetition_time_s * (1 / T1_S + RELAXIVITY_R1 * leaked_mm))
    flip = np.deg2rad(SCAN.flip_angle_deg) * FLIP
    weight = np.sin(flip) * (1 - e1) / (1 - np.cos(flip) * e1)
    rate = 1 / T2STAR_S + DEPHASING + AMPLITUDE * inside + r2star * leaked_mm
    return DENSITY * weight * np.exp(-SCAN.echo_time_s * rate)


@pytest.mark.parametrize(("ktrans", "r2star"), [(0.0, 0.0), (0.03, 4.0), (0.12, 6.0), (0.12, 80.0)])
def test_signal_is_that_of_tofts_leak_in_both_relaxation_rates(ktrans, r2star):
    leakage = Leakage(one(ktrans), 0.29, r2star)
    found, baseline, _ = signal(part(leakage=leakage))
    np.testing.assert_allclose(found / baseline, exact(ktrans, 0.29, r2star) / baseline, atol=2e-3)


def test_parts_of_a_voxel_add_up_in_signal_and_not_in_concentration():
    half_artery = part(0.3, amplitude=one(0.13), mtt_s=one(0.0), delay_s=one(0.0))
    together, _, _ = signal(part(0.7), half_artery)
    apart = [signal(only)[0] for only in (part(0.7), half_artery)]
    np.testing.assert_allclose(together, apart[0] + apart[1], rtol=1e-5)


@pytest.mark.parametrize("offset_s", [0.0, 0.7, 1.45])
def test_slice_acquired_later_sees_later_tracer_and_peaks_earlier_by_the_clock_of_frames(offset_s):
    found, _, peak_s = signal(part(), offset_s=offset_s)
    np.testing.assert_allclose(found, exact(0.0, 0.29, 0.0, offset_s), atol=1e-3)
    assert peak_s == pytest.approx(signal(part())[2] - offset_s, abs=0.03)
