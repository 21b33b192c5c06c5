"""Curves for the benchmark: 4096 voxels, 80 frames, TR 1.5 s, SNR 50, delays of 0 to 6 s."""

from __future__ import annotations

import numpy as np

VOXELS = 4096
FRAMES = 80
STEP_S = 1.5
TE_S = 0.03
FINE_S = 0.05


def make() -> tuple[np.ndarray, np.ndarray]:
    """(AIF (80,), curves (4096, 80)) in 1/s, float64."""
    rng = np.random.default_rng(50)
    fine = np.arange(0, FRAMES * STEP_S, FINE_S)
    since = np.maximum(fine - 15.0, 0)
    bolus = since**3 * np.exp(-since / 1.5)
    later = np.maximum(fine - 27.0, 0)
    again = later**3 * np.exp(-later / 3.0)
    aif = 330.0 * (bolus / bolus.max() + 0.12 * again / again.max())
    every = round(STEP_S / FINE_S)
    curves = np.empty((VOXELS, FRAMES))
    for voxel in range(VOXELS):
        flow, transit_s, delay_s = rng.uniform([5, 3, 0], [80, 12, 6])
        residue = np.where(fine >= delay_s, np.exp(-np.maximum(fine - delay_s, 0) / transit_s), 0)
        spectrum = np.fft.rfft(aif, 2 * len(fine)) * np.fft.rfft(residue, 2 * len(fine))
        curve = np.fft.irfft(spectrum)[: len(fine)] * FINE_S
        curves[voxel] = 1.42 * flow / 6000 * curve[::every]
    signal = np.exp(-TE_S * curves)
    noise = rng.normal(0, 0.02, (2, *signal.shape))
    measured = np.abs(signal + noise[0] + 1j * noise[1])
    baseline = measured[:, :9].mean(axis=1, keepdims=True)
    return aif[::every], -np.log(np.maximum(measured, 1e-3) / baseline) / TE_S
