"""What a DSC series looks like as pictures, in figures: contrast, noise, dip and arrival by voxel.

Beside curve_figures these say whether the images of a digital patient could be a scanner's: how
bright the parts of the brain are against each other, how much of it hardly dips, how late parts of
it are, how coarse the texture is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..series.bolus import BolusTiming
from ..series.curve import full_width_half_maximum, time_of_peak
from ..series.dsc_series import DscSeries
from .curve_figures import second_difference_noise

HARDLY = 0.10
"""Voxels whose signal falls by less than this share hardly dip."""

_FARTHEST = 12


@dataclass(frozen=True, eq=False)
class VoxelFigures:
    """Figures of N voxels of a mask, and of their (K, J, I) pictures.

    baseline        (N,) mean signal of the baseline frames.
    tsnr            (N,) baseline over the standard deviation of the noise of the last third of the
                    frames.
    dip             (N,) fall of the signal at the voxel's own peak, 0 to 1.
    peak_frame      (N,) time of the peak of -ln(S/S0) in frames, NaN where the voxel hardly dips.
    """

    mask: np.ndarray
    baseline: np.ndarray
    tsnr: np.ndarray
    dip: np.ndarray
    peak_frame: np.ndarray

    def picture(self, values: np.ndarray) -> np.ndarray:
        """(K, J, I) of N values; NaN outside the mask."""
        volume = np.full(self.mask.shape, np.nan)
        volume[self.mask] = values
        return volume


def voxel_figures(series: DscSeries, mask: np.ndarray, bolus: BolusTiming) -> VoxelFigures:
    """Figures of every voxel of `mask` (K, J, I); `bolus` is the timing in `series`.

    The peak is looked for from two frames before the brain's arrival to twice the brain's width
    after its peak, in the mean of each three frames, so that noise and the second pass do not
    count.
    """
    curves = series.signal[:, mask].astype(np.float64)
    steady = curves[bolus.baseline_start : bolus.baseline_stop]
    baseline = np.maximum(steady.mean(axis=0), 1e-6)
    noise = second_difference_noise(curves[-(len(curves) // 3) :])
    change = -np.log(np.maximum(curves / baseline, 1e-3))
    start = max(bolus.arrival - 2, bolus.baseline_start, 1)
    stop = min(_after_first_pass(bolus), len(change) - 1)
    smooth = (change[start - 1 : stop - 1] + change[start:stop] + change[start + 1 : stop + 1]) / 3
    highest = change[start:stop][smooth.argmax(axis=0), np.arange(baseline.size)]
    dip = np.clip(1 - np.exp(-highest), 0, 1)
    frames = np.arange(start, stop, dtype=np.float64)
    return VoxelFigures(
        mask=mask,
        baseline=baseline,
        tsnr=baseline / np.maximum(noise, 1e-9),
        dip=dip,
        peak_frame=np.where(dip >= HARDLY, time_of_peak(smooth, frames), np.nan),
    )


def _after_first_pass(bolus: BolusTiming) -> int:
    """Frame twice the brain's width after its peak, where no width can be read twice its rise."""
    brain = -np.log(np.maximum(bolus.mean_signal[bolus.baseline_start :] / bolus.baseline, 1e-3))
    width = full_width_half_maximum(brain, np.arange(brain.size, dtype=np.float64))
    if not np.isfinite(width):
        width = 2.0 * (bolus.peak - bolus.arrival)
    return bolus.peak + round(2 * width) + 1


def correlation_length(picture: np.ndarray, step_mm: float = 1.0) -> float:
    """In-plane distance in mm at which a (K, J, I) picture's autocorrelation falls to a half.

    Voxels of NaN do not count. The mean of each slice is taken off; pairs along rows and columns
    count alike. NaN where there is too little of it, or where it does not fall within 12 voxels.
    """
    correlation = [1.0]
    for lag in range(1, _FARTHEST + 1):
        correlation.append(autocorrelation(picture, lag))
        if not np.isfinite(correlation[-1]):
            return float("nan")
        if correlation[-1] <= 0.5:
            above, below = correlation[-2:]
            return float(step_mm * (lag - 1 + (above - 0.5) / (above - below)))
    return float("nan")


def noise_correlation(series: DscSeries, mask: np.ndarray) -> float:
    """Correlation of the noise of neighbours in the plane: 0 where each voxel has its own.

    From the second differences of the last frames, in which the bolus no longer shows.
    """
    late = np.diff(series.signal[-(series.frame_count // 3) :], 2, axis=0)
    frames = [np.where(mask, frame, np.nan) for frame in late.astype(np.float64)]
    return float(np.mean([autocorrelation(frame, 1) for frame in frames]))


def autocorrelation(picture: np.ndarray, lag: int) -> float:
    """Correlation of a (K, J, I) picture with itself `lag` voxels away in the plane."""
    inside = np.isfinite(picture)
    count = np.maximum(inside.sum(axis=(1, 2), keepdims=True), 1)
    mean = np.where(inside, picture, 0).sum(axis=(1, 2), keepdims=True) / count
    centred = np.where(inside, picture - mean, 0)
    pairs = product = power = 0.0
    for axis in (1, 2):
        here = np.take(centred, range(picture.shape[axis] - lag), axis=axis)
        there = np.take(centred, range(lag, picture.shape[axis]), axis=axis)
        both = np.take(inside, range(picture.shape[axis] - lag), axis=axis) & np.take(
            inside, range(lag, picture.shape[axis]), axis=axis
        )
        pairs += float(both.sum())
        product += float((here * there)[both].sum())
        power += float(((here**2 + there**2) / 2)[both].sum())
    return product / power if pairs > 20 and power > 0 else float("nan")
